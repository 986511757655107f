import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { fileVersionsOf } from '../config.js';
import { BboltFile } from './bbolt-reader.js';
import { exportEtcdSnapshot } from './export.js';

/** As `etcdutl snapshot status` shows it of files of 3.6.14. */
test('a file of a 3.6 names the version of its storage, one of a 3.5 has none', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'trireme-export-'));
  const backend = SqliteBackend.open(join(directory, 'db'), {
    clock: new ManualClock(),
    thread: false,
  });
  const image = join(directory, 'image');
  await backend.snapshotTo(image);
  const metaOf = async (compat: '3.5' | '3.6'): Promise<Record<string, string>> => {
    const path = join(directory, compat);
    await exportEtcdSnapshot(image, path, fileVersionsOf({ compat }));
    const file = BboltFile.open(path);
    const pairs = [...file.entries('meta'), ...file.entries('cluster')];
    file.close();
    return Object.fromEntries(pairs.map(({ key, value }) => [String(key), String(value)]));
  };
  expect(await metaOf('3.6')).toMatchObject({ clusterVersion: '3.5.0', storageVersion: '3.6.0' });
  const older = await metaOf('3.5');
  expect(older).toMatchObject({ clusterVersion: '3.5.0' });
  expect(older).not.toHaveProperty('storageVersion');
  await backend.close();
  rmSync(directory, { recursive: true, force: true });
});
