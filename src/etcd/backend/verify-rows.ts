/** Reads a whole database file and checks every row of it. */
import type Database from 'better-sqlite3';
import { readPairs } from './buckets.js';
import { BackendCorruptError } from './errors.js';
import { RevisionTable } from './revision-table.js';
import { decodeTotals } from './row-check.js';
import { WriteBuffer } from './write-buffer.js';

/**
 * A file of an earlier version has no checksums: of that only the structure is checked.
 * @throws BackendCorruptError naming `path` and the first revision that is not what was written, or what SQLite throws
 */
export function verifyRows(db: Database.Database, path: string): void {
  const columns = db.prepare(`SELECT 1 FROM pragma_table_info('revision') WHERE name = 'crc'`);
  if (columns.get() === undefined) {
    const found = db.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok') throw new BackendCorruptError(path, String(found));
    return;
  }
  const revisions = new RevisionTable(db, new WriteBuffer(), (main, sub, detail) => {
    throw new BackendCorruptError(path, `revision ${main}.${sub}: ${detail}`);
  });
  for (const [bucket, key, value] of readPairs(db)) {
    if (bucket === 'meta' && key.toString() === 'consistent_index') {
      revisions.totals = decodeTotals(value);
    }
  }
  revisions.scanAll(() => undefined);
}
