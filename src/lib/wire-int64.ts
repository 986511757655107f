/**
 * 64-bit protobuf fields that are plain numbers (`[jstype = JS_NUMBER]`): read and written without BigInt, which
 * ts-proto would go through twice. The generator script puts these calls into the generated code.
 */
import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { assert } from './assert.js';

const twoTo32 = 2 ** 32;

/** The members that both classes offer to code beside them. */
interface Words {
  varint64Lo: number;
  varint64Hi: number;
  varint64(): void;
}

/**
 * An int64 as a number. Values outside the safe integers become the nearest safe one: no revision, size or count gets
 * there, so a request that names one is told the same as with its true value (a future revision, a TTL that is too
 * large).
 */
export function readInt64(reader: BinaryReader): number {
  const words = reader as unknown as Words;
  words.varint64();
  const value = (words.varint64Hi | 0) * twoTo32 + (words.varint64Lo >>> 0);
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  if (value < Number.MIN_SAFE_INTEGER) return Number.MIN_SAFE_INTEGER;
  return value;
}

/** A uint64 as a number; see {@link readInt64}. */
export function readUint64(reader: BinaryReader): number {
  const words = reader as unknown as Words;
  words.varint64();
  const value = (words.varint64Hi >>> 0) * twoTo32 + (words.varint64Lo >>> 0);
  return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : value;
}

/**
 * Writes a safe integer as int64 or, if it is not negative, uint64. Inside a oneof a value may be a bigint as well.
 * @throws InvariantError on a number that is no safe integer
 */
export function writeInt64(writer: BinaryWriter, value: number | bigint): void {
  if (typeof value === 'bigint') {
    writer.int64(BigInt.asIntN(64, value));
    return;
  }
  if (value >= 0 && value < 0x80000000) {
    writer.uint32(value);
    return;
  }
  assert(Number.isSafeInteger(value), 'a 64-bit field holds a safe integer');
  (writer as unknown as { writeVarint64(lo: number, hi: number): void }).writeVarint64(
    value | 0,
    Math.floor(value / twoTo32) | 0,
  );
}
