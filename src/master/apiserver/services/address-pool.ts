import { findCondition } from '../../../api/facts/conditions.js';
import { serviceCidrKind } from '../../../api/networking/address-kinds.js';
import type { ServiceCIDR } from '../../../api/types/networking.js';
import type { Random } from '../../../lib/random.js';
import type { Entry } from '../cache/entry.js';
import type { WatchCache } from '../cache/watch-cache.js';
import { kindPrefix, storageId } from '../storage/keys.js';
import type { Guard } from '../storage/store.js';
import type { AddressRange } from './address-range.js';
import { addressNumber, addressText, isUsable, rangeOf } from './address-range.js';

/** Name of the ServiceCIDR that every cluster has. */
export const defaultCidrName = 'kubernetes';

/** Addresses looked at in one part of a range. */
const probes = 4096;

/** A range, and the ServiceCIDR that it is of. */
interface Source {
  readonly range: AddressRange;
  readonly guard: Guard;
}

/** An address to give out, while the guard holds: its ServiceCIDR is still as it was read. */
export interface Offer {
  readonly address: string;
  readonly guard: Guard;
}

/**
 * The addresses that services may have: those of all ServiceCIDRs that are ready and are not being deleted. Reads them
 * from the watch cache; who gives an address out puts the guard into his transaction, so that none is given out of a
 * ServiceCIDR whose deletion has begun.
 */
export class AddressPool {
  readonly #watchCache: WatchCache;
  readonly #random: Random;

  constructor(watchCache: WatchCache, random: Random) {
    this.#watchCache = watchCache;
    this.#random = random;
  }

  /** This address, unless it is in no range that is ready. */
  offer(address: string): Offer | undefined {
    const number = addressNumber(address);
    if (number === undefined) return undefined;
    const source = this.#sources().find(({ range }) => isUsable(range, number));
    return source === undefined ? undefined : { address, guard: source.guard };
  }

  /** Any free address, or undefined when all ranges are full; the cluster's own range comes first. */
  any(isTaken: (address: string) => boolean): Offer | undefined {
    for (const { range, guard } of this.#sources()) {
      const address = this.#freeIn(range, isTaken);
      if (address !== undefined) return { address, guard };
    }
    return undefined;
  }

  /** The address of the first range itself; undefined when none is ready. */
  network(): Offer | undefined {
    const [source] = this.#sources();
    if (source === undefined) return undefined;
    return { address: addressText(source.range.first), guard: source.guard };
  }

  /** Random, from above the part that is kept for addresses that are asked for (KEP-3070). */
  #freeIn(
    { first, size }: AddressRange,
    isTaken: (address: string) => boolean,
  ): string | undefined {
    const kept = Math.min(Math.max(16, size / 16), 256, Math.floor(size / 2));
    for (const [low, high] of [
      [kept + 1, size - 1],
      [1, size - 1],
    ] as const) {
      const count = high - low;
      if (count <= 0) continue;
      const start = this.#random.below(count);
      for (let i = 0; i < Math.min(count, probes); i++) {
        const address = addressText(first + low + ((start + i) % count));
        if (!isTaken(address)) return address;
      }
    }
    return undefined;
  }

  #sources(): Source[] {
    const entries = [...this.#watchCache.cache(storageId(serviceCidrKind.storage)).list()];
    const own = entries.filter(({ name }) => name === defaultCidrName);
    const others = entries.filter(({ name }) => name !== defaultCidrName);
    return [...own, ...others].flatMap(sourcesOf);
  }
}

function sourcesOf(entry: Entry): Source[] {
  const cidr = entry.object<ServiceCIDR>();
  if (!isReady(cidr)) return [];
  const key = `${kindPrefix(serviceCidrKind)}${entry.key}`;
  const guard = { key, modRevision: entry.revision };
  const ranges = (cidr.spec.cidrs ?? []).map(rangeOf).filter((range) => range !== undefined);
  return ranges.map((range) => ({ range, guard }));
}

/** One without the condition is ready: its controller may not be running. */
function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (findCondition(status?.conditions, 'Ready')?.status ?? 'True') === 'True';
}
