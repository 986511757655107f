import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Prng } from '../../lib/prng.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { NaiveStore } from './testkit/naive-store.js';
import { RevisionStore } from './revision-store.js';
import type { KeyValue, RangeOptions, SortOrder, SortTarget } from './types.js';
import { mustEqual } from '../../lib/testkit/must-equal.js';

let directory = '';
let clock = new ManualClock();
let backend: SqliteBackend;

function open(): RevisionStore {
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
  return new RevisionStore({ backend, clock, cacheBytes: 2000 });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-mvcc-'));
  clock = new ManualClock();
});

afterEach(() => {
  backend.abandon();
  rmSync(directory, { recursive: true });
});

/** Lets manual time pass until `promise` settles. */
async function settle<T>(promise: Promise<T>): Promise<T> {
  const state = { done: false };
  const mark = (): void => void (state.done = true);
  promise.then(mark, mark);
  for (let turn = 0; turn < 100_000 && !state.done; turn++) {
    clock.advance(1);
    await Promise.resolve();
  }
  return promise;
}

function put(store: RevisionStore, key: string, value: string, lease = 0n): number {
  const txn = store.write();
  txn.put(key, Buffer.from(value), lease);
  const rev = txn.end();
  backend.endApply(rev, 1);
  return rev;
}

function remove(store: RevisionStore, key: string, end = ''): number {
  const txn = store.write();
  const count = txn.deleteRange(key, end);
  txn.end();
  return count;
}

function show(kv: KeyValue): string {
  const { createRevision, modRevision, version, lease } = kv;
  const text = `${kv.key.toString('latin1')}=${kv.value.toString('latin1')}`;
  return `${text} c${createRevision} m${modRevision} v${version} l${lease}`;
}

function shown(store: RevisionStore, key: string, end = '', options: RangeOptions = {}): string[] {
  return store.range(key, end, options).kvs.map(show);
}

describe('revisions', () => {
  test('a new store is at 1; each writing transaction adds one', () => {
    const store = open();
    expect(store.rev).toBe(1);
    expect(put(store, 'a', '1')).toBe(2);
    expect(put(store, 'a', '2')).toBe(3);
    expect(shown(store, 'a')).toEqual(['a=2 c2 m3 v2 l0']);
    expect(remove(store, 'nothing')).toBe(0);
    expect(store.rev).toBe(3);
    expect(remove(store, 'a')).toBe(1);
    expect(store.rev).toBe(4);
    expect(shown(store, 'a')).toEqual([]);
    expect(put(store, 'a', '3')).toBe(5);
    expect(shown(store, 'a')).toEqual(['a=3 c5 m5 v1 l0']);
    expect(shown(store, 'a', '', { rev: 3 })).toEqual(['a=2 c2 m3 v2 l0']);
    expect(shown(store, 'a', '', { rev: 4 })).toEqual([]);
  });

  test('a transaction sees its own writes, at one revision', () => {
    const store = open();
    put(store, 'a', '1');
    const txn = store.write();
    expect(txn.rev).toBe(2);
    txn.put('b', Buffer.from('2'), 0n);
    expect(txn.rev).toBe(3);
    expect(txn.deleteRange('a', '')).toBe(1);
    expect(txn.range('a', '\0').kvs.map(show)).toEqual(['b=2 c3 m3 v1 l0']);
    expect(txn.range('a', '', { rev: 2 }).kvs.map(show)).toEqual(['a=1 c2 m2 v1 l0']);
    expect(store.rev).toBe(2);
    expect(txn.end()).toBe(3);
    expect(store.keyCount).toBe(1);
  });

  test('revisions that are not there are refused with the text of etcd', () => {
    const store = open();
    for (let i = 0; i < 5; i++) put(store, 'a', String(i));
    expect(() => store.range('a', '', { rev: 7 })).toThrow(
      'etcdserver: mvcc: required revision is a future revision',
    );
    void store.compact(4);
    expect(() => store.range('a', '', { rev: 3 })).toThrow(
      'etcdserver: mvcc: required revision has been compacted',
    );
    expect(shown(store, 'a', '', { rev: 4 })).toEqual(['a=2 c2 m4 v3 l0']);
    expect(() => store.compact(4)).toThrow(expect.objectContaining({ code: 'COMPACTED' }));
    expect(() => store.compact(7)).toThrow(expect.objectContaining({ code: 'FUTURE_REV' }));
  });
});

