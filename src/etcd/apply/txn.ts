/** The meaning of transactions on top of the store: which branch is taken, and what its operations do. */
import type { Compare, RequestOp, TxnRequest } from '../../gen/etcd/rpc.js';
import type { Lessor } from '../lease/types.js';
import type { KeyValue, ReadView, Store, WriteTxn } from '../mvcc/types.js';
import type { ResponseHeaders } from './encode.js';
import { emptyHeader, encodeResponseOp, encodeTxnResponse, innerHeader } from './encode.js';
import { deleteRange, keyText, put, readRange } from './kv.js';
import { checkPath } from './txn-checks.js';
import type { Path, PathChecks } from './txn-checks.js';

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

function choosePath(view: ReadView, request: TxnRequest, checks: PathChecks): Path {
  const succeeded = request.compare.every((compare) => compareHolds(view, compare, checks));
  const ops = succeeded ? request.success : request.failure;
  const nested: Path[] = [];
  for (const op of ops) {
    if (op.request?.$case === 'requestTxn') nested.push(choosePath(view, op.request.value, checks));
  }
  return { succeeded, ops, nested };
}

/** The state that a transaction reads and writes. */
export interface TxnContext {
  readonly store: Store;
  readonly lessor: Lessor;
  readonly headers: Pick<ResponseHeaders, 'field'>;
}

/**
 * Runs a transaction that may write.
 * @param checks with `all`, a refused transaction has changed nothing
 * @throws leaseNotFound, keyNotFound, futureRev, compacted
 */
export function runTxn(context: TxnContext, request: TxnRequest, checks: PathChecks): Buffer {
  const { store, lessor } = context;
  const path = choosePath(store, request, checks);
  checkPath(store, { lessor, checks }, path);
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
  const path = choosePath(store, request, 'all');
  checkPath(store, { lessor, checks: 'all' }, path);
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
function compareHolds(view: ReadView, compare: Compare, checks: PathChecks): boolean {
  const key = keyText(compare.key);
  if (compare.rangeEnd.length === 0) return holdsFor(compare, view.get(key), checks);
  const { kvs } = view.range(key, keyText(compare.rangeEnd));
  // As etcd: nothing in the range compares as a key that does not exist, but never by value.
  if (kvs.length === 0) return holdsFor(compare, undefined, checks);
  return kvs.every((kv) => holdsFor(compare, kv, checks));
}

/** As etcd, for which an unknown result always holds, and unknown targets are equal. */
function holdsFor(compare: Compare, kv: KeyValue | undefined, checks: PathChecks): boolean {
  const isKnown = compare.target >= 0 && compare.target <= 4;
  const difference = isKnown || checks !== 'all' ? differenceOf(compare, kv) : 0;
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
      return checks === 'all';
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
