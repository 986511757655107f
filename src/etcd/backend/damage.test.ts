/** A flipped bit anywhere in the database is noticed, or changes nothing that is read. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { systemClock } from '../../lib/clock.js';
import { Prng } from '../../lib/prng.js';
import { locateRow } from './locate-row.js';
import { revisionCheck } from './row-check.js';
import { revisionId } from './schema.js';
import { installSnapshotFile } from './snapshot.js';
import { SqliteBackend } from './sqlite-backend.js';

const clock = systemClock({ unref: true });
const pageBytes = 8192;
const rowCount = 600;

let directory = '';
let path = '';

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-damage-'));
  path = join(directory, 'db');
  const backend = SqliteBackend.open(path, { clock });
  for (let main = 1; main <= rowCount; main++) {
    // One value in forty needs pages of its own.
    const value = Buffer.alloc(main % 40 === 0 ? 20_000 : 100, `value ${main} `);
    backend.putRevision(main, 0, main % 7 === 0, value);
    if (main % 100 === 0) backend.put('lease', String(main), Buffer.from(`lease ${main}`));
    backend.endApply(main, 1);
  }
  backend.setConfState(Buffer.from('conf'));
  await backend.close();
});

afterEach(() => rmSync(directory, { recursive: true }));

/** All that a member reads at its start, as text. @throws what the backend throws */
function readAll(file: string): string {
  const backend = SqliteBackend.open(file, { clock });
  try {
    const found: string[] = [];
    backend.scanAllRevisions((main, sub, tombstone, value) => {
      found.push(`${main}.${sub} ${tombstone} ${value.toString('latin1')}`);
    });
    for (const bucket of ['meta', 'lease', 'members'] as const) {
      for (const [key, value] of backend.entries(bucket)) {
        found.push(`${bucket} ${key} ${value.toString('hex')}`);
      }
    }
    return found.join('\n');
  } finally {
    backend.abandon();
  }
}

/** Flips one bit of a copy. */
function flipped(bit: number): string {
  const copy = join(directory, 'flipped');
  for (const suffix of ['-wal', '-shm']) rmSync(copy + suffix, { force: true });
  const bytes = readFileSync(path);
  const at = bit >>> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  writeFileSync(copy, bytes);
  return copy;
}

function outcome(file: string): { readonly read?: string; readonly error?: unknown } {
  try {
    return { read: readAll(file) };
  } catch (error) {
    return { error };
  }
}

