/**
 * The bytes of the log. A record is
 *
 *     crc u32 | payload length u32 | type u8 | subtype u8 | header check u16 | payload | zeros up to a multiple of 8
 *
 * all little-endian. `crc` is the CRC-32C of everything from the length to the payload's end, continued from the record
 * before (a chain: a lost or moved record breaks it), except for `crc` and `mark` records, which stand alone:
 *
 * - a segment opens with `metadata` and `hardState`, chained from 0, then `crc`: the chain's value at the end of the
 * segment
 *   before, from which the records that follow go on;
 * - a batch (what one fdatasync covers) opens with `mark`: how far this segment was durable when the batch was written.
 *
 * The header check is the low half of the CRC-32C of length, type and subtype: it tells a damaged length from a long
 * record.
 * The space behind the last record is zero. So when reading stops at a bad record, a later mark that calls that place
 * durable tells damage (fatal) from a torn last batch (cut off).
 */
import { crc32c } from '../../lib/crc32c.js';
import { assert } from '../../lib/assert.js';
import type { EntryType } from '../../raft/types.js';
import type { WalEntry, WalHardState, WalMetadata, WalSnapshotMarker } from './types.js';

/** Bytes before a record's payload. */
export const headerBytes = 12;
/** The payload of a mark: magic and the durable offset. */
export const markPayloadBytes = 12;
/** A whole mark record. */
export const markBytes = 24;

/** Codes of the record types on disk. */
export const recordType = {
  metadata: 1,
  entry: 2,
  hardState: 3,
  snapshot: 4,
  crc: 5,
  mark: 6,
} as const;

const markMagic = Buffer.from('TRIRMARK', 'latin1');
const entryTypes: readonly EntryType[] = ['normal', 'confChange', 'confChangeV2'];

/** The length of a record with a payload of `payloadBytes`. */
export function recordBytes(payloadBytes: number): number {
  return (headerBytes + payloadBytes + 7) & ~7;
}

/** A growing buffer of encoded records. */
export class RecordBuffer {
  bytes: Buffer;
  length = 0;
  readonly #startBytes: number;

  constructor(startBytes = 64 * 1024) {
    this.#startBytes = startBytes;
    this.bytes = Buffer.allocUnsafeSlow(startBytes);
  }

  /** Empties it, and gives back memory that an unusually large batch needed. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > 16 * this.#startBytes) {
      this.bytes = Buffer.allocUnsafeSlow(this.#startBytes);
    }
  }

  /** The encoded bytes; valid until the next change. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Puts all records of `other` in front of this one's. */
  prepend(other: RecordBuffer): void {
    const joined = Buffer.allocUnsafeSlow(
      Math.max(this.bytes.length, other.length + this.length + this.#startBytes),
    );
    other.bytes.copy(joined, 0, 0, other.length);
    this.bytes.copy(joined, other.length, 0, this.length);
    this.bytes = joined;
    this.length += other.length;
  }

  /** Appends an entry; returns the chain's new value. */
  entry(entry: WalEntry, chain: number): number {
    const data = entry.data;
    const at = this.#begin(recordType.entry, entryTypes.indexOf(entry.type), 16 + data.length);
    const bytes = this.bytes;
    writeU64(bytes, entry.term, at + 12);
    writeU64(bytes, entry.index, at + 20);
    bytes.set(data, at + 28);
    return this.#end(at, chain);
  }

  hardState(state: WalHardState, chain: number): number {
    const at = this.#begin(recordType.hardState, 0, 24);
    writeU64(this.bytes, state.term, at + 12);
    this.bytes.writeBigUInt64LE(state.vote, at + 20);
    writeU64(this.bytes, state.commit, at + 28);
    return this.#end(at, chain);
  }

  metadata(metadata: WalMetadata, chain: number): number {
    const at = this.#begin(recordType.metadata, 0, 16);
    this.bytes.writeBigUInt64LE(metadata.clusterId, at + 12);
    this.bytes.writeBigUInt64LE(metadata.memberId, at + 20);
    return this.#end(at, chain);
  }

  snapshot(marker: WalSnapshotMarker, chain: number): number {
    const confState = marker.confState ?? new Uint8Array(0);
    const at = this.#begin(recordType.snapshot, 0, 16 + confState.length);
    writeU64(this.bytes, marker.index, at + 12);
    writeU64(this.bytes, marker.term, at + 20);
    this.bytes.set(confState, at + 28);
    return this.#end(at, chain);
  }

  /** Appends the record that carries the chain over to a new segment. */
  chainStart(chain: number): void {
    const at = this.#begin(recordType.crc, 0, 4);
    this.bytes.writeUInt32LE(chain, at + 12);
    this.#end(at, 0);
  }

  /** Reserves room for the mark that opens a batch; `fillMark` writes it. */
  reserveMark(): void {
    const at = this.#begin(recordType.mark, 0, markPayloadBytes);
    markMagic.copy(this.bytes, at + headerBytes);
    this.#end(at, 0);
  }

  /** Writes the durable offset into the mark at the buffer's start. */
  fillMark(durableOffset: number): void {
    this.bytes.writeUInt32LE(durableOffset, headerBytes + markMagic.length);
    this.#end(0, 0, markBytes);
  }

  #begin(type: number, subtype: number, payloadBytes: number): number {
    assert(subtype >= 0, 'record subtype is known');
    const at = this.length;
    const total = recordBytes(payloadBytes);
    if (at + total > this.bytes.length) this.#grow(at + total);
    const bytes = this.bytes;
    bytes.writeInt32LE(payloadBytes, at + 4);
    bytes[at + 8] = type;
    bytes[at + 9] = subtype;
    bytes.writeUInt16LE(headerCheck(bytes, at), at + 10);
    for (let pad = at + headerBytes + payloadBytes; pad < at + total; pad++) bytes[pad] = 0;
    this.length = at + total;
    return at;
  }

