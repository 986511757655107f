/** A probability or share as a ratio of integers, so that no float decides anything. */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

/**
 * A seeded 32-bit generator (sfc32, Chris Doty-Humphrey's PractRand). Not for secrets.
 * Fork one per component, so that one more draw here does not shift the draws there.
 */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any number; its low 32 bits and the next 21 count. */
  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(Math.abs(seed) / 2 ** 32) >>> 0;
    this.#c = 0x9e3779b9;
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** Uniform in 0..2^32-1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform in 0..bound-1, without modulo bias. @param bound 1..2^32 */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new RangeError(`Prng.below: bound ${bound} is not in 1..2^32`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % bound;
    }
  }

  /** Uniform in low..high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with the given probability. */
  chance(ratio: Ratio): boolean {
    return this.below(ratio.denominator) < ratio.numerator;
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    return item as T;
  }

  /** Shuffles in place (Fisher and Yates) and returns `items`. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const held = items[last] as T;
      items[last] = items[other] as T;
      items[other] = held;
    }
    return items;
  }

  /** A generator of its own, seeded from this one. */
  fork(): Prng {
    return new Prng(this.uint32() * 2 ** 21 + (this.uint32() >>> 11));
  }
}
