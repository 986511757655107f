import { verifying } from '../../../lib/assert.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/log.js';
import { SharedRun } from '../../../lib/shared-run.js';
import { freshnessWaitMs, loadPageKeys } from '../limits.js';
import { tooLargeResourceVersion, unavailable } from '../status.js';
import type { ValueTransformer } from '../storage/encryption.js';
import { registryPrefix } from '../storage/keys.js';
import type { Store, StoreEvent, StoredKv, StoreWatch } from '../storage/store.js';
import { prefixEnd } from '../storage/store.js';
import { CacheCheck } from './cache-check.js';
import { Entry } from './entry.js';
import { ResourceCache } from './resource-cache.js';

/** Groups of one word; all others have a dot, and core resources have none. */
const shortGroups = new Set(['apps', 'autoscaling', 'batch', 'extensions', 'policy']);

/** Splits a key below `/registry/` into the resource's id and the object's key; undefined for anything else. */
export function splitKey(key: string): { id: string; rest: string } | undefined {
  const path = key.slice(registryPrefix.length);
  let slash = path.indexOf('/');
  if (slash <= 0) return undefined;
  const first = path.slice(0, slash);
  if (first.includes('.') || shortGroups.has(first)) slash = path.indexOf('/', slash + 1);
  if (slash <= 0 || slash === path.length - 1) return undefined;
  return { id: path.slice(0, slash), rest: path.slice(slash + 1) };
}

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

/**
 * The whole of `/registry/` in memory, fed by one store watch. One watch for all resources makes every cache reach
 * every revision: a read at "now" asks the store for its revision (one question for all reads that wait at the moment)
 * and waits until the watch cache has got there.
 */
export class WatchCache {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #values: ValueTransformer;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #check: CacheCheck | undefined;
  #waiters: Waiter[] = [];
  #revision = 0;
  #watch: StoreWatch | undefined;
  /** A question that is under way may have been answered before a read came: such reads share the next one. */
  readonly #asking = new SharedRun(() => this.#ask());
  #stopped = false;

  constructor(options: {
    readonly store: Store;
    readonly log: Logger;
    readonly clock: Clock;
    readonly values: ValueTransformer;
  }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#values = options.values;
    if (verifying) {
      this.#check = new CacheCheck({
        store: options.store,
        caches: () => this.caches(),
        place: (key, value) => this.#readablePlace(key, value),
      });
    }
  }

  /** Everything up to here has been seen. 0 before the first load. */
  get revision(): number {
    return this.#revision;
  }

  /** The cache of a resource, made when it is first asked for. */
  cache(id: string): ResourceCache {
    let cache = this.#caches.get(id);
    if (cache === undefined) {
      cache = new ResourceCache(id);
      cache.reset([], this.#revision);
      this.#caches.set(id, cache);
    }
    return cache;
  }

  /** Forgets a resource that is no more; its watches end. */
  drop(id: string): void {
    this.#caches.get(id)?.reset([], this.#revision);
    this.#caches.delete(id);
  }

  caches(): IterableIterator<ResourceCache> {
    return this.#caches.values();
  }

  /** Loads everything and starts to follow. Tries until it succeeds or is stopped. */
  async start(): Promise<void> {
    for (let waitMs = 50; !this.#stopped; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await this.#load();
        return;
      } catch (error) {
        this.#log.warn({ error }, 'loading the registry failed; trying again');
        await delay(this.#clock, waitMs);
      }
    }
  }

  async #load(): Promise<void> {
    const end = prefixEnd(registryPrefix);
    const loaded = new Map<string, Entry[]>();
    let revision: number | undefined;
    for (let start = registryPrefix; ;) {
      const page = await this.#store.range({
        start,
        end,
        limit: loadPageKeys,
        ...(revision === undefined ? {} : { revision }),
      });
      revision ??= page.revision;
      for (const kv of page.kvs) this.#addLoaded(loaded, kv);
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) break;
      start = `${last.key}\0`;
    }
    this.#revision = revision;
    for (const id of loaded.keys()) this.cache(id);
    for (const [id, cache] of this.#caches) cache.reset(loaded.get(id) ?? [], revision);
    this.#watch?.close();
    this.#watch = this.#store.watch(registryPrefix, revision + 1, {
      onEvents: (events, reached) => this.#onEvents(events, reached),
      onLost: (error) => {
        this.#log.warn({ error }, 'the watch of the registry was lost; loading anew');
        if (!this.#stopped) void this.start();
      },
    });
    this.#check?.reached(revision);
    this.#wake();
  }

  #readablePlace(key: string, value: Buffer): { id: string; rest: string } | undefined {
    const place = splitKey(key);
    if (place === undefined) return undefined;
    try {
      Entry.fromStored(place.rest, this.#values.fromStore(key, value), 0);
      return place;
    } catch {
      return undefined;
    }
  }

  #addLoaded(loaded: Map<string, Entry[]>, kv: StoredKv): void {
    const place = splitKey(kv.key);
    if (place === undefined) return;
    try {
      const value = this.#values.fromStore(kv.key, kv.value);
      const entry = Entry.fromStored(place.rest, value, kv.modRevision);
      const list = loaded.get(place.id);
      if (list === undefined) loaded.set(place.id, [entry]);
      else list.push(entry);
    } catch (error) {
      this.#log.error({ error, key: kv.key }, 'a stored object cannot be read');
    }
  }

  #onEvents(events: readonly StoreEvent[], reached: number): void {
    for (const event of events) {
      if (event.modRevision <= this.#revision) continue;
      const place = splitKey(event.key);
      if (place === undefined) continue;
      try {
        const value =
          event.type === 'put' ? this.#values.fromStore(event.key, event.value) : event.value;
        this.cache(place.id).apply(place.rest, { ...event, value });
      } catch (error) {
        this.#log.error({ error, key: event.key }, 'a stored object cannot be read');
      }
    }
    if (reached <= this.#revision) return;
    this.#revision = reached;
    this.#check?.reached(reached);
    this.#wake();
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((waiter) => waiter.revision <= this.#revision);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision);
    for (const waiter of due) waiter.resolve();
  }

  /** Resolves once `revision` has been reached. @throws StatusError 504 when it takes too long */
  waitFor(revision: number, waitMs: number = freshnessWaitMs): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancels: (() => void)[] = [];
      const waiter: Waiter = {
        revision,
        resolve: () => {
          for (const cancel of cancels) cancel();
          resolve();
        },
      };
      this.#waiters.push(waiter);
      for (const afterMs of [10, 50, 200, 1_000]) {
        cancels.push(this.#clock.schedule(afterMs, () => this.#watch?.requestProgress()));
      }
      cancels.push(
        this.#clock.schedule(waitMs, () => {
          for (const cancel of cancels) cancel();
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          reject(tooLargeResourceVersion(revision, this.#revision));
        }),
      );
    });
  }

  /** Resolves once every write acknowledged before this call can be seen here. @returns a revision that holds them */
  async fresh(): Promise<number> {
    const revision = await this.#asking.run();
    await this.waitFor(revision);
    return revision;
  }

  async #ask(): Promise<number> {
    try {
      return await this.#store.revision();
    } catch (error) {
      throw unavailable(`the store does not answer: ${String(error)}`);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.close();
  }
}
