/**
 * A sliding window over the MsgApps that are on their way to one follower, bounded by their number and by the bytes of
 * their entries. A ring that grows up to its bound, so that an idle follower costs nothing.
 */
import { assert } from '../../lib/assert.js';
import type { LogIndex } from '../types.js';

const firstCapacity = 8;

/** A window of in-flight appends, oldest first. */
export class Inflights {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #indexes = new Float64Array(0);
  #sizes = new Float64Array(0);
  #start = 0;
  #count = 0;
  #bytes = 0;

  /** @param maxBytes 0 means no bound */
  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** No further append may leave. A single one may overshoot the bytes, so that large entries get through. */
  get full(): boolean {
    if (this.#count >= this.#maxCount) return true;
    return this.#maxBytes > 0 && this.#bytes >= this.#maxBytes;
  }

  /** Notes an append whose last entry is `index`. Only while not full. */
  add(index: LogIndex, sizeBytes: number): void {
    assert(!this.full, 'an append leaves only while the window is open');
    if (this.#count === this.#indexes.length) this.#grow();
    const at = (this.#start + this.#count) % this.#indexes.length;
    this.#indexes[at] = index;
    this.#sizes[at] = sizeBytes;
    this.#count++;
    this.#bytes += sizeBytes;
  }

  /** Everything up to `index` has arrived. */
  freeTo(index: LogIndex): void {
    const capacity = this.#indexes.length;
    while (this.#count > 0 && (this.#indexes[this.#start] as number) <= index) {
      this.#bytes -= this.#sizes[this.#start] as number;
      this.#start = (this.#start + 1) % capacity;
      this.#count--;
    }
  }

  /** Forgets all. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const old = this.#indexes.length;
    const capacity = Math.min(Math.max(firstCapacity, old * 2), this.#maxCount);
    const indexes = new Float64Array(capacity);
    const sizes = new Float64Array(capacity);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#start + i) % old;
      indexes[i] = this.#indexes[from] as number;
      sizes[i] = this.#sizes[from] as number;
    }
    this.#indexes = indexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
