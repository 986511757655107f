/** Reading one segment file: records in order, and what kind of end it has. */
import { crc32c } from '../../lib/crc32c.js';
import type { DiskFile } from './disk.js';
import { WalCorruptError } from './errors.js';
import {
  decodeMark,
  findMark,
  headerBytes,
  headerPayloadBytes,
  recordBytes,
  recordType,
} from './record.js';

/** Disks write whole sectors; a torn write leaves some of them zero. */
const sectorBytes = 512;
const zeros = Buffer.alloc(4096);

/** Is called with each checked record: its type, where it starts in `bytes`, and the payload's length. */
export type RecordVisitor = (type: number, bytes: Buffer, at: number, payloadBytes: number) => void;

/** The position at which reading ended. */
export interface SegmentEnd {
  /** Offset behind the last good record. */
  readonly offset: number;
  /** The chain's value there. */
  readonly chain: number;
  /** Bytes of a torn batch behind it (up to the last byte that is not zero). */
  readonly tornBytes: number;
}

/** The name of a segment: its number in the row, and the index of the first entry it may hold. */
export function segmentName(sequence: number, firstIndex: number): string {
  return `${hex(sequence)}-${hex(firstIndex)}.wal`;
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

/** The numbers in a segment's name, or undefined for any other file. */
export function parseSegmentName(
  name: string,
): { readonly sequence: number; readonly firstIndex: number } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name);
  if (match === null) return undefined;
  return { sequence: Number(`0x${match[1]}`), firstIndex: Number(`0x${match[2]}`) };
}

/**
 * Reads all records of a file.
 * @param chain the value that the file must start with; undefined when the file before was not read.
 * @param isLast whether this is the log's last file, the only one that may be torn.
 * @throws WalCorruptError for damage that is not a torn last batch.
 */
export function readSegment(
  file: DiskFile,
  options: { readonly chain: number | undefined; readonly isLast: boolean },
  visit: RecordVisitor,
): SegmentEnd {
  const bytes = readWhole(file);
  let chain = 0;
  let started = false;
  let at = 0;
  for (;;) {
    const payloadBytes = checkRecord(bytes, at, chain);
    if (payloadBytes < 0) break;
    const type = bytes[at + 8] ?? 0;
    if (type === recordType.crc) {
      const carried = bytes.readUInt32LE(at + headerBytes);
      if (options.chain !== undefined && carried !== options.chain) {
        throw new WalCorruptError(file.path, at, 'it does not continue the segment before it');
      }
      chain = carried;
      started = true;
    } else if (type !== recordType.mark) {
      visit(type, bytes, at, payloadBytes);
      chain = bytes.readUInt32LE(at);
    }
    at += recordBytes(payloadBytes);
  }
  // A segment gets its name only after its head is durable.
  if (!started) throw new WalCorruptError(file.path, at, 'the head of the segment is not valid');
  const tornBytes = judgeEnd(file.path, bytes, at, options.isLast);
  return { offset: at, chain, tornBytes };
}

function readWhole(file: DiskFile): Buffer {
  const bytes = Buffer.allocUnsafeSlow(file.size());
  const count = file.read(bytes, 0);
  return count === bytes.length ? bytes : bytes.subarray(0, count);
}

/** The payload length of a good record at `at`, or -1. */
function checkRecord(bytes: Buffer, at: number, chain: number): number {
  const payloadBytes = headerPayloadBytes(bytes, at);
  const type = bytes[at + 8] ?? 0;
  if (payloadBytes < 0 || type > recordType.mark) return -1;
  if (at + recordBytes(payloadBytes) > bytes.length) return -1;
  const alone = type === recordType.crc || type === recordType.mark;
  const crc = crc32c(bytes, alone ? 0 : chain, at + 4, at + headerBytes + payloadBytes);
  return crc === bytes.readUInt32LE(at) ? payloadBytes : -1;
}

/**
 * Decides whether the bytes from `at` on are the zero tail, a torn batch (returns its length) or damage (throws).
 * Torn: no later batch calls this place durable, and a sector of the bad record never arrived (is zero).
 */
function judgeEnd(path: string, bytes: Buffer, at: number, isLast: boolean): number {
  const end = lastNonZero(bytes, at);
  if (end === at) return 0;
  if (!isLast) throw new WalCorruptError(path, at, 'a record in a closed segment is not valid');
  for (let mark = findMark(bytes, at); mark >= 0; mark = findMark(bytes, mark + 8)) {
    const durable = decodeMark(bytes, mark);
    if (durable !== undefined && durable > at) {
      throw new WalCorruptError(path, at, 'a record that was durable is not valid');
    }
  }
  if (!missesSector(bytes, at)) {
    throw new WalCorruptError(path, at, 'the checksum of a completely written record is wrong');
  }
  return end - at;
}

/** Offset behind the last byte that is not zero, from `at` on; `at` if all are zero. */
function lastNonZero(bytes: Buffer, at: number): number {
  let end = bytes.length;
  // The tail of a segment is long: whole blocks first.
  while (end - at >= zeros.length && zeros.compare(bytes, end - zeros.length, end) === 0) {
    end -= zeros.length;
  }
  while (end > at && bytes[end - 1] === 0) end -= 1;
  return end;
}

/** True when the record at `at` reaches beyond the file, or its part in some sector is all zero. */
function missesSector(bytes: Buffer, at: number): boolean {
  if (at + headerBytes > bytes.length) return true;
  const until = at + recordBytes(Math.max(0, headerPayloadBytes(bytes, at)));
  if (until > bytes.length) return true;
  for (let start = at; start < until;) {
    const stop = Math.min(until, start - (start % sectorBytes) + sectorBytes);
    if (lastNonZero(bytes.subarray(0, stop), start) === start) return true;
    start = stop;
  }
  return false;
}
