/**
 * mvccpb.KeyValue, encoded once when written; the same bytes are stored, cached and sent. The fields stand in the order
 * of their numbers, without zero fields, as Go's encoder writes them, so HashKV is comparable with a real etcd's.
 */
import { mustExist } from '../../lib/assert.js';
import { Slab } from '../../lib/slab.js';
import { varintSize, writeVarint } from '../../lib/varint.js';
import type { KeyValue } from './types.js';

const emptyBuffer = Buffer.alloc(0);
/** Pairs live about equally long, in the cache; in Node's own pool they would keep what is short-lived. */
const slab = new Slab(32 * 1024);

/** A KeyValue that is a view of its encoded bytes. */
export class StoredKeyValue implements KeyValue {
  readonly encoded: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
  readonly #keyStart: number;
  readonly #keyEnd: number;
  readonly #valueStart: number;
  readonly #valueEnd: number;

  constructor(
    encoded: Buffer,
    meta: KeyMeta,
    spans: { keyStart: number; keyEnd: number; valueStart: number; valueEnd: number },
  ) {
    this.encoded = encoded;
    this.createRevision = meta.createRevision;
    this.modRevision = meta.modRevision;
    this.version = meta.version;
    this.lease = meta.lease;
    this.#keyStart = spans.keyStart;
    this.#keyEnd = spans.keyEnd;
    this.#valueStart = spans.valueStart;
    this.#valueEnd = spans.valueEnd;
  }

  get key(): Buffer {
    return this.encoded.subarray(this.#keyStart, this.#keyEnd);
  }

  get value(): Buffer {
    if (this.#valueEnd === this.#valueStart) return emptyBuffer;
    return this.encoded.subarray(this.#valueStart, this.#valueEnd);
  }

  /** The key as a latin1 string. */
  keyString(): string {
    return this.encoded.toString('latin1', this.#keyStart, this.#keyEnd);
  }
}

/** The numbers of a KeyValue. */
export interface KeyMeta {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** Encodes a pair. @param key latin1 @param value copied */
export function encodeKeyValue(key: string, value: Uint8Array, meta: KeyMeta): StoredKeyValue {
  const lease = meta.lease === 0n ? 0 : varintBytesBig(meta.lease) + 1;
  const size =
    bytesFieldSize(key.length) +
    numberFieldSize(meta.createRevision) +
    numberFieldSize(meta.modRevision) +
    numberFieldSize(meta.version) +
    bytesFieldSize(value.length) +
    lease;
  const out = slab.take(size);
  let at = 0;
  let keyStart = 0;
  if (key.length > 0) {
    out[at] = 0x0a;
    keyStart = writeVarint(out, key.length, at + 1);
    out.write(key, keyStart, key.length, 'latin1');
    at = keyStart + key.length;
  }
  at = writeNumberField(out, 0x10, meta.createRevision, at);
  at = writeNumberField(out, 0x18, meta.modRevision, at);
  at = writeNumberField(out, 0x20, meta.version, at);
  let valueStart = at;
  if (value.length > 0) {
    out[at] = 0x2a;
    valueStart = writeVarint(out, value.length, at + 1);
    out.set(value, valueStart);
    at = valueStart + value.length;
  }
  const valueEnd = valueStart + value.length;
  if (lease > 0) {
    out[at] = 0x30;
    writeVarintBig(out, meta.lease, at + 1);
  }
  const keyEnd = keyStart + key.length;
  return new StoredKeyValue(out, meta, { keyStart, keyEnd, valueStart, valueEnd });
}

/** The bytes of a tombstone: a KeyValue with nothing but the key. */
export function encodeTombstone(key: string): Buffer {
  const out = Buffer.allocUnsafe(bytesFieldSize(key.length));
  if (key.length === 0) return out;
  out[0] = 0x0a;
  out.write(key, writeVarint(out, key.length, 1), key.length, 'latin1');
  return out;
}

/** Reads a stored KeyValue, checking nothing but its shape. @throws InvariantError on malformed bytes */
export function decodeKeyValue(encoded: Buffer): StoredKeyValue {
  const meta = { createRevision: 0, modRevision: 0, version: 0, lease: 0n };
  const spans = { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  const reader = new VarintReader(encoded);
  while (reader.at < encoded.length) {
    const tag = reader.next();
    switch (tag) {
      case 0x0a:
        spans.keyEnd = reader.next();
        spans.keyStart = reader.at;
        spans.keyEnd = reader.skip(spans.keyEnd);
        break;
      case 0x10:
        meta.createRevision = reader.next();
        break;
      case 0x18:
        meta.modRevision = reader.next();
        break;
      case 0x20:
        meta.version = reader.next();
        break;
      case 0x2a:
        spans.valueEnd = reader.next();
        spans.valueStart = reader.at;
        spans.valueEnd = reader.skip(spans.valueEnd);
        break;
      case 0x30:
        meta.lease = reader.nextBig();
        break;
      default:
        throw new RangeError(`stored key-value has the unknown tag ${tag}`);
    }
  }
  return new StoredKeyValue(encoded, meta, spans);
}

/** The fields of a stored pair that the index needs: one object for all pairs, since a start reads every one. */
export class KeyScan {
  key = '';
  createRevision = 0;
  modRevision = 0;
  version = 0;
  lease = 0n;
  readonly #reader = new VarintReader(emptyBuffer);

  /** Takes the fields of `encoded` in place of those before. */
  read(encoded: Buffer): void {
    const reader = this.#reader;
    reader.reset(encoded);
    this.key = '';
    this.createRevision = 0;
    this.modRevision = 0;
    this.version = 0;
    this.lease = 0n;
    while (reader.at < encoded.length) {
      const tag = reader.next();
      if (tag === 0x0a) {
        const length = reader.next();
        const start = reader.at;
        this.key = encoded.toString('latin1', start, reader.skip(length));
      } else if (tag === 0x10) this.createRevision = reader.next();
      else if (tag === 0x18) this.modRevision = reader.next();
      else if (tag === 0x20) this.version = reader.next();
      else if (tag === 0x2a) reader.skip(reader.next());
      else if (tag === 0x30) this.lease = reader.nextBig();
      else throw new RangeError(`stored key-value has the unknown tag ${tag}`);
    }
  }
}

/** Reads varints of a buffer in turn. */
class VarintReader {
  at = 0;
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.at = 0;
  }

  next(): number {
    const first = this.#bytes[this.at];
    if (first !== undefined && first < 0x80) {
      this.at++;
      return first;
    }
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = mustExist(this.#bytes[this.at++], 'byte of a stored varint');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  nextBig(): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = mustExist(this.#bytes[this.at++], 'byte of a stored varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
      shift += 7n;
    }
  }

  skip(count: number): number {
    this.at += count;
    return this.at;
  }
}

function bytesFieldSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function numberFieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function writeNumberField(out: Buffer, tag: number, value: number, at: number): number {
  if (value === 0) return at;
  out[at] = tag;
  return writeVarint(out, value, at + 1);
}

function varintBytesBig(value: bigint): number {
  let size = 1;
  for (let rest = BigInt.asUintN(64, value); rest >= 128n; rest >>= 7n) size += 1;
  return size;
}

function writeVarintBig(out: Buffer, value: bigint, from: number): void {
  let at = from;
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    out[at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  out[at] = Number(rest);
}
