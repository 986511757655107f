import { beforeEach, expect, test } from '@jest/globals';
import { emptyConfState, MemoryStorage } from '../../raft/index.js';
import type { MsgSnap, Snapshot } from '../../raft/index.js';
import { silentLogger } from '../../lib/log.js';
import type { Backend } from '../backend/types.js';
import type { Wal } from '../wal/wal.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { SnapshotKeeper } from './snapshot-keeper.js';

let files: Set<string>;
let installed: string[];
let keeper: SnapshotKeeper;
const backend = { abandon: () => undefined } as unknown as Backend;
const accepted = (): boolean => true;

beforeEach(() => {
  files = new Set();
  installed = [];
  keeper = new SnapshotKeeper({
    telemetry: new Telemetry(),
    databases: {
      prepare: () => undefined,
      exists: (path) => files.has(path),
      open: () => backend,
      install: (path) => {
        if (!files.delete(path)) throw new Error(`there is no ${path}`);
        installed.push(path);
      },
      remove: (path) => {
        files.delete(path);
        return Promise.resolve();
      },
    },
    wal: { saveSnapshot: () => undefined } as unknown as Wal,
    storage: new MemoryStorage(),
    paths: { wal: '', database: 'db', snapshots: 'tmp' },
    applied: 0,
    snapshotCount: 1000,
    catchUpEntries: undefined,
    versions: { clusterVersion: '3.5.0', storageVersion: '' },
    log: silentLogger,
    status: () => ({ confState: emptyConfState, progress: [] }),
  });
});

function arrives(index: number, name: string, offer: () => boolean): Promise<void> {
  files.add(name);
  return keeper.received(index, name, offer);
}

function snapshot(index: number): Snapshot {
  return { data: new Uint8Array(0), metadata: { index, term: 1, confState: emptyConfState } };
}

test('an image that is about to be installed stays while newer ones arrive, and goes with them', async () => {
  await arrives(10, 'ten', accepted);
  await arrives(20, 'twenty', accepted);
  await arrives(30, 'thirty', accepted);
  await keeper.install(snapshot(20), backend);
  expect(installed).toEqual(['twenty']);
  expect([...files]).toEqual(['thirty']);
  await keeper.install(snapshot(30), backend);
  expect([...files]).toEqual([]);
});

test('an image that is not wanted goes at once, and so does a second one of the same state', async () => {
  await arrives(10, 'late', () => false);
  expect([...files]).toEqual([]);
  await arrives(20, 'first', accepted);
  await arrives(20, 'second', accepted);
  expect([...files]).toEqual(['first']);
  await keeper.install(snapshot(20), backend);
  expect(installed).toEqual(['first']);
});

test('one snapshot at a time is on its way to a follower, and its file goes with it', async () => {
  const message: MsgSnap = { type: 'MsgSnap', to: 2n, from: 1n, term: 1, snapshot: snapshot(5) };
  const arrivals: ((error?: Error) => void)[] = [];
  const sent: string[] = [];
  const network = {
    sendSnapshot: ({ to, snapshot: { metadata } }: MsgSnap, path: string) => {
      sent.push(`${to} index ${metadata.index}`);
      expect([...files]).toContain(path);
      return new Promise<void>((resolve, reject) => {
        arrivals.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
  };
  const source = {
    snapshotTo: (path: string) => {
      files.add(path);
      return Promise.resolve({ consistentIndex: { index: 9, term: 1 }, sizeBytes: 1 });
    },
  } as unknown as Backend;
  const first = keeper.send(message, source, network);
  expect(await keeper.send(message, source, network)).toBe('busy');
  const other = keeper.send({ ...message, to: 3n }, source, network);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  expect(sent).toEqual(['2 index 9', '3 index 9']);
  arrivals[0]?.();
  arrivals[1]?.(new Error('the stream broke'));
  expect(await first).toBe('delivered');
  expect(await other).toBe('failed');
  expect([...files]).toEqual([]);
  const again = keeper.send(message, source, network);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  arrivals[2]?.();
  expect(await again).toBe('delivered');
});
