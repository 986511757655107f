import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Compare, PutRequest, RangeRequest, TxnRequest } from '../../gen/etcd/rpc.js';
import type { RequestOp } from '../../gen/etcd/rpc.js';
import { ManualClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import type { WatchBatch } from '../mvcc/types.js';
import { WatchableRevisionStore } from '../mvcc/watchable-store.js';
import { Applier } from './applier.js';
import type { ApplyState } from './applier.js';
import { ResponseHeaders } from './encode.js';
import { checkPath } from './txn-checks.js';
import { readTxn } from './txn.js';

let directory = '';
let backend: SqliteBackend;
let store: WatchableRevisionStore;
let state: ApplyState;
let applier: Applier;
/** Every event as `type key`. */
let told: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-txn-'));
  const clock = new ManualClock();
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
  store = new WatchableRevisionStore({ backend, clock });
  state = {
    store,
    lessor: { has: () => false },
    auth: { enabled: false, checkRange: () => undefined },
    alarms: { has: () => false },
    headers: new ResponseHeaders(1n, 2n, { term: 3 }),
  } as unknown as ApplyState;
  applier = new Applier(state);
  for (const key of ['a', 'b']) {
    const txn = store.write();
    txn.put(key, Buffer.from('old'), 0n);
    txn.end();
  }
  told = [];
  const send = (batch: WatchBatch): boolean => {
    if (batch.kind !== 'events') return true;
    told.push(...batch.events.map(({ type, kv }) => `${type} ${kv.key.toString()}`));
    return true;
  };
  store.watch({ key: '\0', end: '\0', startRevision: 0 }, { send });
});

afterEach(() => {
  store.close();
  backend.abandon();
  rmSync(directory, { recursive: true });
});

const nothing = Buffer.alloc(0);

function put(key: string, more: Partial<PutRequest> = {}): RequestOp {
  const value = { ...PutRequest.decode(nothing), key: Buffer.from(key), ...more };
  return { request: { $case: 'requestPut', value } };
}

function range(key: string, revision: number): RequestOp {
  const value = { ...RangeRequest.decode(nothing), key: Buffer.from(key), revision };
  return { request: { $case: 'requestRange', value } };
}

function removeFrom(key: string, rangeEnd = '\0'): RequestOp {
  const value = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd), prevKv: false };
  return { request: { $case: 'requestDeleteRange', value } };
}

function nested(...success: RequestOp[]): RequestOp {
  return { request: { $case: 'requestTxn', value: { compare: [], success, failure: [] } } };
}

type TxnKind = 'txn' | 'checkedTxn' | 'exactTxn';

function apply(kind: TxnKind, ...success: RequestOp[]): void {
  applyRequest(kind, { compare: [], success, failure: [] });
}

function applyRequest(kind: TxnKind, request: TxnRequest): void {
  const payload = Buffer.from(TxnRequest.encode(request).finish());
  applier.apply({ kind, origin: 1, sequence: 1, auth: undefined, payload }, 1, { request });
}

const keyNotFound = 'etcdserver: key not found';
const leaseNotFound = 'etcdserver: requested lease not found';
const compacted = 'etcdserver: mvcc: required revision has been compacted';
const futureRev = 'etcdserver: mvcc: required revision is a future revision';

// As etcd 3.5.30 answers them, but for those that remove a key first: it panics there.
describe('a transaction that is refused has changed nothing', () => {
  const ignore = { ignoreValue: true };
  const refused: readonly [string, string, RequestOp[]][] = [
    ['a part of a removed key is kept', keyNotFound, [put('c'), removeFrom('a'), put('a', ignore)]],
    ['the same, in nested ones', keyNotFound, [nested(removeFrom('a')), nested(put('b', ignore))]],
    ['the same, of a bounded range', keyNotFound, [removeFrom('a', 'b'), put('a', ignore)]],
    [
      'a lease of a removed key is kept',
      keyNotFound,
      [removeFrom('a'), put('a', { ignoreLease: true })],
    ],
    ['a negative revision', compacted, [put('c'), range('a', -5)]],
    ['a revision ahead', futureRev, [put('c'), range('a', 9)]],
    ['the key is looked for before the lease', keyNotFound, [put('c', { ...ignore, lease: 7n })]],
    ['puts before ranges', leaseNotFound, [range('a', 9), put('c', { lease: 7n })]],
    [
      'puts before ranges, nested',
      leaseNotFound,
      [nested(range('a', 9)), nested(put('c', { lease: 7n }))],
    ],
  ];
  test.each(refused)('%s', (_name, text, ops) => {
    for (const kind of ['checkedTxn', 'exactTxn'] as const) {
      expect(() => apply(kind, ...ops)).toThrow(text);
    }
    expect(store.rev).toBe(3);
    expect(told).toEqual([]);
  });

  test('and what is not refused is done', () => {
    apply('exactTxn', put('a', ignore), range('b', -1), removeFrom('b'));
    expect(store.rev).toBe(4);
    expect(told).toEqual(['put a', 'delete b']);
    expect(store.get('a')?.value.toString()).toBe('old');
  });
});

