/** The meaning of KV requests on top of the store. Knows no Raft; used by apply and, for reads, by the server. */
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../../gen/etcd/rpc.js';
import type { Lessor } from '../lease/types.js';
import type {
  KeyValue,
  RangeOptions,
  ReadView,
  SortOrder,
  SortTarget,
  Store,
  WriteTxn,
} from '../mvcc/types.js';
import type { ResponseHeaders } from './encode.js';
import {
  emptyHeader,
  encodeDeleteResponse,
  encodePutResponse,
  encodeRangeResponse,
  encodeResponseOp,
  encodeTxnResponse,
  innerHeader,
} from './encode.js';
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

/** True when the transaction can change nothing whatever branch it takes. */
export function isReadOnly(request: TxnRequest): boolean {
  const readOnly = (op: RequestOp): boolean =>
    op.request?.$case === 'requestRange' ||
    (op.request?.$case === 'requestTxn' && isReadOnly(op.request.value));
  return request.success.every(readOnly) && request.failure.every(readOnly);
}

/** True when a read-only transaction may be answered from this member's own state. */
export function isSerializable(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every(
    (op) => op.request?.$case === 'requestRange' && op.request.value.serializable,
  );
}

/** Which branches a transaction takes: its own, then those of the nested ones in order. */
interface Path {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp[];
  readonly nested: readonly Path[];
}

function choosePath(view: ReadView, request: TxnRequest): Path {
  const succeeded = request.compare.every((compare) => compareHolds(view, compare));
  const ops = succeeded ? request.success : request.failure;
  const nested: Path[] = [];
  for (const op of ops) {
    if (op.request?.$case === 'requestTxn') nested.push(choosePath(view, op.request.value));
  }
  return { succeeded, ops, nested };
}

/** As etcd: what can fail is checked over the whole path before the first change. */
function checkPath(view: Store, lessor: Lessor, path: Path): void {
  let nested = 0;
  for (const { request } of path.ops) {
    if (request?.$case === 'requestPut') {
      checkPut(view, lessor, request.value);
    } else if (request?.$case === 'requestRange') {
      const { revision } = request.value;
      if (revision > view.rev) throw etcdError('futureRev');
      if (revision > 0 && revision < view.compactRev) throw etcdError('compacted');
    } else if (request?.$case === 'requestTxn') {
      const inner = path.nested[nested++];
      if (inner !== undefined) checkPath(view, lessor, inner);
    }
  }
}

/** The state that a transaction reads and writes. */
export interface TxnContext {
  readonly store: Store;
  readonly lessor: Lessor;
  readonly headers: Pick<ResponseHeaders, 'field'>;
}

/**
 * Runs a transaction that may write.
 * @throws leaseNotFound, keyNotFound, futureRev, compacted: nothing has changed then
 */
export function runTxn(context: TxnContext, request: TxnRequest): Buffer {
  const { store, lessor } = context;
  const path = choosePath(store, request);
  checkPath(store, lessor, path);
  const txn = store.write();
  let responses: Buffer[];
  try {
    responses = runPath(txn, lessor, path);
  } finally {
    txn.end();
  }
  return encodeTxnResponse(context.headers.field(store.rev), path.succeeded, responses);
}

/** Answers a transaction that reads only. */
export function readTxn(context: TxnContext, request: TxnRequest): Buffer {
  const { store, lessor } = context;
  const path = choosePath(store, request);
  checkPath(store, lessor, path);
  const responses = runPath(store, lessor, path);
  return encodeTxnResponse(context.headers.field(store.rev), path.succeeded, responses);
}

function isWriteTxn(view: ReadView): view is WriteTxn {
  return 'deleteRange' in view;
}

function runPath(view: ReadView, lessor: Lessor, path: Path): Buffer[] {
  const responses: Buffer[] = [];
  let nested = 0;
  for (const { request } of path.ops) {
    switch (request?.$case) {
      case 'requestRange':
        responses.push(encodeResponseOp(1, readRange(view, request.value, innerHeader)));
        break;
      case 'requestPut':
        if (isWriteTxn(view)) {
          const finish = put(view, lessor, request.value);
          responses.push(encodeResponseOp(2, finish(innerHeader(view.rev))));
        }
        break;
      case 'requestDeleteRange':
        if (isWriteTxn(view)) {
          const finish = deleteRange(view, request.value);
          responses.push(encodeResponseOp(3, finish(innerHeader(view.rev))));
        }
        break;
      case 'requestTxn': {
        const inner = path.nested[nested++];
        if (inner !== undefined) {
          const body = runPath(view, lessor, inner);
          const encoded = encodeTxnResponse(emptyHeader, inner.succeeded, body);
          responses.push(encodeResponseOp(4, encoded));
        }
        break;
      }
      case undefined:
        break;
    }
  }
  return responses;
}

/** True when the comparison holds for every pair in its range. */
function compareHolds(view: ReadView, compare: Compare): boolean {
  const key = keyText(compare.key);
  if (compare.rangeEnd.length === 0) return holdsFor(compare, view.get(key));
  const { kvs } = view.range(key, keyText(compare.rangeEnd));
  // As etcd: nothing in the range compares as a key that does not exist, but never by value.
  if (kvs.length === 0) return holdsFor(compare, undefined);
  return kvs.every((kv) => holdsFor(compare, kv));
}

function holdsFor(compare: Compare, kv: KeyValue | undefined): boolean {
  const difference = differenceOf(compare, kv);
  if (difference === undefined) return false;
  switch (compare.result) {
    case 0:
      return difference === 0;
    case 1:
      return difference > 0;
    case 2:
      return difference < 0;
    case 3:
      return difference !== 0;
    default:
      return false;
  }
}

/** Negative, zero or positive as the stored thing is less than, equal to or greater than the given one. */
function differenceOf(compare: Compare, kv: KeyValue | undefined): number | undefined {
  const union = compare.targetUnion;
  switch (compare.target) {
    case 3: {
      // A value can only be compared where there is one.
      if (kv === undefined) return undefined;
      const wanted = union?.$case === 'value' ? union.value : Buffer.alloc(0);
      return kv.value.compare(wanted);
    }
    case 1:
      return (kv?.createRevision ?? 0) - (union?.$case === 'createRevision' ? union.value : 0);
    case 2:
      return (kv?.modRevision ?? 0) - (union?.$case === 'modRevision' ? union.value : 0);
    case 0:
      return (kv?.version ?? 0) - (union?.$case === 'version' ? union.value : 0);
    case 4: {
      const wanted = union?.$case === 'lease' ? union.value : 0n;
      const stored = kv?.lease ?? 0n;
      return stored < wanted ? -1 : stored > wanted ? 1 : 0;
    }
    default:
      return undefined;
  }
}
