import { assert } from '../../../lib/assert.js';
import { loadPageKeys } from '../limits.js';
import { registryPrefix } from '../storage/keys.js';
import type { RangeResult, Store } from '../storage/store.js';
import { prefixEnd, StoreError } from '../storage/store.js';
import type { ResourceCache } from './resource-cache.js';

/** Revisions between two comparisons. */
const everyRevisions = 100;

/** Mod revisions by the resource's id and the object's key in it. */
type Revisions = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The store and the caches to compare. */
export interface CacheCheckOptions {
  readonly store: Pick<Store, 'range'>;
  readonly caches: () => Iterable<ResourceCache>;
  /** Finds the cache that a key of the store belongs to, when its value can be read. */
  readonly place: (
    key: string,
    value: Buffer,
  ) => { readonly id: string; readonly rest: string } | undefined;
}

/**
 * Compares the watch cache with the store at one revision, now and then: an object that one of them lacks, or has in
 * another revision, is a broken invariant. Costly: for `VERIFY=1`.
 */
export class CacheCheck {
  readonly #options: CacheCheckOptions;
  #nextRevision = 0;
  #running: Promise<void> | undefined;

  constructor(options: CacheCheckOptions) {
    this.#options = options;
  }

  /** The comparison under way, if there is one. @throws InvariantError by its promise */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** The caches hold exactly what the store held at `revision`; called before anything else can change them. */
  reached(revision: number): void {
    if (revision < this.#nextRevision || this.#running !== undefined) return;
    this.#nextRevision = revision + everyRevisions;
    const cached = new Map<string, Map<string, number>>();
    for (const cache of this.#options.caches()) {
      const revisions = new Map<string, number>();
      for (const entry of cache.list()) revisions.set(entry.key, entry.revision);
      cached.set(cache.id, revisions);
    }
    this.#running = this.#compare(cached, revision).finally(() => (this.#running = undefined));
  }

  async #compare(cached: Revisions, revision: number): Promise<void> {
    const stored = await this.#stored(revision);
    if (stored === undefined) return;
    for (const [id, revisions] of cached) {
      const wanted = stored.get(id) ?? new Map<string, number>();
      for (const [key, at] of revisions) {
        const inStore = String(wanted.get(key) ?? 'nothing');
        const difference = `${id}/${key} of revision ${at}, the store ${inStore}`;
        assert(wanted.get(key) === at, `the watch cache has ${difference} at ${revision}`);
      }
      for (const [key, at] of wanted) {
        const missing = `${id}/${key} of revision ${at} at ${revision}`;
        assert(revisions.has(key), `the watch cache lacks ${missing}`);
      }
    }
  }

  /** The revisions that the store held; undefined when it cannot be asked any more. */
  async #stored(revision: number): Promise<Revisions | undefined> {
    const stored = new Map<string, Map<string, number>>();
    for (let start = registryPrefix; ;) {
      const page = await this.#page(start, revision);
      if (page === undefined) return undefined;
      for (const kv of page.kvs) {
        const place = this.#options.place(kv.key, kv.value);
        if (place === undefined) continue;
        const revisions = stored.get(place.id) ?? new Map<string, number>();
        stored.set(place.id, revisions.set(place.rest, kv.modRevision));
      }
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return stored;
      start = `${last.key}\0`;
    }
  }

  async #page(start: string, revision: number): Promise<RangeResult | undefined> {
    try {
      const options = { start, end: prefixEnd(registryPrefix), limit: loadPageKeys, revision };
      return await this.#options.store.range(options);
    } catch (error) {
      // Compacted meanwhile, or the store has gone.
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }
}
