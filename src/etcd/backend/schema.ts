/**
 * The tables. A revision (main, sub) is one integer key, `main << 22 | sub`, so that SQLite appends to a plain rowid table:
 * measured 1.5 µs a row, where a composite key costs 20 % more and, above a quarter page, three times as much.
 */
import Database from 'better-sqlite3';
import { assert } from '../../lib/assert.js';

/** Bits of the sub revision: at most 4,194,304 changes in one transaction. */
export const subBits = 22;
/** Changes that one revision can hold. */
export const subCountMax = 2 ** subBits;
/** Largest main revision: 2^41, seven years at 10,000 writes a second. */
export const mainMax = 2 ** (63 - subBits) - 1;

/** Pages of 8 KiB hold one to three typical Kubernetes objects, and keep a one-row commit small. */
const pageBytes = 8192;
const schemaVersion = 1;
/** "TRIR", so that `file` and we ourselves know whose database it is. */
const applicationId = 0x54524952;

const tables = `
  CREATE TABLE IF NOT EXISTS revision (
    id INTEGER PRIMARY KEY, tombstone INTEGER NOT NULL, value BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS bucket (
    bucket TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (bucket, key)
  ) WITHOUT ROWID;
`;

/** The integer key of a revision; a number as long as that is exact. */
export function revisionId(main: number, sub: number): number | bigint {
  assert(sub < subCountMax, 'sub revision fits its bits');
  if (main < 2 ** (53 - subBits)) return main * subCountMax + sub;
  assert(main <= mainMax, 'main revision fits its bits');
  return (BigInt(main) << BigInt(subBits)) | BigInt(sub);
}

/** Opens or makes the database file and its tables. Throws what SQLite throws. */
export function openDatabase(path: string): Database.Database {
  const db = new Database(path);
  try {
    db.pragma(`page_size = ${pageBytes}`);
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    // A commit survives a crash of the process at once, one of the machine after the next checkpoint. What is missing
    // then is in the raft log, which is released only up to `durableIndex`. NORMAL, not OFF: the file stays sound.
    db.pragma('synchronous = NORMAL');
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('cache_size = -8192');
    db.pragma('temp_store = MEMORY');
    db.exec(tables);
    db.pragma(`application_id = ${applicationId}`);
    if (db.pragma('user_version', { simple: true }) === 0) {
      db.pragma(`user_version = ${schemaVersion}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