  #end(at: number, chain: number, until = this.length): number {
    const payloadBytes = this.bytes.readInt32LE(at + 4);
    assert(recordBytes(payloadBytes) === until - at, 'record length fits its payload');
    const crc = crc32c(this.bytes, chain, at + 4, at + headerBytes + payloadBytes);
    this.bytes.writeUInt32LE(crc, at);
    return crc;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

function headerCheck(bytes: Buffer, at: number): number {
  return crc32c(bytes, 0, at + 4, at + 10) & 0xffff;
}

/** The payload length that a good header at `at` states, else -1. */
export function headerPayloadBytes(bytes: Buffer, at: number): number {
  if (at + headerBytes > bytes.length) return -1;
  const type = bytes[at + 8] ?? 0;
  const payloadBytes = bytes.readInt32LE(at + 4);
  if (type === 0 || payloadBytes < 0) return -1;
  return headerCheck(bytes, at) === bytes.readUInt16LE(at + 10) ? payloadBytes : -1;
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 2 ** 32);
  bytes.writeUInt32LE(value - high * 2 ** 32, at);
  bytes.writeUInt32LE(high, at + 4);
}

function readU64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
  assert(Number.isSafeInteger(value), 'a 64-bit field of a checked record is a safe integer');
  return value;
}

/** The index of the entry record at `at`; undefined if it is of no known type. */
export function decodeEntryIndex(
  bytes: Buffer,
  at: number,
  payloadBytes: number,
): number | undefined {
  if (entryTypes[bytes[at + 9] ?? -1] === undefined || payloadBytes < 16) return undefined;
  return readU64(bytes, at + 20);
}

/** The payload of an entry record at `at`; its data is a copy. */
export function decodeEntry(bytes: Buffer, at: number, payloadBytes: number): WalEntry | undefined {
  const type = entryTypes[bytes[at + 9] ?? -1];
  if (type === undefined || payloadBytes < 16) return undefined;
  return {
    term: readU64(bytes, at + 12),
    index: readU64(bytes, at + 20),
    type,
    data: Buffer.from(bytes.subarray(at + 28, at + headerBytes + payloadBytes)),
  };
}

/** The payload of a hardState record. */
export function decodeHardState(bytes: Buffer, at: number): WalHardState {
  return {
    term: readU64(bytes, at + 12),
    vote: bytes.readBigUInt64LE(at + 20),
    commit: readU64(bytes, at + 28),
  };
}

/** The payload of a metadata record. */
export function decodeMetadata(bytes: Buffer, at: number): WalMetadata {
  return {
    clusterId: bytes.readBigUInt64LE(at + 12),
    memberId: bytes.readBigUInt64LE(at + 20),
  };
}

/** The payload of a snapshot record. */
export function decodeSnapshot(bytes: Buffer, at: number, payloadBytes: number): WalSnapshotMarker {
  const confState = Buffer.from(bytes.subarray(at + 28, at + headerBytes + payloadBytes));
  const marker = { index: readU64(bytes, at + 12), term: readU64(bytes, at + 20) };
  return confState.length === 0 ? marker : { ...marker, confState };
}

/** The durable offset of a valid mark record at `at`, else undefined. */
export function decodeMark(bytes: Buffer, at: number): number | undefined {
  if (at + markBytes > bytes.length || bytes[at + 8] !== recordType.mark) return undefined;
  if (bytes.readInt32LE(at + 4) !== markPayloadBytes) return undefined;
  const magicAt = at + headerBytes;
  if (bytes.compare(markMagic, 0, markMagic.length, magicAt, magicAt + 8) !== 0) return undefined;
  if (crc32c(bytes, 0, at + 4, at + markBytes) !== bytes.readUInt32LE(at)) return undefined;
  return bytes.readUInt32LE(at + headerBytes + 8);
}

/** The next place from `from` on where a mark's magic stands (the start of that record), or -1. */
export function findMark(bytes: Buffer, from: number): number {
  for (let at = from; ; at += 1) {
    at = bytes.indexOf(markMagic, at);
    if (at < 0) return -1;
    const start = at - headerBytes;
    if (start >= from && start % 8 === 0) return start;
  }
}