describe('a flipped bit', () => {
  test('is never served, wherever it is', () => {
    const whole = readAll(path);
    const { length } = readFileSync(path);
    const prng = new Prng(20_261_126);
    let noticed = 0;
    // All of the file's header and of the first pages' heads, and a sample of everything.
    const bits = [
      ...Array.from({ length: 100 }, (_, at) => 8 * at + (at % 8)),
      ...Array.from(
        { length: 96 },
        (_, at) => 8 * ((1 + (at >> 4)) * pageBytes + (at & 15)) + (at % 8),
      ),
      ...Array.from({ length: 250 }, () => prng.below(8 * length)),
    ];
    for (const bit of bits) {
      const { read, error } = outcome(flipped(bit));
      if (error === undefined) {
        if (read !== whole) throw new Error(`bit ${bit & 7} of byte ${bit >>> 3} was served`);
        continue;
      }
      noticed += 1;
      expect(error).toMatchObject({ code: 'BACKEND_CORRUPT', path: join(directory, 'flipped') });
    }
    expect(noticed).toBeGreaterThan(150);
  }, 60_000);

  test('in a value is reported with revision, page and byte; when read later, too', () => {
    const db = new Database(path, { readonly: true });
    const rootPage = Number(
      db.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'revision'`).pluck().get(),
    );
    db.close();
    const place = locateRow(path, { rootPage, pageBytes }, BigInt(revisionId(333, 0)));
    const at = readFileSync(path).indexOf('value 333 ');
    expect(place?.page).toBe(Math.floor(at / pageBytes) + 1);
    expect(at - (place?.offset ?? 0)).toBeLessThan(20);
    const copy = flipped(8 * at);
    const where = `revision 333.0 (page ${place?.page}, byte ${place?.offset}): its checksum is wrong`;
    expect(() => readAll(copy)).toThrow(`database file ${copy} is damaged: ${where}`);
    const backend = SqliteBackend.open(copy, { clock });
    const told: string[] = [];
    backend.onDamage = ({ message }) => told.push(message);
    expect(backend.getRevision(332, 0)?.toString()).toMatch(/^value 332 /);
    expect(() => backend.getRevision(333, 0)).toThrow(where);
    expect(told).toEqual([expect.stringContaining(where)]);
    const bounds = { maxRows: 100, maxBytes: 1e9 };
    expect(() => backend.scanRevisionsBounded(300, 400, bounds, () => undefined)).toThrow(where);
    backend.abandon();
  });

  test('does not travel in a snapshot, neither from here nor to here', async () => {
    const copy = flipped(8 * readFileSync(path).indexOf('value 333 '));
    const backend = SqliteBackend.open(copy, { clock });
    const told: string[] = [];
    backend.onDamage = ({ message }) => told.push(message);
    await expect(backend.snapshotTo(join(directory, 'snap'))).rejects.toMatchObject({
      code: 'BACKEND_CORRUPT',
      message: expect.stringContaining(`${copy} is damaged: revision 333.0`),
    });
    expect(told).toHaveLength(1);
    backend.abandon();
    const before = readFileSync(path);
    expect(() => installSnapshotFile(copy, path)).toThrow('revision 333.0: its checksum is wrong');
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

test('values without a byte are as they were written', async () => {
  const backend = SqliteBackend.open(path, { clock });
  backend.putRevision(rowCount + 1, 0, true, Buffer.alloc(0));
  backend.put('alarm', '1:1', Buffer.alloc(0));
  backend.endApply(rowCount + 1, 1);
  await backend.close();
  expect(readAll(path)).toContain(`${rowCount + 1}.0 true \nmeta`);
  const again = SqliteBackend.open(path, { clock });
  expect(again.entries('alarm')).toEqual([['1:1', Buffer.alloc(0)]]);
  again.checkIntegrity();
  again.abandon();
});

test('rows that are gone without a trace are noticed at the next start', () => {
  const db = new Database(path);
  db.prepare('DELETE FROM revision WHERE id = ?').run(revisionId(77, 0));
  db.close();
  expect(() => readAll(path)).toThrow('rows are missing or too many: 599 rows of 600');
});

test('compaction keeps the totals right, over restarts', async () => {
  for (let round = 0; round < 3; round++) {
    const backend = SqliteBackend.open(path, { clock });
    const gone = Array.from({ length: 50 }, (_, at) => [50 * round + at + 1, 0] as const);
    backend.deleteRevisions([...gone, [50 * round + 1, 0]]);
    await backend.close();
  }
  expect(readAll(path).match(/^\d+\./gm)).toHaveLength(rowCount - 150);
});

test('a database of the version before is taken over, its rows unchecked, new ones checked', async () => {
  const old = join(directory, 'old');
  const db = new Database(old);
  db.exec(`PRAGMA page_size = ${pageBytes};
    CREATE TABLE revision (id INTEGER PRIMARY KEY, tombstone INTEGER NOT NULL, value BLOB NOT NULL);
    CREATE TABLE bucket (bucket TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    PRAGMA application_id = 1414678866; PRAGMA user_version = 1;`);
  db.prepare('INSERT INTO revision VALUES (?, 0, ?)').run(revisionId(1, 0), Buffer.from('one'));
  const position = Buffer.alloc(16);
  position.writeBigUInt64BE(5n, 0);
  db.prepare('INSERT INTO bucket VALUES (?, ?, ?)').run(
    'meta',
    Buffer.from('consistent_index'),
    position,
  );
  db.close();
  const backend = SqliteBackend.open(old, { clock });
  expect(backend.consistentIndex.index).toBe(5);
  expect(backend.getRevision(1, 0)?.toString()).toBe('one');
  backend.scanAllRevisions(() => undefined);
  backend.putRevision(2, 0, false, Buffer.from('two'));
  backend.endApply(6, 1);
  backend.deleteRevisions([]);
  await backend.close();
  expect(readAll(old)).toContain('1.0 false one\n2.0 false two\n');
  const again = new Database(old);
  const crc = again.prepare('SELECT crc FROM revision ORDER BY id').pluck().all();
  expect(crc).toEqual([null, revisionCheck(2, 0, false, Buffer.from('two'))]);
  again.prepare('DELETE FROM revision WHERE id = ?').run(revisionId(1, 0));
  again.close();
  expect(() => readAll(old)).toThrow('rows are missing');
});

test('a later version is refused', () => {
  const db = new Database(path);
  db.pragma('user_version = 3');
  db.close();
  const copy = join(directory, 'copy');
  copyFileSync(path, copy);
  expect(() => SqliteBackend.open(copy, { clock })).toThrow('its version 3 is not known');
});
