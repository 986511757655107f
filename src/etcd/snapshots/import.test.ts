import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { encodeKeyValue } from '../mvcc/key-value.js';
import { RevisionStore } from '../mvcc/revision-store.js';
import { BboltFile } from './bbolt-reader.js';
import { BboltWriter } from './bbolt-writer.js';
import { encodeRevisionKey, etcdBuckets } from './etcd-buckets.js';
import { importEtcdSnapshot } from './import.js';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-import-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

test('a file that etcdutl bumped ends with a revision that holds nothing', async () => {
  const meta = { createRevision: 2, modRevision: 2, version: 1, lease: 0n };
  const pairs = [
    [2, encodeKeyValue('k', Buffer.from('v'), meta).encoded],
    [1002, Buffer.alloc(0)],
  ] as const;
  const path = join(directory, 'file.db');
  const writer = await BboltWriter.create(path);
  await writer.bucket(
    etcdBuckets.key,
    pairs.map(([main, value]) => ({
      key: encodeRevisionKey({ main, sub: 0, tombstone: false }),
      value,
    })),
  );
  await writer.finish();

  const clock = systemClock({ unref: true });
  const database = join(directory, 'db');
  const file = BboltFile.open(path);
  const imported = SqliteBackend.open(database, { clock });
  expect(importEtcdSnapshot(file, imported, { index: 1, term: 1 })).toBe(1002);
  file.close();
  await imported.close();

  const backend = SqliteBackend.open(database, { clock });
  const store = new RevisionStore({ backend, clock });
  expect(store.rev).toBe(1002);
  const { kvs, count } = store.range('\0', '\0');
  expect([count, ...kvs.map(({ value }) => value.toString())]).toEqual([1, 'v']);
  await store.compact(1002);
  expect(store.range('k', '').count).toBe(1);
  store.close();
  backend.abandon();
});
