/** Places that are taken for a while: so many in all, and so many for one key, so that nobody takes all of them. */
export class Places {
  readonly #limits: { readonly total: number; readonly perKey: number };
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly total: number; readonly perKey: number }) {
    this.#limits = limits;
  }

  /** @returns what is missing to take a place for a key: one at all, or one for this key; undefined: nothing */
  lacks(key: string): 'total' | 'perKey' | undefined {
    if (this.#total >= this.#limits.total) return 'total';
    return (this.#taken.get(key) ?? 0) >= this.#limits.perKey ? 'perKey' : undefined;
  }

  /** Holds a place for a key while `work` goes on. It must not lack one. */
  async during<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#total++;
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
    try {
      return await work();
    } finally {
      this.#total--;
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left === 0) this.#taken.delete(key);
      else this.#taken.set(key, left);
    }
  }
}
