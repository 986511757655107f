/** Values of JSON as fields of protobuf messages take them (`protojson`'s rules). */
import type { Token } from './json-tokens.js';

const integerBounds = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

const number = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?/;
/** What may stand behind a number in a string: nothing that could be a part of it. */
const partOfWord = /[-+.\w]/;
/** The digits of the largest number of 64 bits. */
const maxDigits = 20;

/**
 * Reads a whole number, bare or in a string, also as `1e3` or `1.0`.
 * @returns undefined for what is none, or does not fit
 */
export function integerOf(token: Token, kind: keyof typeof integerBounds): bigint | undefined {
  if (token.kind !== 'number' && token.kind !== 'string') return undefined;
  const text = token.kind === 'number' ? token.raw : (JSON.parse(token.raw) as string);
  const match = number.exec(text);
  if (match === null) return undefined;
  const [all, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  if (partOfWord.test(text[all.length] ?? ' ') || text !== text.trim()) return undefined;
  const digits = digitsOf(whole, fraction.replace(/0+$/, ''), Number(exponent));
  if (digits === undefined) return undefined;
  const value = BigInt(`${sign}${digits}`);
  const [min, max] = integerBounds[kind];
  return value >= min && value <= max ? value : undefined;
}

/** The digits of a number without its sign; undefined for one that is not whole, or too long for any field. */
function digitsOf(whole: string, fraction: string, exponent: number): string | undefined {
  const all = `${whole}${fraction}`.replace(/^0+(?=\d)/, '');
  if (/^0*$/.test(all)) return '0';
  const zeros = exponent - fraction.length;
  if (zeros >= 0) return all.length + zeros <= maxDigits ? all + '0'.repeat(zeros) : undefined;
  const kept = all.length + zeros;
  return kept > 0 && /^0+$/.test(all.slice(kept)) ? all.slice(0, kept) : undefined;
}

const standard = /^[A-Za-z0-9+/]*$/;
const forUrls = /^[A-Za-z0-9_-]*$/;

/**
 * Reads bytes in base64: in the standard alphabet or the one for URLs, padded where the length is a multiple of four,
 * and with line breaks anywhere.
 * @returns undefined for what is none
 */
export function bytesOf(token: Token): Buffer | undefined {
  if (token.kind !== 'string') return undefined;
  const text = JSON.parse(token.raw) as string;
  const alphabet = /[-_]/.test(text) ? forUrls : standard;
  // Go decides about padding before it drops line breaks.
  const isPadded = text.length % 4 === 0;
  const kept = text.replaceAll(/[\r\n]/g, '');
  const digits = isPadded ? kept.replace(/={1,2}$/, '') : kept;
  if (!alphabet.test(digits) || digits.length % 4 === 1) return undefined;
  if (isPadded && kept.length % 4 !== 0) return undefined;
  return Buffer.from(digits, 'base64');
}
