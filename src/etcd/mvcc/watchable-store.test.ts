import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Prng } from '../../lib/prng.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import type { WatchBatch, WatchRequest, WatchSink } from './types.js';
import { WatchableRevisionStore } from './watchable-store.js';
import { mustEqual } from '../../lib/testkit/must-equal.js';

let directory = '';
let clock = new ManualClock();
let backend: SqliteBackend;
let store: WatchableRevisionStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-watch-'));
  clock = new ManualClock();
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
  store = new WatchableRevisionStore({ backend, clock });
});

afterEach(() => {
  store.close();
  backend.abandon();
  rmSync(directory, { recursive: true });
});

class Sink implements WatchSink {
  readonly batches: WatchBatch[] = [];
  room = Infinity;

  send(batch: WatchBatch): boolean {
    if (this.room <= 0) return false;
    this.room -= 1;
    this.batches.push(batch);
    return true;
  }

  /** Every event as `rev:type key`. */
  lines(): string[] {
    return this.batches.flatMap((batch) => {
      if (batch.kind === 'compacted') return [`compacted ${batch.compactRevision}`];
      if (batch.kind === 'progress') return [`progress ${batch.revision}`];
      return batch.events.map(
        (event) => `${event.kv.modRevision}:${event.type} ${event.kv.key.toString('latin1')}`,
      );
    });
  }
}

function request(key: string, end: string, more: Partial<WatchRequest> = {}): WatchRequest {
  return { key, end, startRevision: 0, ...more };
}

/** Makes one revision with these changes: `a` puts, `-a` deletes. */
function change(...changes: string[]): number {
  const txn = store.write();
  for (const one of changes) {
    if (one.startsWith('-')) txn.deleteRange(one.slice(1), '');
    else txn.put(one, Buffer.from(one), 0n);
  }
  return txn.end();
}

describe('synced watchers', () => {
  test('a single key, a range, all keys, filters, a future revision', () => {
    const sinks = {
      key: new Sink(),
      range: new Sink(),
      all: new Sink(),
      noPut: new Sink(),
      noDelete: new Sink(),
      future: new Sink(),
    };
    store.watch(request('a', ''), sinks.key);
    store.watch(request('b', 'd'), sinks.range);
    store.watch(request('\0', '\0'), sinks.all);
    store.watch(request('a', '\0', { noPut: true }), sinks.noPut);
    store.watch(request('a', '\0', { noDelete: true }), sinks.noDelete);
    store.watch(request('a', '\0', { startRevision: 4 }), sinks.future);
    change('a');
    change('b', 'c', 'd');
    change('-a', 'c');
    expect(sinks.key.lines()).toEqual(['2:put a', '4:delete a']);
    expect(sinks.range.lines()).toEqual(['3:put b', '3:put c', '4:put c']);
    expect(sinks.range.batches).toHaveLength(2);
    expect(sinks.all.lines()).toHaveLength(6);
    expect(sinks.noPut.lines()).toEqual(['4:delete a']);
    expect(sinks.noDelete.lines()).toHaveLength(5);
    expect(sinks.future.lines()).toEqual(['4:delete a', '4:put c']);
  });

  test('previous pairs, encodings shared by watchers, progress, cancel', () => {
    const sink = new Sink();
    const watcher = store.watch(request('a', ''), sink);
    store.watch(request('a', 'b'), sink);
    change('a');
    change('-a');
    const [, , first, second] = sink.batches;
    if (first?.kind !== 'events' || second?.kind !== 'events') throw new Error('no events');
    expect(first.events[0]).toBe(second.events[0]);
    expect(first.events[0]?.prevKv?.value.toString()).toBe('a');
    expect(first.events[0]?.encodedWithPrev.length).toBeGreaterThan(
      first.events[0]?.encoded.length ?? 0,
    );
    expect(store.progress(watcher)).toBe(true);
    expect(sink.lines().at(-1)).toBe('progress 3');
    watcher.cancel();
    watcher.cancel();
    expect(store.progress(watcher)).toBe(false);
    expect(store.watcherCount).toBe(1);
  });

  test('there is no progress to tell of while the start revision lies ahead', () => {
    const sink = new Sink();
    const watcher = store.watch(request('a', '', { startRevision: 3 }), sink);
    change('b');
    expect(store.progress(watcher)).toBe(false);
    change('b');
    expect(store.progress(watcher)).toBe(true);
    expect(sink.lines()).toEqual(['progress 3']);
  });
});

