/**
 * The contract of `Backend`, tested on the real and on the simulated one: a fake that is kinder than the real thing
 * hides mistakes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.js';
import type { Clock } from '../../src/lib/clock.js';
import { ManualClock } from '../../src/lib/clock.js';
import { Prng } from '../../src/lib/prng.js';
import { Telemetry } from '../../src/etcd/telemetry/telemetry.js';
import { realMachine } from '../../src/etcd/machine.js';
import type { DatabaseFiles } from '../../src/etcd/machine.js';
import { SqliteBackend } from '../../src/etcd/backend/sqlite-backend.js';
import type { Backend } from '../../src/etcd/backend/types.js';
import { SimDatabases } from './lib/sim-database.js';

interface Options {
  readonly batchRows: number;
  readonly clock: Clock;
}

let directory = '';
const opened: Backend[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-contract-'));
});

afterEach(() => {
  for (const backend of opened.splice(0)) backend.abandon();
  rmSync(directory, { recursive: true });
});

function realFiles({ batchRows, clock }: Options): DatabaseFiles {
  const { databases } = realMachine({ clock, telemetry: new Telemetry() });
  return {
    ...databases,
    open: (path) => SqliteBackend.open(path, { clock, batchRows, thread: false }),
  };
}

function simulatedFiles({ batchRows, clock }: Options): DatabaseFiles {
  return new SimDatabases({
    clock: () => clock,
    prng: new Prng(1),
    batchRows,
    batchIntervalMs: 100,
    slowMsMax: 0,
    onApply: () => undefined,
  });
}

function rows(backend: Backend, from = 0, to = 1_000_000): string[] {
  const found: string[] = [];
  backend.scanRevisions(from, to, (main, sub, tombstone, value) => {
    found.push(`${main}.${sub}${tombstone ? 't' : ''}=${value.toString()}`);
  });
  return found;
}

describe.each<[string, (options: Options) => DatabaseFiles]>([
  ['SQLite', realFiles],
  ['simulated', simulatedFiles],
])('the %s backend', (_name, filesOf) => {
  function start(options: Partial<Options> = {}) {
    const files = filesOf({ batchRows: 1000, clock: systemClock({ unref: true }), ...options });
    const paths = {
      database: join(directory, 'member', 'db'),
      snapshots: join(directory, 'member', 'tmp'),
    };
    files.prepare(paths);
    const open = (): Backend => {
      const backend = files.open(paths.database);
      opened.push(backend);
      return backend;
    };
    return { files, paths, open, backend: open() };
  }

  function fill(backend: Backend, from: number, to: number): void {
    for (let main = from; main <= to; main++) {
      backend.putRevision(main, 0, false, Buffer.from(`v${main}`));
      backend.endApply(main, 1);
    }
  }

  test('reads see what is buffered and what is committed as one', () => {
    const { backend } = start();
    fill(backend, 2, 40);
    backend.commit();
    backend.putRevision(41, 0, false, Buffer.from('x'));
    backend.putRevision(41, 1, true, Buffer.from('y'));
    expect(backend.getRevision(40, 0)?.toString()).toBe('v40');
    expect(backend.getRevision(41, 1)?.toString()).toBe('y');
    expect(backend.getRevision(41, 2)).toBeUndefined();
    expect(rows(backend, 39)).toEqual(['39.0=v39', '40.0=v40', '41.0=x', '41.1t=y']);
    expect(rows(backend, 3, 4)).toEqual(['3.0=v3', '4.0=v4']);
  });

  test('a bounded scan never splits a revision', () => {
    const { backend } = start();
    for (const main of [2, 3]) {
      for (let sub = 0; sub < 3; sub++) backend.putRevision(main, sub, false, Buffer.from('x'));
    }
    const bounds = { maxRows: 2, maxBytes: 1e9 };
    expect(backend.scanRevisionsBounded(0, 9, bounds, () => undefined)).toBe(2);
    backend.endApply(1, 1);
    backend.commit();
    expect(backend.scanRevisionsBounded(0, 9, bounds, () => undefined)).toBe(2);
    expect(backend.scanRevisionsBounded(3, 9, bounds, () => undefined)).toBe(9);
  });

  test('effects and raft position are committed together, at entry boundaries', () => {
    const { backend, open } = start({ batchRows: 4 });
    fill(backend, 1, 3);
    expect(backend.committedIndex).toBe(0);
    backend.putRevision(4, 0, false, Buffer.from('a'));
    backend.putRevision(4, 1, false, Buffer.from('b'));
    backend.put('members', 'k', Buffer.from('m'));
    expect(backend.committedIndex).toBe(0);
    backend.endApply(4, 2);
    expect(backend.committedIndex).toBe(4);
    fill(backend, 5, 5);
    backend.put('members', 'k', Buffer.from('new'));
    backend.setConfState(Buffer.from('later'));
    backend.abandon();
    const again = open();
    expect(again.consistentIndex).toEqual({ index: 4, term: 2 });
    expect(again.committedIndex).toBe(4);
    expect(rows(again)).toHaveLength(5);
    expect(again.get('members', 'k')?.toString()).toBe('m');
    expect(again.confState).toBeUndefined();
  });

  test('what is left is committed after a while', () => {
    const clock = new ManualClock();
    const { backend } = start({ clock });
    fill(backend, 1, 3);
    // So few may wait longer than many do.
    clock.advance(5000);
    expect(backend.committedIndex).toBe(3);
    fill(backend, 4, 60);
    clock.advance(100);
    expect(backend.committedIndex).toBe(60);
  });

  test('buckets: put, delete, order, another start', async () => {
    const { backend, open } = start();
    for (const key of ['b', '\u00ff', 'a']) {
      backend.put('authUsers', key, Buffer.from(key, 'latin1'));
    }
    backend.put('lease', 'gone', Buffer.from('x'));
    backend.commit();
    backend.delete('lease', 'gone');
    backend.delete('lease', 'never was');
    await backend.close();
    const again = open();
    expect(again.entries('authUsers').map(([key]) => key)).toEqual(['a', 'b', '\u00ff']);
    expect(again.get('lease', 'gone')).toBeUndefined();
    expect(again.get('lease', 'never was')).toBeUndefined();
  });

  test('deleted rows are gone, with what was buffered committed', () => {
    const { backend, open } = start();
    fill(backend, 1, 5);
    backend.deleteRevisions([
      [1, 0],
      [3, 0],
      [9, 0],
    ]);
    expect(backend.committedIndex).toBe(5);
    expect(rows(backend)).toEqual(['2.0=v2', '4.0=v4', '5.0=v5']);
    backend.abandon();
    expect(rows(open())).toEqual(['2.0=v2', '4.0=v4', '5.0=v5']);
  });

  test('reading all revisions commits nothing but revisions: a member starts while its disk is full', () => {
    const { backend, open } = start();
    fill(backend, 1, 3);
    backend.commit();
    backend.put('meta', 'later', Buffer.from('x'));
    let count = 0;
    backend.scanAllRevisions(() => (count += 1));
    expect(count).toBe(3);
    backend.putRevision(4, 0, false, Buffer.from('v4'));
    backend.endApply(4, 1);
    backend.abandon();
    const again = open();
    expect(again.get('meta', 'later')).toBeUndefined();
    again.putRevision(4, 0, false, Buffer.from('v4'));
    again.endApply(4, 1);
    again.scanAllRevisions(() => (count += 1));
    expect(count).toBe(3 + 4);
    expect(again.committedIndex).toBe(4);
  });

  test('makeDurable tells how far the state survives the machine', async () => {
    const { backend } = start();
    fill(backend, 1, 7);
    expect(backend.durableIndex).toBe(0);
    await backend.makeDurable();
    expect(backend.durableIndex).toBe(7);
    expect(backend.committedIndex).toBe(7);
  });

  test('a snapshot names its position and can be installed in the place of a closed database', async () => {
    const { backend, files, paths, open } = start();
    fill(backend, 1, 50);
    backend.setConfState(Buffer.from('conf'));
    backend.endApply(51, 3);
    const path = join(paths.snapshots, 'one.db');
    const snapshot = await backend.snapshotTo(path);
    expect(snapshot.consistentIndex).toEqual({ index: 51, term: 3 });
    expect(snapshot.confState?.toString()).toBe('conf');
    fill(backend, 52, 60);
    backend.commit();
    backend.abandon();
    files.install(path, paths.database);
    expect(files.exists(path)).toBe(false);
    const again = open();
    expect(again.consistentIndex).toEqual({ index: 51, term: 3 });
    expect(rows(again)).toHaveLength(50);
    await files.remove(path);
    expect(() => files.install(path, paths.database)).toThrow(path);
  });

  test('snapshots on their way do not survive a start', async () => {
    const { backend, files, paths } = start();
    fill(backend, 1, 2);
    const path = join(paths.snapshots, 'one.db');
    await backend.snapshotTo(path);
    backend.abandon();
    files.prepare(paths);
    expect(files.exists(path)).toBe(false);
    expect(files.exists(paths.database)).toBe(true);
  });
});
