/**
 * The answers of the KV service, written straight to bytes: stored pairs come encoded from the store and are only
 * framed here, so that no answer is first built as objects.
 */
import type { ResponseHeader } from '../../gen/etcd/rpc.js';
import { writeVarint } from '../../lib/varint.js';
import type { KeyValue } from '../mvcc/types.js';

/** Collects pieces of a message; one copy at the end. */
export class Parts {
  #pieces: Buffer[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Raw bytes. */
  raw(bytes: Buffer): this {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    return this;
  }

  /** A varint field, left out when 0. @param value a safe integer >= 0 */
  number(field: number, value: number): this {
    if (value === 0) return this;
    const out = Buffer.allocUnsafe(11);
    out[0] = field << 3;
    return this.raw(out.subarray(0, writeVarint(out, value, 1)));
  }

  /** A length-delimited field. */
  bytes(field: number, value: Buffer): this {
    const out = Buffer.allocUnsafe(6);
    out[0] = (field << 3) | 2;
    this.raw(out.subarray(0, writeVarint(out, value.length, 1)));
    return this.raw(value);
  }

  /** All of it. */
  finish(): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    return Buffer.concat(this.#pieces, this.#size);
  }
}

/** A field with an id of 64 bits, whatever its sign; nothing for 0. */
export function idField(field: number, id: bigint): Buffer {
  if (id === 0n) return Buffer.alloc(0);
  const out = [field << 3];
  let rest = BigInt.asUintN(64, id);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Buffer.from(out);
}

/** The header of every answer: who answers, at which revision and term. */
export class ResponseHeaders {
  readonly #clusterId: bigint;
  readonly #memberId: bigint;
  readonly #node: { readonly term: number };
  readonly #ids: Buffer;
  #revision = -1;
  #term = -1;
  #encoded: Buffer = Buffer.alloc(0);

  /** @param node knows Raft's term */
  constructor(clusterId: bigint, memberId: bigint, node: { readonly term: number }) {
    this.#clusterId = clusterId;
    this.#memberId = memberId;
    this.#node = node;
    this.#ids = Buffer.concat([idField(1, clusterId), idField(2, memberId)]);
  }

  /** Field 1 of an answer, with tag and length. The last one is kept. */
  field(revision: number): Buffer {
    const { term } = this.#node;
    if (revision !== this.#revision || term !== this.#term) {
      const inner = new Parts().raw(this.#ids).number(3, revision).number(4, term).finish();
      this.#encoded = new Parts().bytes(1, inner).finish();
      this.#revision = revision;
      this.#term = term;
    }
    return this.#encoded;
  }

  /** The header as a message. */
  message(revision: number): ResponseHeader {
    const clusterId = this.#clusterId;
    return { clusterId, memberId: this.#memberId, revision, raftTerm: this.#node.term };
  }
}

/** The header of an operation inside a transaction: the revision alone. */
export function innerHeader(revision: number): Buffer {
  return new Parts().bytes(1, new Parts().number(3, revision).finish()).finish();
}

/** The header of a nested transaction: nothing. */
export const emptyHeader = Buffer.from([0x0a, 0]);

/** The bytes of a RangeResponse. */
export function encodeRangeResponse(
  header: Buffer,
  result: { readonly kvs: readonly KeyValue[]; readonly more: boolean; readonly count: number },
): Buffer {
  const parts = new Parts().raw(header);
  for (const kv of result.kvs) parts.bytes(2, kv.encoded);
  if (result.more) parts.number(3, 1);
  return parts.number(4, result.count).finish();
}

/** The bytes of a PutResponse. */
export function encodePutResponse(header: Buffer, prev: KeyValue | undefined): Buffer {
  if (prev === undefined) return header;
  return new Parts().raw(header).bytes(2, prev.encoded).finish();
}

/** The bytes of a DeleteRangeResponse. */
export function encodeDeleteResponse(
  header: Buffer,
  deleted: number,
  prevKvs: readonly KeyValue[],
): Buffer {
  const parts = new Parts().raw(header).number(2, deleted);
  for (const kv of prevKvs) parts.bytes(3, kv.encoded);
  return parts.finish();
}

/** @param responses encoded ResponseOp messages */
export function encodeTxnResponse(
  header: Buffer,
  succeeded: boolean,
  responses: readonly Buffer[],
): Buffer {
  const parts = new Parts().raw(header).number(2, succeeded ? 1 : 0);
  for (const response of responses) parts.bytes(3, response);
  return parts.finish();
}

/** A ResponseOp around one answer. @param field 1 range, 2 put, 3 delete, 4 txn */
export function encodeResponseOp(field: number, response: Buffer): Buffer {
  return new Parts().bytes(field, response).finish();
}
