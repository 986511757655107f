import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import {
  followSchedule,
  readSchedule,
  scheduleConfigMap,
  scheduleFault,
  settingsFileText,
  writeSchedule,
} from './snapshot-schedule.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-schedule-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each([
  ['4h', 12, undefined],
  ['0', 1, undefined],
  ['1m', 1000, undefined],
  ['744h', 1, undefined],
  ['4', 12, '"4" is no duration, such as 30m or 4h'],
  ['59s', 12, 'the interval is 0 (none are taken), or from 1m to 744h'],
  ['745h', 12, 'the interval is 0 (none are taken), or from 1m to 744h'],
  ['1h', 0, 'from 1 to 1000 snapshots are kept'],
  ['1h', 1001, 'from 1 to 1000 snapshots are kept'],
  ['1h', 1.5, 'from 1 to 1000 snapshots are kept'],
  ['1h', Number.NaN, 'from 1 to 1000 snapshots are kept'],
])('every %s, %s kept', (interval, keep, fault) => {
  expect(scheduleFault({ interval, keep })).toBe(fault);
});

test('it is set, changed, read and taken back', async () => {
  const client = new FakeApi();
  expect(await readSchedule(client)).toBeUndefined();
  await writeSchedule(client, undefined);
  await writeSchedule(client, { interval: '1h', keep: 3 });
  await writeSchedule(client, { interval: '30m', keep: 4 });
  expect(await readSchedule(client)).toEqual({ interval: '30m', keep: 4 });
  await writeSchedule(client, undefined);
  expect(await readSchedule(client)).toBeUndefined();
});

test('a master hands it to its store, and what is no schedule changes nothing', async () => {
  const client = new FakeApi();
  const clock = new ManualClock();
  const path = join(directory, 'settings.json');
  const stop = new AbortController();
  const over = followSchedule({ client, path, clock, log: silentLogger }, stop.signal);
  const until = async (text: string): Promise<void> => {
    while (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
      clock.advance(1000);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  };
  await until('');
  await writeSchedule(client, { interval: '90m', keep: 5 });
  const set = '{"intervalMs":5400000,"keepCount":5}';
  await until(set);
  const patch = { data: { interval: 'often' } };
  const type = 'application/merge-patch+json';
  await client.patch(resources.configMaps, scheduleConfigMap, type, patch);
  await expect(readSchedule(client)).rejects.toThrow(
    'the ConfigMap kube-system/trireme-snapshot-schedule holds no schedule: "often" is no duration',
  );
  for (let looks = 0; looks < 30; looks++) {
    clock.advance(1000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  expect(readFileSync(path, 'utf8')).toBe(set);
  await writeSchedule(client, undefined);
  await until('');
  stop.abort();
  await over;
  expect(settingsFileText({ interval: '0', keep: 2 })).toBe('{"intervalMs":0,"keepCount":2}');
});
