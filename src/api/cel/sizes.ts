/** Ranges of sizes and costs, which stop growing at the largest 64-bit number (cel-go `checker/cost.go`). */

/** What Go's `math.MaxUint64` is as a double: no bound is known. */
export const unbounded = 2 ** 64;

/** A range of sizes or of costs. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The range of one number. */
export function fixed(value: number): Range {
  return { min: value, max: value };
}

/** Nothing is known. */
export const unknownSize: Range = { min: 0, max: unbounded };

function capped(value: number): number {
  return Math.min(value, unbounded);
}

/** The sum. */
export function plus(a: Range, b: Range): Range {
  return { min: capped(a.min + b.min), max: capped(a.max + b.max) };
}

/** The product. */
export function times(a: Range, b: Range): Range {
  return { min: product(a.min, b.min), max: product(a.max, b.max) };
}

/** The product of two numbers, at most {@link unbounded}. */
export function product(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : capped(a * b);
}

/** The range times a factor, rounded up. */
export function scaled({ min, max }: Range, factor: number): Range {
  const scale = (value: number): number => capped(Math.ceil(value * factor));
  return { min: scale(min), max: scale(max) };
}

/** The smallest range that holds both. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
