/** `VERIFY=1` for the store: what holds is let through, and each mistake that is put back is caught. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvariantError, verifying } from '../../lib/assert.js';
import { ManualClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { KeyEntry } from './key-entry.js';
import { KeyIndex } from './key-index.js';
import type { WatchBatch } from './types.js';
import { verifyIndex } from './verify.js';
import { WatchableRevisionStore } from './watchable-store.js';
import { WatcherGroup } from './watcher-group.js';

let clock: ManualClock;
let directory: string;
let backend: SqliteBackend;
let store: WatchableRevisionStore;

beforeEach(() => {
  clock = new ManualClock();
  directory = mkdtempSync(join(tmpdir(), 'trireme-verify-'));
  backend = SqliteBackend.open(join(directory, 'db'), { clock });
  store = new WatchableRevisionStore({ backend, clock });
});

afterEach(async () => {
  await backend.close();
  rmSync(directory, { recursive: true });
});

function put(key: string, value = 'value'): void {
  const txn = store.write();
  txn.put(key, Buffer.from(value), 0n);
  txn.end();
}

function remove(key: string): void {
  const txn = store.write();
  txn.deleteRange(key, '');
  txn.end();
}

/** Runs with a method of a class replaced. */
function withMistake<T extends object, K extends keyof T>(
  where: T,
  name: K,
  mistake: (right: T[K]) => T[K],
  run: () => void,
): void {
  const right = where[name];
  where[name] = mistake(right);
  try {
    run();
  } finally {
    where[name] = right;
  }
}

const whenVerifying = verifying ? describe : describe.skip;

describe('an index that was loaded', () => {
  const index = (): KeyIndex => {
    const made = new KeyIndex();
    made.insert('a').advance(2, 0, 2, 1, 0n);
    return made;
  };
  const leafOf = (made: KeyIndex): void => {
    const entry = made.get('a');
    if (entry?.leaf !== undefined) entry.leaf.live += 1;
  };

  test('is that of its backend', () => {
    put('a');
    const loaded = index();
    leafOf(loaded);
    verifyIndex(loaded, backend, { rev: 2, compactRev: -1 });
  });

  test('lacks no revision of the backend that is not compacted', () => {
    put('a');
    put('b');
    const loaded = index();
    leafOf(loaded);
    expect(() => verifyIndex(loaded, backend, { rev: 3, compactRev: -1 })).toThrow(
      'revision 3 of the backend is in the index',
    );
    verifyIndex(loaded, backend, { rev: 3, compactRev: 3 });
  });

  test('has no revision that the backend has not', () => {
    const loaded = index();
    leafOf(loaded);
    expect(() => verifyIndex(loaded, backend, { rev: 2, compactRev: -1 })).toThrow(
      'revision 2.0 of the index is in the backend',
    );
  });

  test('counts its live keys', () => {
    put('a');
    expect(() => verifyIndex(index(), backend, { rev: 2, compactRev: -1 })).toThrow(
      'a leaf counts its live keys',
    );
  });
});

whenVerifying('under VERIFY=1', () => {
  test('writes, deletions and a compaction are let through', async () => {
    for (let at = 0; at < 200; at++) put(`key${at % 7}`, `value${at}`);
    for (let at = 0; at < 7; at += 2) remove(`key${at}`);
    const compacted = store.compact(150);
    for (let turn = 0; turn < 50; turn++) clock.advance(100);
    await compacted;
    for (let at = 0; at < 200; at++) put(`key${at % 5}`, `value${at}`);
  });

  test('a revision that the index has and the backend has not', () => {
    const mistake = () => (): void => undefined;
    withMistake(backend, 'putRevision', mistake, () => {
      expect(() => put('a')).toThrow(InvariantError);
    });
  });

  test('a version that is counted wrong', () => {
    const mistake = (right: KeyEntry['advance']): KeyEntry['advance'] =>
      function (this: KeyEntry, main, sub, create, version, lease) {
        right.call(this, main, sub, create, version + 1, lease);
      };
    withMistake(KeyEntry.prototype, 'advance', mistake, () => {
      expect(() => put('a')).toThrow('has its version');
    });
  });

  test('a compaction that drops from the index what can still be read', () => {
    for (let at = 0; at < 100; at++) put('a', `value${at}`);
    const mistake = (right: KeyEntry['compact']): KeyEntry['compact'] =>
      function (this: KeyEntry, rev, drop) {
        return right.call(this, rev + 10, () => void drop);
      };
    const compacted = store.compact(50);
    withMistake(KeyEntry.prototype, 'compact', mistake, () => clock.advance(100));
    expect(() => {
      for (let at = 0; at < 128; at++) put('b', `value${at}`);
    }).toThrow('of the backend is in the index');
    void compacted;
  });

  test('a watcher that is in two groups', () => {
    const sink = { send: (): boolean => true };
    store.watch({ key: 'a', end: '', startRevision: 0 }, sink);
    const mistake = (): WatcherGroup<never>['delete'] => () => true;
    withMistake(WatcherGroup.prototype, 'delete', mistake, () => store.restore(backend));
    expect(() => store.verifyWatchers()).toThrow('the groups hold the registered watchers');
  });

  test('a watcher that is told nothing of a revision and counts as synced', () => {
    const told: WatchBatch[] = [];
    const sink = {
      send: (batch: WatchBatch): boolean => {
        told.push(batch);
        return true;
      },
    };
    const watcher = store.watch({ key: 'a', end: '', startRevision: 0 }, sink);
    put('b');
    const mistake = (): WatcherGroup<never>['match'] => () => undefined;
    withMistake(WatcherGroup.prototype, 'match', mistake, () => {
      expect(() => put('a')).toThrow('a synced watcher has been told all that it wants');
    });
    expect([watcher.synced, told]).toEqual([true, []]);
  });
});
