/**
 * The meaning of ranges, puts and deletes on top of the store. Knows no Raft; used by apply and, for reads, by the
 * server.
 */
import type { DeleteRangeRequest, PutRequest, RangeRequest } from '../../gen/etcd/rpc.js';
import type { Lessor } from '../lease/types.js';
import type {
  KeyValue,
  RangeOptions,
  ReadView,
  SortOrder,
  SortTarget,
  WriteTxn,
} from '../mvcc/types.js';
import { encodeDeleteResponse, encodePutResponse, encodeRangeResponse } from './encode.js';
import { etcdError } from './errors.js';

const sortOrders: readonly SortOrder[] = ['none', 'ascend', 'descend'];
const sortTargets: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];

/** A key as the store wants it: one char a byte. */
export function keyText(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** The options of a range request in the store's words. */
export function rangeOptions(request: RangeRequest): RangeOptions {
  const sortTarget = sortTargets[request.sortTarget] ?? 'key';
  // As etcd: a sort by anything but the key is ascending where no order is given.
  const asked = sortOrders[request.sortOrder] ?? 'none';
  const sortOrder = sortTarget !== 'key' && asked === 'none' ? 'ascend' : asked;
  return {
    rev: request.revision,
    limit: request.limit,
    countOnly: request.countOnly,
    keysOnly: request.keysOnly,
    sortTarget,
    sortOrder,
    minModRevision: request.minModRevision,
    maxModRevision: request.maxModRevision,
    minCreateRevision: request.minCreateRevision,
    maxCreateRevision: request.maxCreateRevision,
  };
}

function rangeOf(view: ReadView, request: RangeRequest): ReturnType<ReadView['range']> {
  const { key, rangeEnd } = request;
  return view.range(keyText(key), keyText(rangeEnd), rangeOptions(request));
}

/** A range read as an encoded RangeResponse. @param header from the revision that was read at */
export function readRange(
  view: ReadView,
  request: RangeRequest,
  header: (revision: number) => Buffer,
): Buffer {
  const result = rangeOf(view, request);
  return encodeRangeResponse(header(result.rev), result);
}

/** One operation's outcome: the answer without its header. */
type Finish = (header: Buffer) => Buffer;

/** @throws leaseNotFound, keyNotFound: before anything has changed */
export function checkPut(view: ReadView, lessor: Lessor, request: PutRequest): void {
  if (request.lease !== 0n && !lessor.has(request.lease)) throw etcdError('leaseNotFound');
  if (
    (request.ignoreValue || request.ignoreLease) &&
    view.get(keyText(request.key)) === undefined
  ) {
    throw etcdError('keyNotFound');
  }
}

/** Puts one pair. @throws as `checkPut` */
export function put(txn: WriteTxn, lessor: Lessor, request: PutRequest): Finish {
  checkPut(txn, lessor, request);
  const key = keyText(request.key);
  const needsPrevious = request.prevKv || request.ignoreValue || request.ignoreLease;
  const previous = needsPrevious ? txn.get(key) : undefined;
  const value = request.ignoreValue ? (previous?.value ?? request.value) : request.value;
  const lease = request.ignoreLease ? (previous?.lease ?? 0n) : request.lease;
  txn.put(key, value, lease);
  return (header) => encodePutResponse(header, request.prevKv ? previous : undefined);
}

/** Deletes a range. */
export function deleteRange(txn: WriteTxn, request: DeleteRangeRequest): Finish {
  const key = keyText(request.key);
  const end = keyText(request.rangeEnd);
  const previous: readonly KeyValue[] = request.prevKv ? txn.range(key, end).kvs : [];
  const deleted = txn.deleteRange(key, end);
  return (header) => encodeDeleteResponse(header, deleted, previous);
}
