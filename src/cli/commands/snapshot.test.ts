import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processContext } from '../context.js';
import { runCommand } from '../command/run-command.js';
import { snapshotCommand } from './snapshot.js';

let dir = '';
let text = '';
let said = '';
const context = {
  ...processContext,
  out: (data: string | Uint8Array) => void (text += String(data)),
  err: (data: string | Uint8Array) => void (said += String(data)),
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-snapshot-'));
  text = '';
  said = '';
});
afterEach(() => rmSync(dir, { recursive: true }));

const list = (...words: string[]): Promise<number> =>
  runCommand(snapshotCommand, ['list', ...words], context);

test('snapshots of every master in a directory are listed, the newest first', async () => {
  const names = [
    'trireme-backup_master-1_20261126T080000Z_rev4711.db',
    'trireme-backup_a%5Fb%2Fc_20261126T120000Z_rev4800.db',
    'trireme-backup_master-1.partial',
    'trireme-backup_master-1_20261126T080000Z_rev.db',
    'trireme-backup_%zz_20261126T080000Z_rev1.db',
    'mine.db',
  ];
  for (const name of names) writeFileSync(join(dir, name), Buffer.alloc(1_572_864));
  expect(await list('--dir', dir)).toBe(0);
  expect(text.replaceAll(dir, '/backups')).toBe(
    `MASTER     TAKEN                  REVISION   SIZE     FILE
a_b/c      2026-11-26T12:00:00Z   4800       1.5 MB   /backups/trireme-backup_a%5Fb%2Fc_20261126T120000Z_rev4800.db
master-1   2026-11-26T08:00:00Z   4711       1.5 MB   /backups/trireme-backup_master-1_20261126T080000Z_rev4711.db
`,
  );
  text = '';
  await list('--dir', dir, '-o', 'json');
  expect(JSON.parse(text)).toHaveLength(2);
  expect(JSON.parse(text)).toContainEqual({
    master: 'master-1',
    taken: '2026-11-26T08:00:00.000Z',
    revision: 4711,
    bytes: 1_572_864,
    path: join(dir, 'trireme-backup_master-1_20261126T080000Z_rev4711.db'),
  });
});

test('those of a home are found by its record; where there is none, it is said', async () => {
  const dataDir = join(dir, 'master-1');
  mkdirSync(join(dataDir, 'backups'), { recursive: true });
  const host = { name: 'master-1', role: 'master', pid: 1, netns: null, address: '', dataDir };
  const record = { hosts: [host], gateway: null, network: null, runtime: 'hollow' };
  writeFileSync(join(dir, 'cluster.json'), JSON.stringify(record));
  expect(await list('--home', dir)).toBe(1);
  expect(said).toMatch(/^error: no snapshots in .*master-1\/backups: a master/);
  const name = 'trireme-backup_master-1_20261126T080000Z_rev4711.db';
  writeFileSync(join(dataDir, 'backups', name), '');
  expect(await list('--home', dir)).toBe(0);
  expect(text).toContain(join(dataDir, 'backups', name));
});
