import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type Database from 'better-sqlite3';
import { RowReader } from './row-reader.js';
import type { Row } from './row-reader.js';
import { mainMax, openDatabase, revisionId, subCountMax } from './schema.js';

let directory = '';
let db: Database.Database;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-rows-'));
  db = openDatabase(join(directory, 'db'));
});

afterEach(() => {
  db.close();
  rmSync(directory, { recursive: true });
});

function put(rows: readonly Row[]): void {
  const insert = db.prepare('INSERT INTO revision (id, tombstone, value, crc) VALUES (?, ?, ?, ?)');
  db.transaction(() => {
    for (const [main, sub, tombstone, value, crc] of rows)
      insert.run(revisionId(main, sub), tombstone, value, crc);
  })();
}

function many(count: number, bytes: (at: number) => number): Row[] {
  return Array.from({ length: count }, (_, at) => [
    at + 1,
    at % 3,
    at % 2,
    Buffer.alloc(bytes(at), at),
    at % 5 === 0 ? null : at,
  ]);
}

test.each<[string, Row[]]>([
  ['none', []],
  ['one', many(1, () => 10)],
  ['a batch and one more', many(513, () => 10)],
  ['empty values', many(1100, () => 0)],
  ['values of all sizes', many(600, (at) => at * 20)],
  ['values larger than a batch, first and in between', many(9, (at) => (at % 4) * 1_200_000)],
  [
    'revisions beyond the integers of a number',
    [
      [2 ** 31, subCountMax - 1, 0, Buffer.from('a'), 0xffffffff],
      [2 ** 40, 5, 1, Buffer.from('b'), 0],
      [mainMax - 1, subCountMax - 1, 0, Buffer.from('c'), 7],
    ],
  ],
])('reads what is there: %s', (_, rows) => {
  put(rows);
  expect([...new RowReader(db).all()]).toEqual(rows);
});

test.each(["'text'", '12345', "'a,b'"])('a value that is no bytes comes as it is: %s', (value) => {
  put(many(20, () => 5));
  db.exec(`UPDATE revision SET value = ${value} WHERE id = ${revisionId(7, 0)}`);
  const rows = [...new RowReader(db).all()];
  expect(rows.length).toBe(20);
  expect(Buffer.isBuffer(rows[6]?.[3])).toBe(false);
  expect(rows[5]?.[3]).toEqual(Buffer.alloc(5, 5));
});

test.each(["'1,2'", "'x'"])('so does a checksum that is no number: %s', (crc) => {
  put(many(20, () => 5));
  db.exec(`UPDATE revision SET crc = ${crc} WHERE id = ${revisionId(7, 0)}`);
  const found = [...new RowReader(db).all()][6]?.[4];
  expect(typeof found === 'string' || Number.isNaN(found)).toBe(true);
});
