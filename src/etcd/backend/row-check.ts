/**
 * Checksums of rows. SQLite notices a page whose structure is broken, not a flipped bit inside a value: so each row
 * carries a CRC-32 over all of it, and the table its number of rows and the XOR of their checksums, so that a lost row
 * is noticed too.
 */
import { crc32 } from 'node:zlib';

/** The checksum of a revision: its value, its place and whether it is a deletion. */
export function revisionCheck(
  main: number,
  sub: number,
  tombstone: boolean,
  value: Buffer,
): number {
  // A checksum that starts from another number ends in another: the key need not go through it byte by byte.
  const high = Math.floor(main / 2 ** 32);
  const place = main ^ Math.imul(high, 0x01000193) ^ Math.imul(sub, 0x9e3779b1);
  return crc32From((tombstone ? ~place : place) >>> 0, value);
}

/** The checksum of a pair in a small table. */
export function pairCheck(bucket: string, key: Buffer, value: Buffer): number {
  const head = crc32(key, crc32(`${bucket}\0${key.length}\0`));
  return crc32From(head, value);
}

/** `zlib.crc32` forgets where it starts from when it is given the empty buffers that come out of SQLite. */
function crc32From(start: number, bytes: Buffer): number {
  return bytes.length === 0 ? start : crc32(bytes, start);
}

/** The number of revisions, and the XOR of their checksums (0 for rows of a version without). */
export interface RevisionTotals {
  readonly count: number;
  readonly xor: number;
}

/** The totals of nothing. */
export const noRevisions: RevisionTotals = { count: 0, xor: 0 };

/** With one more row, or (`change` -1) without it. */
export function changeTotals(
  totals: RevisionTotals,
  change: 1 | -1,
  check: number,
): RevisionTotals {
  return { count: totals.count + change, xor: (totals.xor ^ check) >>> 0 };
}

/** The totals that stand behind the position; undefined where a version without them has written it. */
export function decodeTotals(bytes: Buffer | undefined): RevisionTotals | undefined {
  if (bytes === undefined || bytes.length < 28) return undefined;
  return { count: Number(bytes.readBigUInt64BE(16)), xor: bytes.readUInt32BE(24) };
}
