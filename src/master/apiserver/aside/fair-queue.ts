/** Waiting items of several owners, who take turns: a hundred of one owner do not keep the first of another waiting. */
export class FairQueue<T> {
  /** Owners with items, the one whose turn is next first. */
  readonly #byOwner = new Map<string, T[]>();

  push(owner: string, item: T): void {
    const items = this.#byOwner.get(owner);
    if (items === undefined) this.#byOwner.set(owner, [item]);
    else items.push(item);
  }

  /** The next item; undefined when there is none. */
  shift(): T | undefined {
    for (const [owner, items] of this.#byOwner) {
      const item = items.shift();
      // At the end of the row again, if anything is left.
      this.#byOwner.delete(owner);
      if (items.length > 0) this.#byOwner.set(owner, items);
      return item;
    }
    return undefined;
  }
}
