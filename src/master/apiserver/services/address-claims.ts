import { trackUpdate } from '../../../api/apply/managed-fields.js';
import { addressFor, isOfService } from '../../../api/facts/service-addresses.js';
import type { ObjectMeta } from '../../../api/object.js';
import { ipAddressKind } from '../../../api/networking/address-kinds.js';
import type { IPAddress } from '../../../api/types/networking.js';
import type { Random } from '../../../lib/random.js';
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
    return this.#lock(address) || this.#ipAddress(address) !== undefined;
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

  /** The writes by which a service gives an address back. An IPAddress that has become another's stays. */
  giveBack(address: string, holder: Holder): ExtraWrites {
    const found = this.#ipAddress(address);
    const lock = { type: 'delete', key: lockKey(address) } as const;
    const isOwn =
      found === undefined || (isOfService(found, { metadata: holder }) && !isHeld(found));
    const object = { type: 'delete', key: objectKey(address) } as const;
    return { guards: [], ops: isOwn ? [lock, object] : [lock] };
  }

  #lock(address: string): boolean {
    return this.#watchCache.cache(lockId).get(address) !== undefined;
  }

  #ipAddress(address: string): IPAddress | undefined {
    const cache = this.#watchCache.cache(storageId(ipAddressKind.storage));
    return cache.get(address)?.object<IPAddress>();
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

/** The value of a key that says what a service holds. */
export function allocationValue(name: string, holder: Holder): Buffer {
  const owner = `${holder.namespace ?? ''}/${holder.name}`;
  const metadata = { name, annotations: { service: owner } };
  return Buffer.from(
    JSON.stringify({ kind: 'Allocation', apiVersion: 'internal.trireme/v1', metadata }),
  );
}