describe('range', () => {
  test('options', () => {
    const store = open();
    for (const key of ['a', 'b', 'c', 'd']) put(store, key, `${'dcba'['abcd'.indexOf(key)]}`);
    put(store, 'b', 'z');
    const result = store.range('a', 'd', { limit: 2 });
    expect([result.kvs.length, result.count, result.more]).toEqual([2, 3, true]);
    expect(store.range('b', '\0', { countOnly: true })).toMatchObject({ count: 3, kvs: [] });
    expect(store.range('b', 'b')).toMatchObject({ count: 0, kvs: [] });
    expect(shown(store, 'a', '\0', { keysOnly: true })[1]).toBe('b= c3 m6 v2 l0');
    const keys = (options: RangeOptions): string =>
      store
        .range('a', '\0', options)
        .kvs.map((kv) => kv.key.toString())
        .join('');
    expect(keys({ sortOrder: 'descend' })).toBe('dcba');
    expect(keys({ sortTarget: 'value', sortOrder: 'ascend' })).toBe('dcab');
    expect(keys({ sortTarget: 'value', sortOrder: 'ascend', keysOnly: true })).toBe('dcab');
    const byValue = {
      sortTarget: 'value',
      sortOrder: 'descend',
      keysOnly: true,
      limit: 2,
    } as const;
    expect(shown(store, 'a', '\0', byValue)).toEqual(['b= c3 m6 v2 l0', 'a= c2 m2 v1 l0']);
    expect(shown(store, 'b', '', byValue)).toEqual(['b= c3 m6 v2 l0']);
    expect(keys({ sortTarget: 'mod', sortOrder: 'descend', limit: 2 })).toBe('bd');
    expect(keys({ sortTarget: 'version' })).toBe('acdb');
    expect(keys({ minModRevision: 5 })).toBe('bd');
    expect(keys({ maxModRevision: 4 })).toBe('ac');
    expect(keys({ minCreateRevision: 3, maxCreateRevision: 4 })).toBe('bc');
  });

  test('keys are bytes and order as bytes', () => {
    const store = open();
    const names = [Buffer.from([0xff]), Buffer.from([0]), Buffer.from('é'), Buffer.from('z')];
    for (const name of names) put(store, name.toString('latin1'), 'x');
    const found = store.range('\0', '\0').kvs.map((kv) => kv.key);
    expect(found).toEqual([...names].sort((a, b) => Buffer.compare(a, b)));
  });
});

test('a lease follows its key', () => {
  const calls: string[] = [];
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
  const leases = {
    attach: (lease: bigint, key: string) => void calls.push(`+${lease}${key}`),
    detach: (lease: bigint, key: string) => void calls.push(`-${lease}${key}`),
  };
  const store = new RevisionStore({ backend, clock, leases });
  put(store, 'a', '1', 7n);
  put(store, 'a', '1', 7n);
  put(store, 'a', '2', 8n);
  put(store, 'b', '2', 0x7fff_ffff_ffff_ffffn);
  remove(store, 'a');
  expect(calls).toEqual(['+7a', '-7a', '+8a', '+9223372036854775807b', '-8a']);
  calls.length = 0;
  expect(new RevisionStore({ backend, clock, leases }).rev).toBe(6);
  expect(calls).toEqual(['+9223372036854775807b']);
  expect(shown(store, 'b')).toEqual(['b=2 c5 m5 v1 l9223372036854775807']);
});

const targets: SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const orders: SortOrder[] = ['none', 'ascend', 'descend'];

/** Takes one random step on both stores. */
function step(prng: Prng, store: RevisionStore, naive: NaiveStore): void {
  const key = (): string => `k${String(prng.below(30)).padStart(2, '0')}`;
  const txn = store.write();
  const changes = prng.below(4);
  const used = new Set<string>();
  const twin = naive.write();
  for (let change = 0; change < changes; change++) {
    const name = key();
    if (used.has(name)) continue;
    used.add(name);
    if (prng.chance({ numerator: 2, denominator: 3 })) {
      const value = Buffer.alloc(prng.below(40), change);
      txn.put(name, value, 0n);
      twin.put(name, value);
    } else {
      mustEqual(txn.deleteRange(name, ''), twin.remove(name));
    }
  }
  mustEqual(txn.end(), twin.end());
  backend.endApply(backend.consistentIndex.index + 1, 1);
}

