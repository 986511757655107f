/**
 * Keys in byte order. A key is found by bisection and inserted by moving the tail: a memory move of 8 bytes a key, so
 * tens of thousands of keys cost microseconds.
 */
export class SortedKeys {
  #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  clear(): void {
    this.#keys = [];
  }

  add(key: string): void {
    const last = this.#keys.at(-1);
    if (last === undefined || key > last) {
      this.#keys.push(key);
      return;
    }
    const at = this.#lowerBound(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  remove(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** The keys that begin with `prefix` and come after `after`. The set must not change while this is read. */
  *from(prefix: string, after = ''): Generator<string> {
    const start = after > prefix ? after : prefix;
    for (let at = this.#lowerBound(start); at < this.#keys.length; at++) {
      const key = this.#keys[at];
      if (key === undefined || !key.startsWith(prefix)) return;
      if (key !== after) yield key;
    }
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