describe('unsynced watchers', () => {
  test('read history, whole revisions, then go on', () => {
    change('a', 'b');
    change('a');
    change('-b');
    const sink = new Sink();
    const watcher = store.watch(request('a', '\0', { startRevision: 2 }), sink);
    expect(sink.batches).toEqual([]);
    expect(watcher.synced).toBe(false);
    change('c');
    clock.advance(1);
    expect(watcher.synced).toBe(true);
    change('d');
    expect(sink.lines()).toEqual([
      '2:put a',
      '2:put b',
      '3:put a',
      '4:delete b',
      '5:put c',
      '6:put d',
    ]);
    const [batch] = sink.batches;
    if (batch?.kind !== 'events') throw new Error('no events');
    expect(batch.events[3]?.prevKv?.modRevision).toBe(2);
    expect(batch.events[0]?.prevKv).toBeUndefined();
  });

  test('a compacted start is told so and ends', () => {
    for (let i = 0; i < 5; i++) change('a');
    void store.compact(4);
    const sink = new Sink();
    store.watch(request('a', '', { startRevision: 3 }), sink);
    store.watch(request('a', '', { startRevision: 4 }), sink);
    clock.advance(100);
    expect(sink.lines()).toEqual(['compacted 4', '4:put a', '5:put a', '6:put a']);
    expect(store.watcherCount).toBe(1);
  });
});

describe('slow watchers', () => {
  test('lose nothing, block nobody, and keep one batch at most', () => {
    const slow = new Sink();
    const quick = new Sink();
    const watcher = store.watch(request('a', 'z'), slow);
    store.watch(request('a', 'z'), quick);
    slow.room = 1;
    for (let i = 0; i < 10; i++) change('a');
    expect(store.slowWatcherCount).toBe(1);
    expect(quick.lines()).toHaveLength(10);
    expect(slow.lines()).toHaveLength(1);
    slow.room = 1;
    store.drained(slow);
    clock.advance(1);
    expect(slow.lines()).toHaveLength(2);
    expect(store.slowWatcherCount).toBe(1);
    slow.room = Infinity;
    store.drained(slow);
    clock.advance(1);
    expect(watcher.synced).toBe(true);
    expect(slow.lines()).toEqual(quick.lines());
  });

  test('one that fell behind a compaction is told so', () => {
    const sink = new Sink();
    sink.room = 0;
    store.watch(request('a', ''), sink);
    for (let i = 0; i < 6; i++) change('a');
    void store.compact(6);
    sink.room = Infinity;
    store.drained(sink);
    clock.advance(100);
    expect(sink.lines()).toEqual(['2:put a', 'compacted 6']);
    expect(store.watcherCount).toBe(0);
  });
});

test('a snapshot from the leader: watchers stay and see what they missed', async () => {
  const sink = new Sink();
  store.watch(request('a', '\0'), sink);
  change('a');
  const path = join(directory, 'other');
  const copied = backend.snapshotTo(path);
  await copied;
  const other = SqliteBackend.open(path, { clock, thread: false });
  const ahead = new WatchableRevisionStore({ backend: other, clock });
  const txn = ahead.write();
  txn.put('b', Buffer.from('b'), 0n);
  txn.end();
  backend.abandon();
  backend = other;
  store.restore(other);
  clock.advance(1);
  expect(sink.lines()).toEqual(['2:put a', '3:put b']);
  change('c');
  expect(sink.lines().at(-1)).toBe('4:put c');
  ahead.close();
});