function compareRange(prng: Prng, store: RevisionStore, naive: NaiveStore): void {
  const options = {
    rev: prng.chance({ numerator: 1, denominator: 2 })
      ? 0
      : prng.between(Math.max(1, store.compactRev), store.rev),
    limit: prng.below(6),
    countOnly: prng.chance({ numerator: 1, denominator: 8 }),
    keysOnly: prng.chance({ numerator: 1, denominator: 8 }),
    sortOrder: prng.pick(orders),
    sortTarget: prng.pick(targets),
    minModRevision: prng.chance({ numerator: 1, denominator: 6 }) ? prng.below(store.rev) : 0,
    maxCreateRevision: prng.chance({ numerator: 1, denominator: 6 }) ? prng.below(store.rev) : 0,
  };
  const from = `k${prng.below(4)}`;
  const end = prng.pick(['', '\0', `k${prng.below(5)}`, 'l']);
  const got = store.range(from, end, options);
  const want = naive.range(from, end, options);
  mustEqual([got.count, got.more, got.rev], [want.count, want.more, want.rev]);
  mustEqual(got.kvs.map(show), want.kvs.map(show));
}

describe('against a naive model', () => {
  test.each(Array.from({ length: 25 }, (_, seed) => [seed + 1]))(
    'seed %i: same answers, also after compactions and restarts',
    async (seed) => {
      const prng = new Prng(seed);
      const naive = new NaiveStore();
      let store = open();
      for (let round = 0; round < 150; round++) {
        step(prng, store, naive);
        compareRange(prng, store, naive);
        if (prng.chance({ numerator: 1, denominator: 25 }) && store.rev > store.compactRev + 1) {
          const rev = prng.between(Math.max(1, store.compactRev + 1), store.rev);
          naive.compactRev = rev;
          const done = store.compact(rev);
          if (prng.chance({ numerator: 1, denominator: 2 })) await settle(done);
        }
        if (prng.chance({ numerator: 1, denominator: 25 })) {
          const before = await settle(store.hashKV(0));
          store.close();
          await settle(backend.close());
          store = open();
          expect(store.rev).toBe(before.rev);
          expect(await settle(store.hashKV(0))).toEqual(before);
        }
      }
    },
  );
});

test('a crash loses a whole tail of entries and their index together', () => {
  const store = open();
  for (let i = 0; i < 10; i++) put(store, 'a', String(i));
  backend.commit();
  for (let i = 0; i < 5; i++) put(store, 'b', String(i));
  const committed = backend.committedIndex;
  expect(backend.consistentIndex.index).toBe(16);
  backend.abandon();
  const again = open();
  expect(backend.consistentIndex.index).toBe(committed);
  expect(again.rev).toBe(committed);
  expect(again.range('b', '').count).toBe(0);
});

test('HashKV is what a real etcd answers', async () => {
  // Recorded from etcd 3.4.23: the same requests with etcdctl, then `endpoint hashkv` after `compaction --physical 8`.
  const store = open();
  put(store, 'a', '1');
  put(store, 'b', '2');
  put(store, 'a', '3');
  remove(store, 'a');
  put(store, 'c', '');
  put(store, 'c', '9');
  put(store, 'd', '5');
  remove(store, 'd');
  const compacting = store.compact(8);
  const want = { hash: 420455789, compactRev: 8, hashRev: 9, rev: 9 };
  expect(await settle(store.hashKV(0))).toEqual(want);
  await settle(compacting);
  expect(await settle(store.hashKV(0))).toEqual(want);
  await expect(settle(store.hashKV(7))).rejects.toMatchObject({ code: 'COMPACTED' });
});

test('HashKV of an emptied store is what a real etcd answers, tombstones at the compaction included', async () => {
  // Recorded from etcd 3.5.30, with the transaction `put k2 v; put k3 1; del "" --prefix` at 8.
  const store = open();
  put(store, 'a', '1');
  put(store, 'b', '2');
  put(store, 'a', '3');
  remove(store, 'b');
  put(store, 'c', '1');
  await settle(store.compact(5));
  put(store, 'd', '1');
  await settle(store.compact(6));
  const txn = store.write();
  txn.put('k2', Buffer.from('v'), 0n);
  txn.put('k3', Buffer.from('1'), 0n);
  expect(txn.deleteRange('\0', '\0')).toBe(5);
  txn.end();
  const want = { hash: 1830106070, compactRev: 6, hashRev: 8, rev: 8 };
  expect(await settle(store.hashKV(0))).toEqual(want);
});

test('compaction removes exactly what no read can find', async () => {
  const store = open();
  for (let i = 0; i < 4; i++) put(store, 'a', String(i));
  put(store, 'gone', 'x');
  remove(store, 'gone');
  put(store, 'a', 'last');
  const rows = (): string[] => {
    const found: string[] = [];
    backend.scanRevisions(0, 100, (main, _sub, tombstone) => {
      found.push(`${main}${tombstone ? 't' : ''}`);
    });
    return found;
  };
  await settle(store.compact(7));
  expect(rows()).toEqual(['5', '7t', '8']);
  await settle(store.compact(8));
  expect(rows()).toEqual(['8']);
  expect(store.range('a', '\0').count).toBe(1);
});
