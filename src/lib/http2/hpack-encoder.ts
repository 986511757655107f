/**
 * HPACK (RFC 7541), the writing side: fields go out as they are, without a table of our own and without Huffman code.
 * Blocks are then the same bytes each time, can be made once and kept, and the other end can recognize them.
 */
import { staticTable } from './hpack-static.js';

/** The first static entry of each name, and of each name with its value. */
const nameIndex = new Map<string, number>();
const pairIndex = new Map<string, number>();
staticTable.forEach(([name, value], at) => {
  if (!nameIndex.has(name)) nameIndex.set(name, at + 1);
  if (value !== '') pairIndex.set(`${name}\n${value}`, at + 1);
});

/** Tells the decoder that no table is used; stands at the start of the first block after the peer shrank its table. */
export const noTable = Buffer.from([0x20]);

/** One field. @param name lower-case @param value one char a byte */
export function encodeField(name: string, value: string): Buffer {
  const pair = pairIndex.get(`${name}\n${value}`);
  if (pair !== undefined) return Buffer.from([0x80 | pair]);
  const index = nameIndex.get(name);
  const parts: Buffer[] = [];
  if (index === undefined) parts.push(Buffer.from([0]), encodeString(name));
  else parts.push(encodeInteger(0, 4, index));
  parts.push(encodeString(value));
  return Buffer.concat(parts);
}

/** A block of fields in the given order. */
export function encodeFields(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) parts.push(encodeField(name, value));
  return Buffer.concat(parts);
}

function encodeString(text: string): Buffer {
  return Buffer.concat([encodeInteger(0, 7, text.length), Buffer.from(text, 'latin1')]);
}

/** Section 5.1. */
function encodeInteger(pattern: number, prefixBits: number, value: number): Buffer {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return Buffer.from([pattern | value]);
  const bytes = [pattern | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
