import { deepEqual } from '../../../api/equal.js';
import type { FieldGetters } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { assert, verifying } from '../../../lib/assert.js';
import { ownWritesMax } from '../limits.js';
import { parseObject, spliceVersion } from '../storage/codec.js';
import type { Facts } from './entry.js';
import { Entry, factsOf } from './entry.js';

/**
 * The writes of this server that the store's watch has not brought yet, at most one for each key. What the watch brings
 * is known again by its bytes: it need not be read once more, and the entry of the answer is the cache's own.
 */
export class OwnWrites {
  readonly #byKey = new Map<string, OwnWrite>();

  /** @param stored what is about to be written: the object, encoded */
  announce(key: string, stored: Buffer, object: KubeObject, getters: FieldGetters): OwnWrite {
    const facts = factsOf(object, getters);
    if (verifying) {
      const read = factsOf(parseObject(stored), getters);
      assert(deepEqual(read, facts), `the stored object says what ${key} says`);
    }
    // The object lives on elsewhere.
    const write = new OwnWrite(key, stored, { ...facts, labels: { ...facts.labels } });
    if (this.#byKey.size < ownWritesMax || this.#byKey.has(key)) this.#byKey.set(key, write);
    return write;
  }

  /** The entry of a change that the watch has brought; undefined when the change is not ours. */
  take(key: string, stored: Buffer, revision: number): Entry | undefined {
    const write = this.#byKey.get(key);
    if (write?.stored.equals(stored) !== true) return undefined;
    this.#byKey.delete(key);
    return write.entryAt(revision);
  }

  /** Nothing was written, or nobody knows. */
  withdraw(write: OwnWrite): void {
    if (this.#byKey.get(write.key) === write) this.#byKey.delete(write.key);
  }

  clear(): void {
    this.#byKey.clear();
  }

  get size(): number {
    return this.#byKey.size;
  }
}

/** One write that is under way, or done. */
export class OwnWrite {
  readonly key: string;
  /** The bytes that go into the store. */
  readonly stored: Buffer;
  readonly #facts: Facts;
  #entry: Entry | undefined;

  constructor(key: string, stored: Buffer, facts: Facts) {
    this.key = key;
    this.stored = stored;
    this.#facts = facts;
  }

  /** Returns the entry that the write has left in the store: the same one to the writer and to the cache. */
  entryAt(revision: number): Entry {
    if (this.#entry?.revision !== revision) {
      const bytes = spliceVersion(this.stored, revision);
      this.#entry = new Entry(this.key, bytes, revision, this.#facts);
    }
    return this.#entry;
  }
}
