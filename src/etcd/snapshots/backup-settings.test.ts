import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../lib/log.js';
import type { BackupConfig } from '../config.js';
import { configOfNow, parseBackupSettings } from './backup-settings.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-settings-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each([
  ['{"intervalMs":60000,"keepCount":2}', { intervalMs: 60_000, keepCount: 2 }],
  ['{"intervalMs":0,"keepCount":1}', { intervalMs: 0, keepCount: 1 }],
  ['{"intervalMs":60000,"keepCount":0}', undefined],
  ['{"intervalMs":-1,"keepCount":1}', undefined],
  ['{"intervalMs":"1h","keepCount":1}', undefined],
  ['{"intervalMs":1', undefined],
  ['null', undefined],
])('%s', (text, settings) => {
  expect(parseBackupSettings(text)).toEqual(settings);
});

test('the file goes before the flags while it is there, and damage changes nothing', () => {
  const settingsFile = join(directory, 'settings.json');
  const flags: BackupConfig = {
    directory,
    schedule: { everyMs: 1000 },
    keepCount: 3,
    keepAgeMs: 5,
    settingsFile,
  };
  const config = configOfNow(flags, silentLogger);
  expect(config()).toEqual(flags);
  writeFileSync(settingsFile, '{"intervalMs":60000,"keepCount":7}');
  const set = { ...flags, schedule: { everyMs: 60_000 }, keepCount: 7 };
  expect(config()).toEqual(set);
  writeFileSync(settingsFile, '{');
  expect(config()).toEqual(set);
  writeFileSync(settingsFile, '{"intervalMs":0,"keepCount":7}');
  expect(config()).toEqual({ ...flags, schedule: 'off', keepCount: 7 });
  rmSync(settingsFile);
  expect(config()).toEqual(flags);
});
