import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { mainMax, revisionId, subCountMax } from './schema.js';
import { installSnapshotFile } from './snapshot.js';
import { SqliteBackend } from './sqlite-backend.js';
import type { BackendOptions } from './sqlite-backend.js';

let directory = '';
let path = '';
const opened: SqliteBackend[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-backend-'));
  path = join(directory, 'db');
});

afterEach(() => {
  for (const backend of opened.splice(0)) backend.abandon();
  rmSync(directory, { recursive: true });
});

function open(options: Partial<BackendOptions> = {}, file = path): SqliteBackend {
  const backend = SqliteBackend.open(file, { clock: systemClock({ unref: true }), ...options });
  opened.push(backend);
  return backend;
}

function rows(backend: SqliteBackend, from = 0, to = mainMax - 1): string[] {
  const found: string[] = [];
  backend.scanRevisions(from, to, (main, sub, tombstone, value) => {
    found.push(`${main}.${sub}${tombstone ? 't' : ''}=${value.toString()}`);
  });
  return found;
}

function fill(backend: SqliteBackend, from: number, to: number): void {
  for (let main = from; main <= to; main++) {
    backend.putRevision(main, 0, false, Buffer.from(`v${main}`));
    backend.endApply(main, 1);
  }
}

test('keys stay exact beyond 2^53', () => {
  const backend = open();
  const mains = [2 ** 31 - 1, 2 ** 31, 2 ** 40, mainMax - 1];
  for (const main of mains) backend.putRevision(main, subCountMax - 1, false, Buffer.from('x'));
  backend.endApply(1, 1);
  backend.commit();
  expect(rows(backend)).toEqual(mains.map((main) => `${main}.${subCountMax - 1}=x`));
  expect(typeof revisionId(2 ** 31 - 1, 1)).toBe('number');
  expect(() => revisionId(1, subCountMax)).toThrow('sub revision');
});

test('makeDurable, deletions, defragment and sizes, with the maintenance thread', async () => {
  const backend = open({ checkpointPages: 16 });
  for (let main = 1; main <= 3000; main++) {
    backend.putRevision(main, 0, false, Buffer.alloc(500, main & 0xff));
    backend.endApply(main, 1);
  }
  await backend.makeDurable();
  expect(backend.durableIndex).toBe(3000);
  const before = await backend.hash();
  const gone = Array.from({ length: 2900 }, (_, i) => [i + 1, 0] as const);
  backend.deleteRevisions(gone);
  expect(backend.sizeInUseBytes()).toBeLessThan(backend.sizeBytes() / 2);
  await backend.defragment();
  expect(backend.sizeBytes()).toBe(backend.sizeInUseBytes());
  expect(readFileSync(path).length).toBe(backend.sizeBytes());
  expect(rows(backend)).toHaveLength(100);
  expect(await backend.hash()).not.toBe(before);
  backend.checkIntegrity();
  await backend.close();
});

test('a few rows wait for the long interval, more for the short one', async () => {
  const clock = new ManualClock();
  const committedAt: number[] = [];
  const onCommit = (): void => void committedAt.push(clock.monotonicMs());
  const backend = open({ clock, onCommit });
  const startMs = clock.monotonicMs();
  committedAt.length = 0;
  fill(backend, 1, 3);
  clock.advance(1000);
  fill(backend, 4, 6);
  clock.advance(4000);
  expect(committedAt).toEqual([startMs + 5000]);
  // Rows become many while a few of them wait already.
  fill(backend, 7, 8);
  clock.advance(1000);
  fill(backend, 9, 60);
  clock.advance(50);
  fill(backend, 61, 70);
  clock.advance(50);
  expect(committedAt).toEqual([startMs + 5000, startMs + 6100]);
  await backend.close();
});

test('the thread ends when it has nothing to do, and the next job finds another', async () => {
  const clock = new ManualClock();
  const backend = open({ clock, quietIntervalMs: 100 });
  for (const last of [10, 20, 30]) {
    fill(backend, last - 9, last);
    await backend.makeDurable();
    expect(backend.durableIndex).toBe(last);
    // Its end is the only thing that waits, and comes.
    clock.advance(1000);
    expect(clock.pending).toBe(1);
    clock.advance(4000);
    expect(clock.pending).toBe(0);
  }
  await backend.close();
  expect(clock.pending).toBe(0);
});

test('a snapshot is consistent while writes go on, and can be installed', async () => {
  const backend = open();
  fill(backend, 1, 500);
  backend.setConfState(Buffer.from('conf'));
  const running = backend.snapshotTo(join(directory, 'snap'));
  fill(backend, 501, 900);
  const snapshot = await running;
  const { index } = snapshot.consistentIndex;
  expect(index).toBeGreaterThanOrEqual(500);
  expect(snapshot.confState?.toString()).toBe('conf');
  await backend.close();
  installSnapshotFile(snapshot.path, path);
  expect(existsSync(snapshot.path)).toBe(false);
  const again = open();
  expect(again.consistentIndex.index).toBe(index);
  expect(rows(again)).toHaveLength(index);
});

describe('damage', () => {
  test('a file that is no database is refused, and stays as it is', () => {
    writeFileSync(path, Buffer.alloc(20_000, 'rubbish'));
    expect(() => open()).toThrow(expect.objectContaining({ code: 'BACKEND_CORRUPT', path }));
    writeFileSync(join(directory, 'snap'), Buffer.alloc(20_000, 'rubbish'));
    expect(() => installSnapshotFile(join(directory, 'snap'), path)).toThrow(
      expect.objectContaining({ code: 'BACKEND_CORRUPT' }),
    );
    expect(readFileSync(path).subarray(0, 7).toString()).toBe('rubbish');
  });

  test('a damaged page is found', async () => {
    const backend = open();
    fill(backend, 1, 2000);
    await backend.close();
    const copy = join(directory, 'copy');
    copyFileSync(path, copy);
    const size = readFileSync(copy).length;
    const fd = openSync(copy, 'r+');
    writeSync(fd, Buffer.alloc(4096, 0xa5), 0, 4096, Math.floor(size / 8192 / 2) * 8192);
    const damaged = open({}, copy);
    expect(() => damaged.checkIntegrity()).toThrow(
      expect.objectContaining({ code: 'BACKEND_CORRUPT', path: copy }),
    );
  });
});
