import { trackUpdate } from '../../../api/apply/managed-fields.js';
import { addressFor, isOfService } from '../../../api/facts/service-addresses.js';
import type { ObjectMeta } from '../../../api/object.js';
import { ipAddressKind } from '../../../api/networking/address-kinds.js';
import type { IPAddress } from '../../../api/types/networking.js';
import type { Random } from '../../../lib/random.js';
import type { Entry } from '../cache/entry.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { ExtraWrites } from '../registry/write-hook.js';
import { encodeStored } from '../storage/codec.js';
import { kindPrefix, registryPrefix, storageId } from '../storage/keys.js';

const lockId = 'serviceips';

/** The service that holds an address. */
export type Holder = Pick<ObjectMeta, 'name' | 'namespace'>;

/**
 * The addresses that are taken. Each is two keys: the IPAddress, which everybody sees and whoever may can delete, and a
 * lock that only the allocator writes. An address is free when neither is there; both come and go in the transaction of
 * the service, so that no crash leaves one without the others, and no deletion of an IPAddress makes an address free
 * that a service has. (Servers of versions before IPAddress look at the locks alone.)
 */
export class AddressClaims {
  readonly #watchCache: WatchCache;
  readonly #random: Random;
  readonly #now: () => string;

  constructor(parts: {
    readonly watchCache: WatchCache;
    readonly random: Random;
    readonly now: () => string;
  }) {
    this.#watchCache = parts.watchCache;
    this.#random = parts.random;
    this.#now = parts.now;
  }

  isTaken(address: string): boolean {
    return this.#lock(address) !== undefined || this.#ipAddress(address) !== undefined;
  }

  /** The writes by which a service takes an address. */
  take(address: string, holder: Holder): ExtraWrites {
    const [lock, object] = [lockKey(address), objectKey(address)];
    return {
      guards: [
        { key: lock, modRevision: 0 },
        { key: object, modRevision: 0 },
      ],
      ops: [
        { type: 'put', key: lock, value: allocationValue(address, holder) },
        { type: 'put', key: object, value: this.#value(address, holder) },
      ],
    };
  }

  /** The writes by which a service gives an address back. What has become another's stays. */
  giveBack(address: string, holder: Holder): ExtraWrites {
    const lock = givenBack(this.#lock(address), lockKey(address), (entry) =>
      isAllocatedTo(entry, holder),
    );
    const object = givenBack(this.#ipAddress(address), objectKey(address), (entry) => {
      const found = entry.object<IPAddress>();
      return isOfService(found, { metadata: holder }) && !isHeld(found);
    });
    return { guards: [...lock.guards, ...object.guards], ops: [...lock.ops, ...object.ops] };
  }

  #lock(address: string): Entry | undefined {
    return this.#watchCache.cache(lockId).get(address);
  }

  #ipAddress(address: string): Entry | undefined {
    return this.#watchCache.cache(storageId(ipAddressKind.storage)).get(address);
  }

  #value(address: string, holder: Holder): Buffer {
    const now = this.#now();
    const made = addressFor(address, { metadata: holder });
    const uid = this.#random.uuid();
    const object = { ...made, metadata: { ...made.metadata, uid, creationTimestamp: now } };
    trackUpdate(ipAddressKind, undefined, object, {
      manager: 'kube-apiserver',
      subresource: '',
      now,
    });
    return encodeStored(object);
  }
}

/** Finalizers hold an IPAddress; who repairs the addresses deletes it as a client does. */
function isHeld({ metadata }: IPAddress): boolean {
  return (metadata.finalizers ?? []).length > 0;
}

function lockKey(address: string): string {
  return `${registryPrefix}${lockId}/${address}`;
}

function objectKey(address: string): string {
  return `${kindPrefix(ipAddressKind)}${address}`;
}

function ownerText({ namespace = '', name }: Holder): string {
  return `${namespace}/${name}`;
}

/** True for the entry of a key by {@link allocationValue} that says this holder, or nobody. */
export function isAllocatedTo(entry: Entry, holder: Holder): boolean {
  const { service = '' } = entry.object().metadata.annotations ?? {};
  return service === '' || service === ownerText(holder);
}

/**
 * The writes by which a key is given back, if it is one's own. They hold only while the key is as the cache shows it: a
 * cache that is late must neither take from another what it has by now, nor leave what it does not show yet.
 */
export function givenBack(
  entry: Entry | undefined,
  key: string,
  isOwn: (entry: Entry) => boolean,
): ExtraWrites {
  const guards = [{ key, modRevision: entry?.revision ?? 0 }];
  const ops = entry !== undefined && isOwn(entry) ? [{ type: 'delete', key } as const] : [];
  return { guards, ops };
}

/** The value of a key that says what a service holds. */
export function allocationValue(name: string, holder: Holder): Buffer {
  const metadata = { name, annotations: { service: ownerText(holder) } };
  return Buffer.from(
    JSON.stringify({ kind: 'Allocation', apiVersion: 'internal.trireme/v1', metadata }),
  );
}
