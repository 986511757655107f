import { objectKey } from '../../../api/facts/keys.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatTime } from '../../../api/facts/time.js';
import type { Clock } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/log.js';
import type { Random } from '../../../lib/random.js';
import { Entry } from '../cache/entry.js';
import type { OwnWrite } from '../cache/own-writes.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import { eventTtlSeconds, maxWriteAttempts } from '../limits.js';
import { alreadyExists, conflict, internal, isStatusError, notFound } from '../status.js';
import { encodeStored, isSpliced } from '../storage/codec.js';
import type { ValueTransformer } from '../storage/encryption.js';
import { kindPrefix, storageId } from '../storage/keys.js';
import type { Guard, Store, StoredKv, StoreOp, TxnResult } from '../storage/store.js';
import type { WriteHook, ExtraWrites } from './write-hook.js';
import { noExtraWrites } from './write-hook.js';
import { parseVersion } from './list-options.js';
import { mapStoreError } from './store-errors.js';
import { Conversion, noConversionCall } from './conversion.js';
import type { ConversionCall } from './conversion.js';
import { presentBytes, readAs, storesOwnForm } from './versions.js';

/** Changes an object. Called again with the newer object when another write came first. */
export type Change = (old: KubeObject) => Promise<Changed> | Changed;
/** `next` undefined removes the object; equal to the old one writes nothing. */
export interface Changed {
  readonly next: KubeObject | undefined;
  /** Nothing is written, not even what is filled in or encrypted anew: the object is only still to be what it was. */
  readonly isDry?: boolean;
}

/** The outcome of {@link Objects.change}. */
export interface ChangeResult {
  readonly object: KubeObject;
  readonly bytes: Buffer;
  readonly deleted: boolean;
}

/** An object's place. */
export interface Place {
  readonly kind: KindDeclaration;
  readonly namespace: string;
  readonly name: string;
}

/**
 * Objects in the store: read, created, changed and removed one at a time, with optimistic concurrency. Knows nothing of
 * admission, defaulting or validation, which happen above.
 */
export class Objects {
  readonly watchCache: WatchCache;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly #values: ValueTransformer;
  readonly #writeHooks = new Map<string, WriteHook>();
  /** The step between the stored version and the one of a request, where a webhook takes it. */
  readonly conversion: Conversion;

  /** @param options `convert` calls the webhooks of definitions; without it, their objects cannot be read */
  constructor(options: {
    readonly watchCache: WatchCache;
    readonly store: Store;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly values: ValueTransformer;
    readonly convert?: ConversionCall;
  }) {
    this.conversion = new Conversion(options.convert ?? noConversionCall, options.random);
    this.watchCache = options.watchCache;
    this.store = options.store;
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.#values = options.values;
  }

  cache(kind: Pick<KindDeclaration, 'storage'>): ResourceCache {
    return this.watchCache.cache(storageId(kind.storage));
  }

  /** From now on, writes of the resource go together with what `writeHook` plans. */
  setWriteHook(id: string, writeHook: WriteHook): void {
    this.#writeHooks.set(id, writeHook);
  }

