import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BboltWriter } from './bbolt-writer.js';
import { encodeRevisionKey } from './etcd-buckets.js';
import { appendSnapshotHash, checkSnapshotHash, snapshotStatus } from './snapshot-file.js';
import { readNotes, writeWithNotes } from './snapshot-notes.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-notes-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a snapshot takes notes along, and is otherwise the same', async () => {
  const [plain, noted, again] = ['a.db', 'b.db', 'c.db'].map((name) => join(directory, name));
  if (plain === undefined || noted === undefined || again === undefined) throw new Error();
  const writer = await BboltWriter.create(plain);
  const pairs = Array.from({ length: 3000 }, (_, at) => ({
    key: encodeRevisionKey({ main: at + 1, sub: 0, tombstone: false }),
    value: Buffer.alloc(at % 500, at),
  }));
  await writer.bucket('key', pairs);
  await writer.bucket('meta', []);
  await writer.finish();
  appendSnapshotHash(plain);
  expect(readNotes(plain)).toEqual({});

  await writeWithNotes(plain, noted, { 'ca.key': Buffer.from('secret'), 'a.txt': Buffer.from('') });
  checkSnapshotHash(noted);
  expect(readNotes(noted)).toEqual({ 'ca.key': Buffer.from('secret'), 'a.txt': Buffer.from('') });
  const [before, after] = [snapshotStatus(plain), snapshotStatus(noted)];
  expect(after).toMatchObject({ revision: before.revision, totalKey: before.totalKey + 2 });
  // Notes are replaced, not added to.
  await writeWithNotes(noted, again, { other: Buffer.from('x') });
  expect(readNotes(again)).toEqual({ other: Buffer.from('x') });

  truncateSync(plain, 20_000);
  rmSync(again);
  await expect(writeWithNotes(plain, again, {})).rejects.toThrow(/at byte \d+/);
  expect(existsSync(again)).toBe(false);
});
