import { parseTime } from '../../../api/facts/time.js';
import { registryPrefix } from '../storage/keys.js';
import { prefixEnd, StoreError } from '../storage/store.js';
import type { Store } from '../storage/store.js';

/** The leases of the parts that lead; they are renewed every few seconds, whatever else is written. */
const leasePrefix = `${registryPrefix}coordination.k8s.io/leases/kube-system/`;
const leasesMax = 32;
/** Revisions whose time is remembered: thousands of questions cost no memory, few of them the store. */
const knownMax = 4096;

/** The time of a revision: unknown where nothing tells it, as at the very beginning; `compacted` where it is gone. */
type Told = number | 'unknown' | 'compacted';

/** A revision and about when it was the present one. */
export interface RevisionTime {
  readonly revision: number;
  /** Milliseconds since 1970; undefined when nothing tells. */
  readonly timeMs: number | undefined;
}

/**
 * Tells which revision was the present one at a time, and back. The store itself is the index: each of its revisions
 * still has the leases of scheduler and controllers as they were, with the time of their last renewal, so a binary
 * search over revisions finds any time that has not been compacted, to some seconds. It costs about twenty reads of a
 * few small objects, and nothing at all while nobody asks; it is the same on every master and outlives restarts. What
 * was read is kept, up to {@link knownMax} revisions.
 */
export class RevisionTimes {
  readonly #store: Pick<Store, 'range' | 'revision'>;
  readonly #read: (key: string, value: Buffer) => Buffer;
  readonly #known = new Map<number, Told>();

  /** @param read gives a stored value in the clear */
  constructor(
    store: Pick<Store, 'range' | 'revision'>,
    read: (key: string, value: Buffer) => Buffer,
  ) {
    this.#store = store;
    this.#read = read;
  }

  /** The last revision that is not younger than `timeMs`; undefined when that is compacted, or older than the first. */
  async at(timeMs: number): Promise<RevisionTime | undefined> {
    const present = await this.#store.revision();
    const last = await this.#told(present);
    if (last !== 'compacted' && last !== 'unknown' && last <= timeMs) return this.time(present);
    let [low, high] = [1, present];
    // Invariant: what is before `low` is older or compacted, what is from `high` on is younger.
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const told = await this.#told(middle);
      const isYounger = typeof told === 'number' && told > timeMs;
      if (isYounger) high = middle;
      else low = middle + 1;
    }
    const found = low - 1;
    if (found < 1) return undefined;
    // It may have been compacted since it was last read, or be older than anything that tells a time.
    const told = await this.#ask(found);
    return typeof told === 'number' ? { revision: found, timeMs: told } : undefined;
  }

  /**
   * The oldest revision that can be read. Nothing tells the time of a cluster's first ones: they are given that of the
   * first revision that tells one, the oldest that {@link at} takes.
   */
  async oldest(): Promise<RevisionTime> {
    const present = await this.#store.revision();
    const isKept = async (at: number): Promise<boolean> => (await this.#ask(at)) !== 'compacted';
    const isTimed = async (at: number): Promise<boolean> =>
      typeof (await this.#told(at)) === 'number';
    const revision = await firstThat(isKept, 1, present);
    const timed = await firstThat(isTimed, revision, present);
    return { revision, timeMs: (await this.time(timed)).timeMs };
  }

  /** The revision of now. */
  async present(): Promise<RevisionTime> {
    return this.time(await this.#store.revision());
  }

  /** About when a revision was the present one. */
  async time(revision: number): Promise<RevisionTime> {
    const told = await this.#told(revision);
    return { revision, timeMs: typeof told === 'number' ? told : undefined };
  }

  async #told(revision: number): Promise<Told> {
    const known = this.#known.get(revision);
    if (known !== undefined) return known;
    const told = await this.#ask(revision);
    this.#known.set(revision, told);
    if (this.#known.size > knownMax) {
      const first = this.#known.keys().next();
      if (first.done !== true) this.#known.delete(first.value);
    }
    return told;
  }

  async #ask(revision: number): Promise<Told> {
    try {
      const { kvs } = await this.#store.range({
        start: leasePrefix,
        end: prefixEnd(leasePrefix),
        limit: leasesMax,
        revision,
      });
      const times = kvs.map(({ key, value }) => renewal(this.#read(key, value)));
      const latest = Math.max(...times.filter((time) => time !== undefined));
      return Number.isFinite(latest) ? latest : 'unknown';
    } catch (error) {
      if (error instanceof StoreError && error.code === 'compacted') return 'compacted';
      throw error;
    }
  }
}

/** The first revision from `low` to `high` that is so, where all after it are; `high` when none before it is. */
async function firstThat(
  isSo: (revision: number) => Promise<boolean>,
  low: number,
  high: number,
): Promise<number> {
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isSo(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function renewal(value: Buffer): number | undefined {
  const { spec } = JSON.parse(value.toString()) as { spec?: { renewTime?: string } };
  return parseTime(spec?.renewTime);
}
