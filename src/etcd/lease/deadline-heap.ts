import { mustExist } from '../../lib/assert.js';

interface Deadline {
  readonly id: bigint;
  readonly atMs: number;
}

/** Ids by time, soonest first. An id may stand in it more than once; the reader knows which time counts. */
export class DeadlineHeap {
  readonly #items: Deadline[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The soonest time, or undefined. */
  get nextMs(): number | undefined {
    return this.#items[0]?.atMs;
  }

  clear(): void {
    this.#items.length = 0;
  }

  push(id: bigint, atMs: number): void {
    const items = this.#items;
    let at = items.length;
    items.push({ id, atMs });
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (this.#time(parent) <= atMs) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Drops the ids that are not in `wanted`. */
  retain(wanted: { has(id: bigint): boolean }): void {
    const kept = this.#items.filter(({ id }) => wanted.has(id));
    this.clear();
    for (const { id, atMs } of kept) this.push(id, atMs);
  }

  /** Takes the soonest id if its time is not after `nowMs`. */
  popDue(nowMs: number): bigint | undefined {
    const top = this.#items[0];
    if (top === undefined || top.atMs > nowMs) return undefined;
    const last = mustExist(this.#items.pop(), 'last item');
    if (this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink();
    }
    return top.id;
  }

  #sink(): void {
    const { length } = this.#items;
    for (let at = 0; ;) {
      let child = 2 * at + 1;
      if (child >= length) return;
      if (child + 1 < length && this.#time(child + 1) < this.#time(child)) child += 1;
      if (this.#time(at) <= this.#time(child)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #time(at: number): number {
    return mustExist(this.#items[at], 'item').atMs;
  }

  #swap(a: number, b: number): void {
    const held = mustExist(this.#items[a], 'item');
    this.#items[a] = mustExist(this.#items[b], 'item');
    this.#items[b] = held;
  }
}