test.each(Array.from({ length: 20 }, (_, seed) => [seed + 1]))(
  'seed %i: every watcher sees each wanted event once, in order, whole revisions',
  (seed) => {
    const prng = new Prng(seed);
    const history: { readonly rev: number; readonly key: string; readonly line: string }[] = [];
    const log = new Sink();
    store.watch(request('\0', '\0'), log);
    const watching: { sink: Sink; request: WatchRequest; fromRev: number }[] = [];
    for (let round = 0; round < 120; round++) {
      const names = prng.shuffle(['a', 'b', 'c', 'd', 'e', 'f']).slice(0, prng.between(1, 3));
      change(
        ...names.map((name) => (prng.chance({ numerator: 1, denominator: 4 }) ? `-${name}` : name)),
      );
      if (prng.chance({ numerator: 1, denominator: 6 })) {
        const sink = new Sink();
        sink.room = prng.below(5);
        const startRevision = prng.below(store.rev + 5);
        const key = prng.pick(['a', 'b', 'c', 'd']);
        const asked = request(key, prng.pick(['', '\0', 'e', 'g']), { startRevision });
        const fromRev = startRevision === 0 ? store.rev + 1 : startRevision;
        store.watch(asked, sink);
        watching.push({ sink, request: asked, fromRev });
      }
      for (const { sink } of watching) {
        if (!prng.chance({ numerator: 1, denominator: 5 })) continue;
        sink.room = prng.below(4);
        store.drained(sink);
      }
      if (prng.chance({ numerator: 1, denominator: 3 })) clock.advance(prng.below(3));
    }
    for (const { sink } of watching) {
      sink.room = Infinity;
      store.drained(sink);
    }
    clock.advance(50);
    for (const line of log.lines()) {
      const rev = Number(line.slice(0, line.indexOf(':')));
      history.push({ rev, key: line.slice(line.indexOf(' ') + 1), line });
    }
    for (const { sink, request: asked, fromRev } of watching) {
      const wanted = history.filter(({ rev, key }) => {
        if (rev < fromRev) return false;
        if (asked.end === '') return key === asked.key;
        return key >= asked.key && (asked.end === '\0' || key < asked.end);
      });
      mustEqual(
        sink.lines(),
        wanted.map(({ line }) => line),
      );
      const lasts = sink.batches.flatMap((batch) =>
        batch.kind === 'events' ? [batch.events.map((event) => event.kv.modRevision)] : [],
      );
      for (let at = 1; at < lasts.length; at++) {
        mustEqual([at, lasts[at]![0]! > lasts[at - 1]!.at(-1)!], [at, true]);
      }
    }
  },
);

test('a transaction that changes a key twice shows what was there before it', () => {
  change('a');
  change('b');
  const sink = new Sink();
  store.watch(request('a', '\0', { prevKv: true }), sink);
  const behind = new Sink();
  store.watch(request('a', '\0', { prevKv: true, startRevision: 4 }), behind);
  change('a', '-a', 'c', '-c');
  change('a');
  change('-a', 'a');
  clock.advance(1);
  const seen = (one: Sink): string[] =>
    one.batches.flatMap((batch) =>
      batch.kind !== 'events'
        ? []
        : batch.events.map(
            ({ type, kv, prevKv }) =>
              `${kv.modRevision}:${type} ${kv.key.toString()} version ${kv.version}, before ${prevKv?.modRevision}`,
          ),
    );
  const want = [
    '4:put a version 2, before 2',
    '4:delete a version 0, before 2',
    '4:put c version 1, before undefined',
    '4:delete c version 0, before undefined',
    '5:put a version 1, before undefined',
    '6:delete a version 0, before 5',
    '6:put a version 1, before undefined',
  ];
  expect(seen(sink)).toEqual(want);
  expect(seen(behind)).toEqual(want);
});
