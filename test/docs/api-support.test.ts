/** docs/API-SUPPORT.md says what the API server does; `UPDATE=1` writes it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import type { KindDeclaration } from '../../src/api/kind.js';
import { TwoDoors } from '../security/two-doors.js';
import type { Outcomes } from './api-support.js';
import { ApiTrials, supportPage, triedKinds } from './api-support.js';

const path = 'docs/API-SUPPORT.md';
const rows = new Map<KindDeclaration, Outcomes>();
let doors: TwoDoors;

beforeAll(async () => {
  doors = await TwoDoors.start();
  const trials = new ApiTrials(doors, await doors.identity('admin', 'system:masters'));
  await trials.prepare();
  for (const kind of triedKinds) rows.set(kind, await trials.outcomesOf(kind));
}, 120_000);

afterAll(() => doors?.stop());

test('the page is what the server does', async () => {
  const config = await resolveConfig(path);
  const page = await format(supportPage(rows), { ...config, filepath: path });
  if (process.env['UPDATE'] === '1') writeFileSync(path, page);
  expect(page).toBe(readFileSync(path, 'utf8'));
});

test('nothing fails that a kind offers, but for what is explained', () => {
  const refused = [...rows].flatMap(([kind, outcomes]) =>
    Object.entries(outcomes)
      .filter(([, outcome]) => outcome !== 'yes')
      .map(([feature, outcome]) => `${kind.kind} ${feature}: ${outcome}`),
  );
  expect(refused).toEqual([]);
});
