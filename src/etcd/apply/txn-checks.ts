/**
 * Checks all conditions under which a transaction may fail, over its whole path and before its first change, since a
 * change cannot be taken back.
 */
import type { PutRequest, RangeRequest, RequestOp } from '../../gen/etcd/rpc.js';
import type { Lessor } from '../lease/types.js';
import { subCountMax } from '../backend/schema.js';
import { TooManyChangesError } from '../mvcc/errors.js';
import { intervalOf, merged } from '../key-intervals.js';
import type { Store } from '../mvcc/types.js';
import { etcdError } from './errors.js';
import { keyText } from './kv.js';

/** The branches that a transaction takes: its own, then those of the nested ones in order. */
export interface Path {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp[];
  readonly nested: readonly Path[];
}

/**
 * The extent of the checks. Members of older builds check less, and all members must come to the same state: `legacy`
 * checks no more than they do for entries of kind `txn`, `checked` for `checkedTxn`. Reads and the kind `exactTxn` get
 * `all`, and with it etcd's meaning of comparisons of unknown kinds.
 */
export type PathChecks = 'all' | 'checked' | 'legacy';

/** The state that the checks read. */
type CheckedStore = Pick<Store, 'compactRev' | 'get' | 'range' | 'rev'>;

/**
 * As etcd: all puts of the path in order, then all its ranges; and then a bound that etcd does not have.
 * @throws keyNotFound, leaseNotFound, futureRev, compacted, TooManyChangesError
 */
export function checkPath(
  store: CheckedStore,
  parts: { readonly lessor: Lessor; readonly checks: PathChecks },
  path: Path,
): void {
  const { lessor, checks } = parts;
  const ops = [...opsInOrder(path)];
  const deleted: { readonly start: string; readonly end: string }[] = [];
  for (const op of ops) {
    if (op?.$case === 'requestPut') {
      checkTxnPut(store, lessor, op.value);
      const key = keyText(op.value.key);
      const isTaken = keepsPart(op.value) && deleted.some((one) => holds(one, key));
      if (checks !== 'legacy' && isTaken) {
        throw etcdError('keyNotFound');
      }
    } else if (op?.$case === 'requestDeleteRange') {
      deleted.push({ start: keyText(op.value.key), end: keyText(op.value.rangeEnd) });
    }
  }
  for (const op of ops) if (op?.$case === 'requestRange') checkRevision(store, op.value, checks);
  if (checks === 'all') checkChanges(store, ops);
}

/**
 * One revision holds so many changes and no more. A change that is alone is refused as a whole where it is made; of
 * several, the first would have happened.
 */
function checkChanges(store: CheckedStore, ops: readonly RequestOp['request'][]): void {
  const puts = ops.filter((op) => op?.$case === 'requestPut').length;
  const deletions = ops.flatMap((op) => (op?.$case === 'requestDeleteRange' ? [op.value] : []));
  const isWide = deletions.some(({ rangeEnd }) => rangeEnd.length > 0);
  if (!isWide || puts + deletions.length < 2) return;
  // What the transaction has put may be deleted as well, each once.
  let changes = 2 * puts;
  const spans = deletions.map(({ key, rangeEnd }) => intervalOf(keyText(key), keyText(rangeEnd)));
  // A key that falls under several deletions is deleted by the first.
  for (const { start, end } of merged(spans.filter((span) => span.start < span.end))) {
    changes += store.range(start, end, { countOnly: true }).count;
  }
  if (changes > subCountMax) throw new TooManyChangesError();
}

function* opsInOrder(path: Path): Generator<RequestOp['request']> {
  let nested = 0;
  for (const { request } of path.ops) {
    yield request;
    if (request?.$case !== 'requestTxn') continue;
    const inner = path.nested[nested++];
    if (inner !== undefined) yield* opsInOrder(inner);
  }
}

function keepsPart(request: PutRequest): boolean {
  return request.ignoreValue || request.ignoreLease;
}

/** As etcd, which looks for the key before the lease here, and after it in a put of its own. */
function checkTxnPut(store: CheckedStore, lessor: Lessor, request: PutRequest): void {
  if (keepsPart(request) && store.get(keyText(request.key)) === undefined) {
    throw etcdError('keyNotFound');
  }
  if (request.lease !== 0n && !lessor.has(request.lease)) throw etcdError('leaseNotFound');
}

/** As etcd, which takes a negative revision for the present one in a range of its own only. */
function checkRevision(store: CheckedStore, { revision }: RangeRequest, checks: PathChecks): void {
  if (revision > store.rev) throw etcdError('futureRev');
  const isChecked = checks === 'legacy' ? revision > 0 : revision !== 0;
  if (isChecked && revision < store.compactRev) throw etcdError('compacted');
}

function holds(range: { readonly start: string; readonly end: string }, key: string): boolean {
  const { start, end } = range;
  if (end === '') return key === start;
  return key >= start && (end === '\0' || key < end);
}
