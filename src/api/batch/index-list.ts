import { goQuote } from '../go-text/quote.js';

/** A list of indexes as it was read: how many it names, or why it is none. */
type IndexList =
  { readonly total: number; readonly fault?: undefined } | { readonly fault: string };

/** Reads indexes such as `1,3-5`, which rise and are below `completions`. */
export function readIndexList(text: string, completions: number): IndexList {
  let last: number | undefined;
  let total = 0;
  for (const interval of text === '' ? [] : text.split(',')) {
    const limits = interval.split('-');
    if (limits.length > 2) {
      const fault =
        `the fragment ${goQuote(interval)} violates the requirement that an index interval ` +
        "can have at most two parts separated by '-'";
      return { fault };
    }
    for (const limit of limits) {
      if (!/^\d+$/.test(limit)) {
        return { fault: `cannot convert string to integer for index: ${goQuote(limit)}` };
      }
      if (Number(limit) >= completions) return { fault: `too large index: ${goQuote(limit)}` };
    }
    const first = Number(limits[0]);
    const end = Number(limits[1] ?? limits[0]);
    if (limits.length > 1 && first >= end) return { fault: falls(first, end) };
    if (last !== undefined && last >= first) return { fault: falls(last, first) };
    total += end - first + 1;
    last = end;
  }
  return { total };
}

function falls(previous: number, current: number): string {
  return `non-increasing order, previous: ${previous}, current: ${current}`;
}
