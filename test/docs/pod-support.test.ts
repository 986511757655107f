/** docs/POD-SUPPORT.md says what becomes of each field of a pod; `UPDATE=1` writes it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { TwoDoors } from '../security/two-doors.js';
import type { FieldRow } from './pod-support.js';
import { FieldTrials, fieldsOfPods, podPage } from './pod-support.js';

const path = 'docs/POD-SUPPORT.md';
const rows: FieldRow[] = [];
let doors: TwoDoors;
let trials: FieldTrials;

beforeAll(async () => {
  doors = await TwoDoors.start();
  trials = new FieldTrials(doors, await doors.identity('admin', 'system:masters'));
  await trials.prepare();
  for (const field of fieldsOfPods()) rows.push(await trials.row(field));
}, 120_000);

afterAll(async () => {
  trials?.stop();
  await doors?.stop();
});

test('it is known of every field what comes of it', () => {
  expect(rows.filter(({ outcome }) => outcome === 'unexplained')).toEqual([]);
});

test('the page is what comes of them', async () => {
  const config = await resolveConfig(path);
  const page = await format(podPage(rows), { ...config, filepath: path });
  if (process.env['UPDATE'] === '1') writeFileSync(path, page);
  expect(page).toBe(readFileSync(path, 'utf8'));
});
