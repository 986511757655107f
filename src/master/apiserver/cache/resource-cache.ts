import type { FieldGetters } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { StoreEvent } from '../storage/store.js';
import { Entry } from './entry.js';
import { EventRing } from './event-ring.js';
import type { CacheEvent, CacheObserver, Interest } from './observers.js';
import { Observers } from './observers.js';
import { OwnWrites } from './own-writes.js';
import type { OwnWrite } from './own-writes.js';
import { SortedKeys } from './sorted-keys.js';

/** The present objects of one resource in key order, and the latest changes to them. */
export class ResourceCache {
  readonly id: string;
  /** Selectable fields of all versions of the resource. */
  getters: FieldGetters = {};
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  readonly #observers = new Observers();
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  readonly #ownWrites = new OwnWrites();
  readonly #ring = new EventRing<CacheEvent>();

  constructor(id: string) {
    this.id = id;
  }

  get size(): number {
    return this.#entries.size;
  }

  get observerCount(): number {
    return this.#observers.count;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Entries in key order: all, those of one namespace, from `afterKey` (excluded) on. */
  *list(namespace = '', afterKey = ''): Generator<Entry> {
    const prefix = namespace === '' ? '' : `${namespace}/`;
    for (const key of this.#keys.from(prefix, afterKey)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) yield entry;
    }
  }

  /** Keeps an index over a selectable field. Adding one again is harmless. */
  addIndex(field: string): void {
    if (this.#indexes.has(field)) return;
    this.#indexes.set(field, new Map());
    for (const entry of this.#entries.values()) this.#indexEntry(field, entry, true);
  }

  /** Entries whose indexed field has this value, in key order; undefined without such an index. */
  byIndex(field: string, value: string): Entry[] | undefined {
    const index = this.#indexes.get(field);
    if (index === undefined) return undefined;
    const keys = [...(index.get(value) ?? [])].sort((a, b) => (a < b ? -1 : 1));
    return keys.flatMap((key) => this.#entries.get(key) ?? []);
  }

  /** Remembers what is about to be written, so that it is not read again when the watch brings it. */
  announce(key: string, stored: Buffer, object: KubeObject): OwnWrite {
    return this.#ownWrites.announce(key, stored, object, this.getters);
  }

  /** An announced write has failed, or nobody knows. */
  withdraw(write: OwnWrite): void {
    this.#ownWrites.withdraw(write);
  }

  /** Replaces everything with what was loaded at `revision`. */
  reset(entries: Iterable<Entry>, revision: number): void {
    this.#ownWrites.clear();
    this.#entries.clear();
    this.#keys.clear();
    for (const index of this.#indexes.values()) index.clear();
    this.#ring.reset(revision);
    for (const entry of entries) this.#put(entry);
    this.#observers.reset();
  }

  /** Takes one change from the store. */
  apply(key: string, event: StoreEvent): void {
    const previous = this.#entries.get(key);
    if (event.type === 'put') {
      const { value, modRevision } = event;
      const entry =
        this.#ownWrites.take(key, value, modRevision) ?? Entry.fromStored(key, value, modRevision);
      this.#put(entry);
      const type = previous === undefined ? 'ADDED' : 'MODIFIED';
      this.#emit({ type, revision: event.modRevision, entry, previous });
    } else if (previous !== undefined) {
      this.#remove(previous);
      const entry = previous.deletedAt(event.modRevision);
      this.#emit({ type: 'DELETED', revision: event.modRevision, entry, previous });
    }
  }

  progress(revision: number): void {
    this.#observers.progress(revision);
  }

  #put(entry: Entry): void {
    const old = this.#entries.get(entry.key);
    if (old === undefined) this.#keys.add(entry.key);
    this.#entries.set(entry.key, entry);
    for (const field of this.#indexes.keys()) {
      if (old !== undefined) this.#indexEntry(field, old, false);
      this.#indexEntry(field, entry, true);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#keys.remove(entry.key);
    for (const field of this.#indexes.keys()) this.#indexEntry(field, entry, false);
  }

  #indexEntry(field: string, entry: Entry, present: boolean): void {
    const value = entry.facts(this.getters).fields[field] ?? '';
    const index = this.#indexes.get(field);
    if (index === undefined) return;
    const keys = index.get(value);
    if (!present) {
      keys?.delete(entry.key);
      if (keys?.size === 0) index.delete(value);
    } else if (keys === undefined) index.set(value, new Set([entry.key]));
    else keys.add(entry.key);
  }

  #emit(event: CacheEvent): void {
    this.#ring.push(event);
    this.#observers.tell(event, this.getters);
  }

  /** The first revision from which on a watch can be served. */
  get oldestRevision(): number {
    return this.#ring.completeSince;
  }

  /** The changes after `revision`, or undefined when some of them are forgotten. */
  eventsSince(revision: number): CacheEvent[] | undefined {
    return this.#ring.since(revision);
  }

  /**
   * @param interest tells of those objects only; undefined: of all
   * @returns a function that ends it
   */
  observe(observer: CacheObserver, interest?: Interest): () => void {
    return this.#observers.add(observer, interest);
  }
}