  #plan(place: Place, next: KubeObject | undefined, old: Entry | undefined): ExtraWrites {
    const writeHook = this.#writeHooks.get(storageId(place.kind.storage));
    if (writeHook === undefined) return noExtraWrites;
    return writeHook.plan(next, old === undefined ? undefined : readAs(place.kind, old));
  }

  /** Fills in what a write would, for a dry run. */
  pretend(place: Place, next: KubeObject, old: KubeObject | undefined): void {
    this.#writeHooks.get(storageId(place.kind.storage))?.pretend(next, old);
  }

  /** The present time as objects hold it. */
  now(): string {
    return formatTime(this.clock.nowMs());
  }

  /** Returns the cached entry, perhaps a moment old. */
  cached(place: Place): Entry | undefined {
    return this.cache(place.kind).get(objectKey(place));
  }

  async #view(kind: KindDeclaration, entry: Entry): Promise<Entry> {
    if (!this.conversion.asksWebhook(kind)) return entry;
    const [view = entry] = await this.conversion.views(kind, [entry]);
    return view;
  }

  /**
   * Reads an object, in the kind's version. `resourceVersion` unset reads all that is acknowledged now; `0` reads the
   * cache as it is; N waits for that revision.
   * @throws StatusError NotFound
   */
  async get(place: Place, resourceVersion = ''): Promise<Entry> {
    const revision = parseVersion(resourceVersion);
    if (resourceVersion === '') await this.watchCache.fresh();
    else if (revision > 0) await this.watchCache.waitFor(revision);
    const entry = this.cached(place);
    if (entry === undefined) throw notFound(target(place.kind), place.name);
    return this.#view(place.kind, entry);
  }

  /** Stores a new object. @returns it in the kind's version @throws StatusError AlreadyExists */
  async create(place: Place, object: KubeObject): Promise<ChangeResult> {
    const key = keyOf(place);
    for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
      const plan = this.#plan(place, object, undefined);
      const next = await this.conversion.stored(place.kind, object);
      const write = this.#announce(place, encodeStored(next), next);
      const result = await this.#write(place, { key, modRevision: 0 }, write, plan);
      if (result.succeeded) return this.#written(place, object, write.entryAt(result.revision));
      plan.undo?.();
      if (result.current[0] !== undefined) break;
      await this.watchCache.waitFor(result.revision);
    }
    throw alreadyExists(target(place.kind), place.name);
  }

  /**
   * Changes an object by compare-and-swap. The cache's copy is tried first; `change` decides with what it is given and
   * may throw Conflict, which is believed only for a copy that came from the store itself.
   */
  async change(place: Place, change: Change): Promise<ChangeResult> {
    const key = keyOf(place);
    let entry = this.cached(place);
    let certain = false;
    if (entry === undefined) {
      entry = await this.#read(place, key);
      certain = true;
    }
    for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
      const old = readAs(place.kind, await this.#view(place.kind, entry));
      let changed: Changed;
      try {
        changed = await change(old);
      } catch (error) {
        if (certain || !isStatusError(error)) throw error;
        const present = await this.#read(place, key);
        certain = true;
        if (present.revision === entry.revision) throw error;
        entry = present;
        continue;
      }
      const done = await this.#swap(place, key, entry, changed);
      if ('bytes' in done) return done;
      entry = done.retryWith;
      certain = true;
    }
    throw conflict(target(place.kind), place.name);
  }

  async #swap(place: Place, key: string, entry: Entry, changed: Changed): Promise<Swapped> {
    const guard: Guard = { key, modRevision: entry.revision };
    if (changed.isDry === true) return this.#unchanged(place, entry, guard);
    const plan = this.#plan(place, changed.next, entry);
    if (changed.next === undefined) {
      const result = await this.#txn(
        [guard, ...plan.guards],
        [{ type: 'delete', key }, ...plan.ops],
      );
      if (!result.succeeded) return this.#retry(place, key, result);
      const view = await this.#view(place.kind, entry);
      return outcome(place.kind, view.deletedAt(result.revision), true);
    }
    const next = await this.conversion.stored(place.kind, changed.next);
    const stored = encodeStored(next);
    const isSame = isSpliced(entry.bytes, stored, entry.revision);
    if (isSame && !(await this.#isStale(key, entry.revision))) {
      return this.#unchanged(place, entry, guard);
    }
    const write = this.#announce(place, stored, next);
    const result = await this.#write(place, guard, write, plan);
    if (!result.succeeded) {
      plan.undo?.();
      return this.#retry(place, key, result);
    }
    return this.#written(place, changed.next, write.entryAt(result.revision));
  }

  /** The answer to a write: what the store has now, in the version of the request. */
  async #written(place: Place, object: KubeObject, entry: Entry): Promise<ChangeResult> {
    const view = await this.#view(place.kind, entry);
    if (!storesOwnForm(place.kind)) return outcome(place.kind, view, false);
    object.metadata.resourceVersion = String(entry.revision);
    return { object, bytes: presentBytes(place.kind, view), deleted: false };
  }

  #announce(place: Place, stored: Buffer, object: KubeObject): OwnWrite {
    const key = objectKey(place);
    return this.cache(place.kind).announce(key, stored, object);
  }

  /** Puts an announced object into the store, together with what is planned beside it. */
  async #write(place: Place, guard: Guard, write: OwnWrite, plan: ExtraWrites): Promise<TxnResult> {
    let isDone = false;
    try {
      const put = this.#put(place.kind, guard.key, write.stored);
      const result = await this.#txn([guard, ...plan.guards], [put, ...plan.ops]);
      isDone = result.succeeded;
      return result;
    } finally {
      if (!isDone) this.cache(place.kind).withdraw(write);
    }
  }

  /** As in Kubernetes, a write that changes nothing but the key that a value is encrypted with is one all the same. */
  async #isStale(key: string, revision: number): Promise<boolean> {
    const isStale = this.#values.isStale?.(key);
    if (isStale === undefined) return false;
    const { kv } = await this.store.get(key).catch(mapStoreError);
    return kv !== undefined && kv.modRevision === revision && isStale(kv.value);
  }

  /** A write that changes nothing costs a read, and no revision. */
  async #unchanged(place: Place, entry: Entry, guard: Guard): Promise<Swapped> {
    const result = await this.#txn([guard], []);
    if (!result.succeeded) return this.#retry(place, guard.key, result);
    return outcome(place.kind, await this.#view(place.kind, entry), false);
  }

  async #retry(place: Place, key: string, result: TxnResult): Promise<{ retryWith: Entry }> {
    if (this.#writeHooks.has(storageId(place.kind.storage)))
      await this.watchCache.waitFor(result.revision);
    const current = result.current[0];
    if (current === undefined) throw notFound(target(place.kind), place.name);
    return { retryWith: this.#entry(place, key, current) };
  }

  async #read(place: Place, key: string): Promise<Entry> {
    const { kv } = await this.store.get(key).catch(mapStoreError);
    if (kv === undefined) throw notFound(target(place.kind), place.name);
    return this.#entry(place, key, kv);
  }

  #entry(place: Place, key: string, kv: StoredKv): Entry {
    const value = this.readValue(key, kv.value);
    return Entry.fromStored(objectKey(place), value, kv.modRevision);
  }

  /** A stored value in the clear. @throws StatusError 500 when it cannot be read */
  readValue(key: string, value: Buffer): Buffer {
    try {
      return this.#values.fromStore(key, value);
    } catch (error) {
      throw internal(`the stored object cannot be read: ${String(error)}`);
    }
  }

  #put(kind: KindDeclaration, key: string, stored: Buffer): StoreOp {
    const value = this.#values.toStore(key, stored);
    const isEvent = kind.kind === 'Event';
    return { type: 'put', key, value, ...(isEvent ? { ttlSeconds: eventTtlSeconds } : {}) };
  }

  #txn(guards: readonly Guard[], ops: readonly StoreOp[]): Promise<TxnResult> {
    return this.store.txn(guards, ops).catch(mapStoreError);
  }
}

/** What was written, or what another write has made of the object. */
type Swapped = ChangeResult | { retryWith: Entry };

function outcome(kind: KindDeclaration, view: Entry, deleted: boolean): ChangeResult {
  return { object: readAs(kind, view), bytes: presentBytes(kind, view), deleted };
}

function keyOf(place: Place): string {
  return kindPrefix(place.kind) + objectKey(place);
}

function target(kind: KindDeclaration): { group: string; resource: string } {
  return { group: kind.group, resource: kind.plural };
}
