import type { KeyEntry } from './key-entry.js';
import type { StoredKeyValue } from './key-value.js';

/** The bytes that an entry costs beside the encoded pair. */
const overheadBytes = 200;

/**
 * Keeps the latest pairs of recently written or read keys within a budget of bytes. First in, first out, with a second
 * chance for what was read meanwhile.
 */
export class ValueCache {
  readonly #budgetBytes: number;
  #usedBytes = 0;
  #queue: KeyEntry[] = [];
  #head = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** True while nothing need be thrown out for one more. */
  get hasRoom(): boolean {
    return this.#usedBytes < this.#budgetBytes;
  }

  /** Replaces the entry's cached pair. */
  set(entry: KeyEntry, value: StoredKeyValue): void {
    const before = entry.cached;
    if (before !== undefined) this.#usedBytes -= before.encoded.length + overheadBytes;
    entry.cached = value;
    this.#usedBytes += value.encoded.length + overheadBytes;
    if (!entry.queued) {
      entry.queued = true;
      this.#queue.push(entry);
    } else {
      entry.hot = true;
    }
    while (this.#usedBytes > this.#budgetBytes && this.#head < this.#queue.length) this.#evictOne();
  }

  /** Forgets the entry's pair (it was deleted). */
  drop(entry: KeyEntry): void {
    const before = entry.cached;
    if (before === undefined) return;
    this.#usedBytes -= before.encoded.length + overheadBytes;
    entry.cached = undefined;
  }

  #evictOne(): void {
    const entry = this.#queue[this.#head++];
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    if (entry === undefined) return;
    if (entry.hot && entry.cached !== undefined) {
      entry.hot = false;
      this.#queue.push(entry);
      return;
    }
    entry.queued = false;
    this.drop(entry);
  }
}
