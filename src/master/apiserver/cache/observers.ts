import type { FieldGetters } from '../../../api/kind.js';
import type { Entry } from './entry.js';

/** One change of one object; both entries are shared by all watchers. */
export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** The object now; for DELETED as it was last, stamped with the revision of its deletion. */
  readonly entry: Entry;
  /** The object before, for MODIFIED and DELETED. */
  readonly previous: Entry | undefined;
}

/** Receives the changes of a resource. Called synchronously in revision order; must not block or throw. */
export interface CacheObserver {
  onEvent(event: CacheEvent): void;
  /** Everything up to `revision` has been seen by the cache, whether or not this resource changed. */
  onProgress?(revision: number): void;
  /** The cache lost its place in history and was loaded anew: the observer must start over. */
  onReset(): void;
}

/** A value of a selectable field: an observer wants to hear only of objects that have it, or had it until now. */
export interface Interest {
  readonly field: string;
  readonly value: string;
}

/**
 * The observers of one resource. Those that name a value of a field are found by it, so that a change of a pod costs
 * nothing for the nodes that it does not concern, however many watch.
 */
export class Observers {
  readonly #all = new Set<CacheObserver>();
  /** Those without an interest. */
  readonly #ofEverything = new Set<CacheObserver>();
  /** The others, by field and value. */
  readonly #byField = new Map<string, Map<string, Set<CacheObserver>>>();

  get count(): number {
    return this.#all.size;
  }

  /** @returns a function that takes it away */
  add(observer: CacheObserver, interest: Interest | undefined): () => void {
    const set = interest === undefined ? this.#ofEverything : this.#interested(interest);
    this.#all.add(observer);
    set.add(observer);
    return () => {
      this.#all.delete(observer);
      set.delete(observer);
      if (interest === undefined || set.size > 0) return;
      const byValue = this.#byField.get(interest.field);
      if (byValue?.get(interest.value) === set) byValue.delete(interest.value);
      if (byValue?.size === 0) this.#byField.delete(interest.field);
    };
  }

  #interested({ field, value }: Interest): Set<CacheObserver> {
    let byValue = this.#byField.get(field);
    if (byValue === undefined) {
      byValue = new Map();
      this.#byField.set(field, byValue);
    }
    let set = byValue.get(value);
    if (set === undefined) {
      set = new Set();
      byValue.set(value, set);
    }
    return set;
  }

  /** @param getters the selectable fields of the resource */
  tell(event: CacheEvent, getters: FieldGetters): void {
    for (const observer of this.#ofEverything) observer.onEvent(event);
    for (const [field, byValue] of this.#byField) {
      const value = valueOf(event.entry, field, getters);
      for (const observer of byValue.get(value) ?? []) observer.onEvent(event);
      if (event.previous === undefined) continue;
      const before = valueOf(event.previous, field, getters);
      if (before === value) continue;
      for (const observer of byValue.get(before) ?? []) observer.onEvent(event);
    }
  }

  progress(revision: number): void {
    for (const observer of this.#all) observer.onProgress?.(revision);
  }

  reset(): void {
    for (const observer of this.#all) observer.onReset();
  }
}

function valueOf(entry: Entry, field: string, getters: FieldGetters): string {
  return entry.facts(getters).fields[field] ?? '';
}
