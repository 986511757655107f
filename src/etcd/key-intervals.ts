/** Ranges of keys as half-open intervals. Keys are latin1 strings. */

/** Greater than every latin1 key: the end of a range that is open. */
export const openEnd = '\u0100';

/** A half-open interval of keys. Where it ends before it begins it holds none. */
export interface Interval {
  readonly start: string;
  readonly end: string;
}

/** The interval of a request's key and end, which is empty for the one key and `\0` for all from it on. */
export function intervalOf(key: string, end: string): Interval {
  if (end === '') return { start: key, end: `${key}\0` };
  return { start: key, end: end === '\0' ? openEnd : end };
}

/** The same keys in intervals that are sorted, and neither overlap nor touch. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const interval of intervals.toSorted(byStart)) {
    const last = result.at(-1);
    if (last === undefined || interval.start > last.end) result.push(interval);
    else if (interval.end > last.end)
      result.splice(-1, 1, { start: last.start, end: interval.end });
  }
  return result;
}

function byStart(a: Interval, b: Interval): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : 0;
}
