/** The pool of addresses: text → ranges, and what is free among them. Pure. */
import { isIPv4 } from 'node:net';

/** First and last address, as unsigned numbers. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** What {@link parsePool} read. */
export interface Pool {
  readonly ranges: readonly Range[];
  /** Parts of the text that are no IPv4 range. */
  readonly unreadable: readonly string[];
}

/** Blocks that no balancer can have: this host's, link-local ones, groups, and what is no address of one host. */
const unusable = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].flatMap(
  (block) => blockOf(block) ?? [],
);

/**
 * Reads "192.168.5.200-192.168.5.220, 192.168.6.0/28, 192.168.5.9"; around the dash there may be spaces. Of a block
 * with more than two addresses the first and the last are left out: they stand for the network and for all of it.
 */
export function parsePool(text: string): Pool {
  const ranges: Range[] = [];
  const unreadable: string[] = [];
  for (const part of text.replaceAll(/\s*-\s*/g, '-').split(/[\s,]+/)) {
    if (part === '') continue;
    const range = parseRange(part);
    if (range === undefined || unusable.some((block) => overlap(block, range))) {
      unreadable.push(part);
    } else ranges.push(range);
  }
  return { ranges: ranges.sort((a, b) => a.first - b.first), unreadable };
}

/** Whether the pool has the address. */
export function poolHas({ ranges }: Pool, address: string): boolean {
  const value = numberOf(address);
  return value !== undefined && ranges.some(({ first, last }) => first <= value && value <= last);
}

/** Whether a block such as "10.244.0.0/16" has the address; false for what is no IPv4 block. */
export function blockHas(block: string, address: string): boolean {
  const range = blockOf(block);
  return range !== undefined && poolHas({ ranges: [range], unreadable: [] }, address);
}

/** The lowest address that is not taken. */
export function freeAddress(
  { ranges }: Pool,
  isTaken: (address: string) => boolean,
): string | undefined {
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) {
      const address = textOf(value);
      if (!isTaken(address)) return address;
    }
  }
  return undefined;
}

function parseRange(part: string): Range | undefined {
  const [from = '', to, ...more] = part.split('-');
  if (more.length > 0) return undefined;
  if (to !== undefined) {
    const [first, last] = [numberOf(from), numberOf(to)];
    return first === undefined || last === undefined || first > last ? undefined : { first, last };
  }
  const block = blockOf(part);
  if (block === undefined) return undefined;
  const { first, last } = block;
  return last - first > 1 ? { first: first + 1, last: last - 1 } : block;
}

function blockOf(part: string): Range | undefined {
  const [address = '', bits = '32', ...rest] = part.split('/');
  const value = numberOf(address);
  if (value === undefined || rest.length > 0 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) {
    return undefined;
  }
  const size = 2 ** (32 - Number(bits));
  const first = value - (value % size);
  return { first, last: first + size - 1 };
}

function overlap(one: Range, other: Range): boolean {
  return one.first <= other.last && other.first <= one.last;
}

function numberOf(address: string): number | undefined {
  if (!isIPv4(address)) return undefined;
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
