/** The machine below a member, besides clock and network: disk, database files, chance, the event loop. */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { RawNode } from '../raft/index.js';
import type { RaftConfig, RaftNode } from '../raft/index.js';
import { installSnapshotFile } from './backend/snapshot.js';
import { SqliteBackend } from './backend/sqlite-backend.js';
import type { Backend } from './backend/types.js';
import type { Disk } from './wal/disk.js';
import { nodeDisk } from './wal/node-disk.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** The database files of one member: its own, and snapshots on their way in or out. */
export interface DatabaseFiles {
  /** Makes the directories; the one for snapshots is empty afterwards. */
  prepare(paths: { readonly database: string; readonly snapshots: string }): void;
  exists(path: string): boolean;
  /** Opens or makes the database of a running member. @throws BackendCorruptError */
  open(path: string): Backend;
  /**
   * Puts a received file, durably, in the place of a closed database.
   * @throws BackendCorruptError; nothing has changed then
   */
  install(snapshotPath: string, databasePath: string): void;
  /** Removes a snapshot file; no error if there is none. */
  remove(path: string): Promise<void>;
}

/** The simulation hands in another one; nothing in it is a switch for tests. */
export interface Machine {
  readonly disk: Disk;
  /** See `WalOptions.segmentBytes`. */
  readonly walSegmentBytes?: number;
  readonly databases: DatabaseFiles;
  /** Uniform in 0..bound-1; for what must differ from start to start. @param bound 1..2^47 */
  random(bound: number): number;
  newNode(config: RaftConfig): RaftNode;
  /** Runs a function at the end of this turn of the event loop. */
  readonly defer: (fn: () => void) => void;
}

/** The machine that the process runs on. */
export function realMachine({
  clock,
  telemetry,
}: {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}): Machine {
  return {
    disk: nodeDisk,
    databases: {
      prepare({ database, snapshots }) {
        mkdirSync(dirname(database), { recursive: true, mode: 0o700 });
        rmSync(snapshots, { recursive: true, force: true });
        mkdirSync(snapshots, { recursive: true, mode: 0o700 });
      },
      exists: existsSync,
      open: (path) =>
        SqliteBackend.open(path, {
          clock,
          onCommit: (ms) => telemetry.server.backendCommitted(ms),
        }),
      install: (snapshotPath, databasePath) => {
        installSnapshotFile(snapshotPath, databasePath);
      },
      remove: (path) => rm(path, { force: true }),
    },
    random: (bound) => randomInt(bound),
    newNode: (config) => new RawNode(config),
    defer: (fn) => {
      setImmediate(fn);
    },
  };
}
