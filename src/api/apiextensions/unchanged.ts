/** Tells which parts of an object are as they were. Each part is compared once, however often it is asked about. */
export class Unchanged {
  readonly #known = new Map<object, boolean>();

  /** True when a value equals the one that it replaces; a value must always be given with the same old one. */
  has(value: unknown, old: unknown): boolean {
    if (value === old) return true;
    if (typeof value !== 'object' || typeof old !== 'object') return false;
    if (value === null || old === null) return false;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const isEqual = this.#compare(value, old);
    this.#known.set(value, isEqual);
    return isEqual;
  }

  #compare(value: object, old: object): boolean {
    if (Array.isArray(value) !== Array.isArray(old)) return false;
    const after = value as Readonly<Record<string, unknown>>;
    const before = old as Readonly<Record<string, unknown>>;
    const names = Object.keys(after);
    let isEqual = names.length === Object.keys(before).length;
    for (const name of names) {
      const item = Object.hasOwn(before, name) ? before[name] : undefined;
      // No early end: what is compared now need not be compared when it is asked about alone.
      if (!this.has(after[name], item)) isEqual = false;
    }
    return isEqual;
  }
}
