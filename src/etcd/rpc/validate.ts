/** Refuses invalid requests before they cost anything: etcd's checks, in etcd's order. */
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../../gen/etcd/rpc.js';
import { etcdError } from '../apply/errors.js';
import { keyText } from '../apply/kv.js';

/** @throws emptyKey, invalidSortOption */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  if (request.sortOrder < 0 || request.sortOrder > 2) throw etcdError('invalidSortOption');
  if (request.sortTarget < 0 || request.sortTarget > 4) throw etcdError('invalidSortOption');
}

/** @throws emptyKey, valueProvided, leaseProvided */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  if (request.ignoreValue && request.value.length !== 0) throw etcdError('valueProvided');
  if (request.ignoreLease && request.lease !== 0n) throw etcdError('leaseProvided');
}

/** @throws emptyKey */
export function checkDelete(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
}

/** @throws tooManyOps, emptyKey, duplicateKey and what the operations' own checks throw */
export function checkTxn(request: TxnRequest, maxTxnOps: number): void {
  checkOps(request, maxTxnOps);
  checkIntervals(request.success);
  checkIntervals(request.failure);
}

function checkOps(request: TxnRequest, maxTxnOps: number): void {
  const { compare, success, failure } = request;
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > maxTxnOps) throw etcdError('tooManyOps');
  for (const one of compare) if (one.key.length === 0) throw etcdError('emptyKey');
  for (const op of success) checkOp(op, maxTxnOps - count);
  for (const op of failure) checkOp(op, maxTxnOps - count);
}

function checkOp({ request }: RequestOp, maxTxnOps: number): void {
  switch (request?.$case) {
    case 'requestRange':
      checkRange(request.value);
      return;
    case 'requestPut':
      checkPut(request.value);
      return;
    case 'requestDeleteRange':
      checkDelete(request.value);
      return;
    case 'requestTxn':
      checkOps(request.value, maxTxnOps);
      return;
    case undefined:
      throw etcdError('keyNotFound');
  }
}

interface Interval {
  readonly start: string;
  /** First key behind it, as the request has it: `\0` for an open end is smaller than any start. */
  readonly end: string;
}

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: Interval[];
}

/** A key may be put once, and not be deleted as well; the two branches of a nested transaction exclude each other. */
function checkIntervals(ops: readonly RequestOp[]): Touched {
  const puts = new Set<string>();
  const deletes: Interval[] = [];
  for (const { request } of ops) {
    if (request?.$case !== 'requestDeleteRange') continue;
    deletes.push(intervalOf(request.value));
  }
  for (const { request } of ops) {
    if (request?.$case !== 'requestTxn') continue;
    const then = checkIntervals(request.value.success);
    const otherwise = checkIntervals(request.value.failure);
    for (const key of then.puts) addPut({ puts, deletes }, key, puts.has(key));
    for (const key of otherwise.puts) {
      addPut({ puts, deletes }, key, puts.has(key) && !then.puts.has(key));
    }
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const { request } of ops) {
    if (request?.$case !== 'requestPut') continue;
    const key = keyText(request.value.key);
    addPut({ puts, deletes }, key, puts.has(key));
  }
  return { puts, deletes };
}

function addPut({ puts, deletes }: Touched, key: string, isDuplicate: boolean): void {
  if (isDuplicate || deletes.some((interval) => contains(interval, key))) {
    throw etcdError('duplicateKey');
  }
  puts.add(key);
}

function intervalOf(request: DeleteRangeRequest): Interval {
  const start = keyText(request.key);
  const end = keyText(request.rangeEnd);
  return { start, end: end === '' ? `${start}\0` : end };
}

/** As etcd, for which a deletion with an open end overlaps with nothing. */
function contains(interval: Interval, key: string): boolean {
  return key >= interval.start && key < interval.end;
}
