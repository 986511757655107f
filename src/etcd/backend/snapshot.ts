/** Snapshot files: copies of the database, with the raft position inside. */
import { closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { renameDurablySync } from '../../lib/files/rename-durably.js';
import { convertSqliteError } from './errors.js';
import type { RevisionTotals } from './row-check.js';
import type { BackendSnapshot, ConsistentIndex } from './types.js';
import { verifyRows } from './verify-rows.js';

/**
 * Index and term, big-endian, as etcd stores its consistent index; behind them the totals of the revisions, if they are
 * known.
 */
export function encodeConsistentIndex(position: ConsistentIndex, totals?: RevisionTotals): Buffer {
  const bytes = Buffer.allocUnsafe(totals === undefined ? 16 : 28);
  bytes.writeBigUInt64BE(BigInt(position.index), 0);
  bytes.writeBigUInt64BE(BigInt(position.term), 8);
  if (totals !== undefined) {
    bytes.writeBigUInt64BE(BigInt(totals.count), 16);
    bytes.writeUInt32BE(totals.xor, 24);
  }
  return bytes;
}

/** The other way; zero when there is none. */
export function decodeConsistentIndex(bytes: Buffer | undefined): ConsistentIndex {
  if (bytes === undefined) return { index: 0, term: 0 };
  return { index: Number(bytes.readBigUInt64BE(0)), term: Number(bytes.readBigUInt64BE(8)) };
}

/**
 * Reads what a snapshot file is about.
 * @throws BackendCorruptError when it is none of ours; an error that names the file when it cannot be opened.
 */
export function readSnapshotFile(path: string): BackendSnapshot {
  return withFile(path, (db) => {
    const select = db.prepare(`SELECT value FROM bucket WHERE bucket = 'meta' AND key = ?`).pluck();
    const index = select.get(Buffer.from('consistent_index')) as Buffer | undefined;
    return {
      path,
      sizeBytes: statSync(path).size,
      consistentIndex: decodeConsistentIndex(index),
      confState: select.get(Buffer.from('conf_state')) as Buffer | undefined,
    };
  });
}

/**
 * Checks a received snapshot file and puts it, durably, in the place of a member's database. The backend on that path
 * must be closed; a crash leaves either the old database or the new one.
 * @throws BackendCorruptError; nothing has changed then.
 */
export function installSnapshotFile(snapshotPath: string, databasePath: string): BackendSnapshot {
  const snapshot = readSnapshotFile(snapshotPath);
  withFile(snapshotPath, (db) => verifyRows(db, snapshotPath));
  syncPath(snapshotPath);
  // SQLite's log of the old database must not be replayed onto the new file: it is removed first. The snapshot has
  // what it held.
  rmSync(`${databasePath}-wal`, { force: true });
  rmSync(`${databasePath}-shm`, { force: true });
  renameDurablySync(snapshotPath, databasePath);
  return { ...snapshot, path: databasePath };
}

/** Runs `use` on the file, opened to be read. */
function withFile<T>(path: string, use: (db: Database.Database) => T): T {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return use(db);
    } finally {
      db.close();
    }
  } catch (error) {
    throw convertSqliteError(path, nameFile(path, error));
  }
}

/** SQLite does not say which file it could not open. */
function nameFile(path: string, error: unknown): unknown {
  // Not `instanceof Error`: SQLite's errors may be of another realm.
  if (typeof error !== 'object' || error === null || !('code' in error)) return error;
  if (error.code !== 'SQLITE_CANTOPEN') return error;
  return new Error(`cannot open snapshot file ${path}`, { cause: error });
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