describe('a transaction with more changes than one revision holds', () => {
  const most = 2 ** 22;
  const wide = (): RequestOp => removeFrom('a', 'z');

  /** A store in which every range has so many keys. */
  function check(keyCount: number, ...ops: RequestOp[]): void {
    const full = {
      rev: 3,
      compactRev: -1,
      get: () => undefined,
      range: () => ({ kvs: [], count: keyCount, more: false, rev: 3 }),
    };
    const path = { succeeded: true, ops, nested: [] };
    checkPath(full, { lessor: state.lessor, checks: 'all' }, path);
  }

  const tooMany = 'etcdserver: too many operations in txn request';
  test.each<[string, number, RequestOp[]]>([
    ['a put, and all of them removed', most, [put('0'), wide()]],
    ['a put that falls under the removal', most - 1, [put('b'), wide()]],
    ['two removals', most / 2 + 1, [wide(), removeFrom('zz')]],
  ])('%s: is refused before its first change', (_name, keyCount, ops) => {
    expect(() => check(keyCount, ...ops)).toThrow(tooMany);
  });

  test.each<[string, number, RequestOp[]]>([
    ['two removals', most / 2, [wide(), removeFrom('zz')]],
    ['the same removal again and again', most, [wide(), wide(), removeFrom('b', 'c'), wide()]],
    ['a removal of nothing', most, [wide(), removeFrom('zz', 'b')]],
    ['a put and a removal', most - 2, [put('0'), wide()]],
    // Whether it fits is found before it changes anything.
    ['a removal alone', most + 1, [wide(), range('a', 0)]],
    ['keys by name', most, [put('0'), removeFrom('a', ''), removeFrom('b', '')]],
  ])('%s: is let through', (_name, keyCount, ops) => {
    expect(check(keyCount, ...ops)).toBeUndefined();
  });
});

test('a read refuses a negative revision below the compaction', () => {
  const request = { compare: [], success: [range('a', -1)], failure: [] };
  expect(readTxn(state, request).length).toBeGreaterThan(0);
  void store.compact(3);
  expect(() => readTxn(state, request)).toThrow(compacted);
});

// As etcd 3.5.30 answers them.
test.each<[string, Partial<Compare>, { readonly all: boolean }]>([
  ['an unknown target is equal', { target: 9 as 0 }, { all: true }],
  ['and not greater', { target: 9 as 0, result: 1 }, { all: false }],
  ['an unknown result holds', { result: 9 as 0 }, { all: true }],
  ['but not for a value that is not there', { result: 9 as 0, target: 3 }, { all: false }],
])('comparisons: %s; in entries of older builds it never holds', (_name, more, { all }) => {
  const one = { ...Compare.decode(nothing), key: Buffer.from('none'), ...more };
  const request = { compare: [one], success: [put('then')], failure: [put('else')] };
  for (const kind of ['exactTxn', 'checkedTxn', 'txn'] as const) {
    told = [];
    applyRequest(kind, request);
    expect(told).toEqual([all && kind === 'exactTxn' ? 'put then' : 'put else']);
  }
});

test('an entry of an older build changes what it changes there', () => {
  expect(() => apply('txn', removeFrom('a'), put('a', { ignoreValue: true }))).toThrow(keyNotFound);
  expect(told).toEqual(['delete a', 'delete b']);
  apply('txn', put('c'), range('c', -5));
  expect([store.rev, store.get('c')?.version]).toEqual([5, 1]);
});
