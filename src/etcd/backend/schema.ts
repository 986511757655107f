/**
 * The tables. A revision (main, sub) is one integer key, `main << 22 | sub`, so that SQLite appends to a plain rowid
 * table:
 * measured 1.5 µs a row, where a composite key costs 20 % more and, above a quarter page, three times as much.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { assert } from '../../lib/assert.js';
import { BackendCorruptError } from './errors.js';

/** Bits of the sub revision: at most 4,194,304 changes in one transaction. */
export const subBits = 22;
/** Changes that one revision can hold. */
export const subCountMax = 2 ** subBits;
/** Largest main revision: 2^41, seven years at 10,000 writes a second. */
export const mainMax = 2 ** (63 - subBits) - 1;

/** Pages of 8 KiB hold one to three typical Kubernetes objects, and keep a one-row commit small. */
const pageBytes = 8192;
/** 2: rows carry checksums. A database of version 1 gets the columns; its old rows have none. */
const schemaVersion = 2;
/** "TRIR", so that `file` and we ourselves know whose database it is. */
const applicationId = 0x54524952;

const tables = `
  CREATE TABLE IF NOT EXISTS revision (
    id INTEGER PRIMARY KEY, tombstone INTEGER NOT NULL, value BLOB NOT NULL, crc INTEGER
  );
  CREATE TABLE IF NOT EXISTS bucket (
    bucket TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, crc INTEGER, PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
`;
/** From version 1 on. */
const addChecksums = `
  ALTER TABLE revision ADD COLUMN crc INTEGER;
  ALTER TABLE bucket ADD COLUMN crc INTEGER;
`;

/** The integer key of a revision; a number as long as that is exact. */
export function revisionId(main: number, sub: number): number | bigint {
  assert(sub < subCountMax, 'sub revision fits its bits');
  if (main < 2 ** (53 - subBits)) return main * subCountMax + sub;
  assert(main <= mainMax, 'main revision fits its bits');
  return (BigInt(main) << BigInt(subBits)) | BigInt(sub);
}

/**
 * Opens or makes the database file and its tables.
 * @throws BackendCorruptError for a file that is none of ours or of a later version; else what SQLite throws
 */
export function openDatabase(path: string): Database.Database {
  checkFormat(path);
  const db = new Database(path);
  try {
    db.pragma(`page_size = ${pageBytes}`);
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    // A commit survives a crash of the process at once, and a crash of the machine after the next checkpoint. Commits
    // that such a crash takes are in the raft log, which is released only up to `durableIndex`. NORMAL, not OFF: the
    // file stays sound.
    db.pragma('synchronous = NORMAL');
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('cache_size = -8192');
    db.pragma('temp_store = MEMORY');
    makeTables(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite takes a file whose format versions it does not know for one to be read only. */
function checkFormat(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < 100) return;
  const head = Buffer.alloc(20);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  for (const at of [18, 19]) {
    if (head[at] === 1 || head[at] === 2) continue;
    throw new BackendCorruptError(path, `header, byte ${at}: format ${head[at]} is not known`);
  }
}

function makeTables(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > schemaVersion) {
    throw new BackendCorruptError(path, `its version ${version} is not known (header, byte 60)`);
  }
  if (version === schemaVersion) {
    const id = Number(db.pragma('application_id', { simple: true }));
    if (id !== applicationId)
      throw new BackendCorruptError(path, `header, byte 68: ${id} is not our mark`);
    // The small tables are read whole and trusted: a broken page among theirs must not hide some.
    const found = db.pragma(`quick_check('bucket')`, { simple: true });
    if (found !== 'ok') throw new BackendCorruptError(path, String(found));
    return;
  }
  db.exec('BEGIN IMMEDIATE');
  if (version === 1) db.exec(addChecksums);
  db.exec(tables);
  db.pragma(`application_id = ${applicationId}`);
  db.pragma(`user_version = ${schemaVersion}`);
  db.exec('COMMIT');
}
