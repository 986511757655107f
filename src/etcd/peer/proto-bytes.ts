/** Protobuf's wire format, as much as messages between members need. */
import { assert } from '../../lib/assert.js';
import { writeVarint } from '../../lib/varint.js';

/** Ids repeat: a cluster has few. More than this, and the tables start over. */
const knownIdsMax = 64;

/** Writes fields into a buffer that grows. */
export class ProtoWriter {
  #bytes: Buffer;
  #at = 0;
  static readonly #ids = new Map<bigint, Buffer>();

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A varint field, left out when 0. @param tag with the field's number and wire type 0 */
  number(tag: number, value: number): void {
    if (value === 0) return;
    this.#room(12);
    this.#varint(tag);
    this.#varint(value);
  }

  flag(tag: number, value: boolean): void {
    if (value) this.number(tag, 1);
  }

  /** A uint64 field that holds a member's id, left out when 0. */
  id(tag: number, id: bigint): void {
    if (id === 0n) return;
    const known = ProtoWriter.#ids;
    let encoded = known.get(id);
    if (encoded === undefined) {
      if (known.size >= knownIdsMax) known.clear();
      encoded = encodeId(id);
      known.set(id, encoded);
    }
    this.#room(12);
    this.#varint(tag);
    this.#raw(encoded);
  }

  /** A length-delimited field. */
  bytes(tag: number, value: Uint8Array): void {
    this.open(tag, value.length);
    this.#raw(value);
  }

  /** The head of a length-delimited field whose `length` bytes follow. */
  open(tag: number, length: number): void {
    this.#room(12 + length);
    this.#varint(tag);
    this.#varint(length);
  }

  /** The head of a message whose length is not known yet. @returns for `close` */
  begin(tag: number): number {
    this.#room(12);
    this.#varint(tag);
    this.#at += lengthBytes;
    return this.#at;
  }

  /** Fills in the length of the message that began there: a varint with leading zeros, which every reader takes. */
  close(start: number): void {
    let length = this.#at - start;
    assert(length < 2 ** (7 * lengthBytes), 'a message fits its length field');
    for (let at = start - lengthBytes; at < start - 1; at++) {
      this.#bytes[at] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    this.#bytes[start - 1] = length;
  }

  #room(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }

  #raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    this.#at = writeVarint(this.#bytes, value, this.#at);
  }
}

const lengthBytes = 4;

function encodeId(id: bigint): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, id);
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Buffer.from(out);
}

/** Reads fields of a buffer in turn. @throws RangeError on malformed bytes */
export class ProtoReader {
  readonly bytes: Buffer;
  at: number;
  end: number;
  static readonly #ids = new Map<string, bigint>();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** A varint as a number. @throws RangeError also on one that is no safe integer */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || this.at > this.end) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new RangeError('a varint is cut short or too large');
  }

  /** A uint64 as a bigint. */
  id(): bigint {
    const start = this.at;
    while (((this.bytes[this.at] ?? 0) & 0x80) !== 0 && this.at - start < 9) this.at++;
    this.at++;
    if (this.at > this.end) throw new RangeError('a varint is cut short');
    const key = this.bytes.toString('latin1', start, this.at);
    const known = ProtoReader.#ids;
    let id = known.get(key);
    if (id === undefined) {
      if (known.size >= knownIdsMax) known.clear();
      id = 0n;
      for (let at = this.at - 1; at >= start; at--) {
        id = (id << 7n) | BigInt((this.bytes[at] ?? 0) & 0x7f);
      }
      id = BigInt.asUintN(64, id);
      known.set(key, id);
    }
    return id;
  }

  /** A length-delimited field's length; its bytes follow. */
  length(): number {
    const length = this.varint();
    if (this.at + length > this.end) throw new RangeError('a field is cut short');
    return length;
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Buffer {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Reads a message with `read`, within its bounds. */
  nested<T>(read: () => T): T {
    const length = this.length();
    const outer = this.end;
    this.end = this.at + length;
    const value = read();
    this.end = outer;
    return value;
  }

  /** Passes over a field that is not known. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.take(8);
        return;
      case 2:
        this.take(this.length());
        return;
      case 5:
        this.take(4);
        return;
      default:
        throw new RangeError(`a field of wire type ${tag & 7}`);
    }
  }
}
