/**
 * Holds whole answers to new objects against those of a genuine API server: defaults, dropped fields, generations and
 * warnings (`testdata/whole-answers.txt`, recorded by `oracle/record-whole-answers.ts`).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';
import { collectionOf } from './oracle/requests.js';
import { readSamples } from './oracle/samples.js';
import { answerBeside } from './oracle/whole-answers.js';

let doors: TwoDoors;
let admin: Identity;

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
}, 60_000);

afterAll(() => doors.stop());

const recorded = new Map(
  readFileSync('test/conformance/testdata/whole-answers.txt', 'utf8')
    .trim()
    .split('\n\n')
    .map((block) => {
      const [id = '', ...lines] = block.split('\n');
      return [id, lines] as const;
    }),
);
const samples = readSamples().filter(({ rich }) => rich);

test.each(samples.map((sample) => [sample.id, sample.object] as const))(
  '%s comes back as from Kubernetes',
  async (id, body) => {
    const path = `${collectionOf(body)}?dryRun=All`;
    const { code, text, warnings = [] } = await doors.rest(admin, 'POST', path, { body });
    const answer = { code, warnings, body: JSON.parse(text) as Record<string, unknown> };
    expect(answerBeside(body, answer)).toEqual(recorded.get(id));
  },
);
