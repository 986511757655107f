/**
 * Holds validation against a genuine API server: one field at a time of a valid object of each kind is changed, and our
 * answer (accepted, or the text and path of each refusal) must be the recorded one, or a listed difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { differencesOf } from './oracle/compare.js';
import type { Difference } from './oracle/compare.js';
import { knownDifferences } from './oracle/known-differences.js';
import { answerToCreate, kindOf } from './oracle/replay.js';
import { readSamples } from './oracle/samples.js';

/** An answer that is a fault of our own is never one of them. */
function isKnown({ at, ours, theirs }: Difference): boolean {
  if (ours.startsWith('500')) return false;
  return knownDifferences.some((known) => known.at.test(at) && (known.theirs ?? /./).test(theirs));
}

const samples = readSamples();

describe('samples', () => {
  test.each(samples.map((sample) => [sample.id, sample] as const))(
    '%s is accepted',
    (_id, sample) => {
      expect(answerToCreate(kindOf(sample), sample.object, { field: '', value: undefined })).toBe(
        'ok',
      );
    },
  );
});

/** Differences that nobody has weighed yet, a line each: it may only become shorter. UPDATE=1 writes it anew. */
const openFile = 'test/conformance/testdata/validation-open.txt';
const verbs = ['create', 'update'] as const;
const all = samples.flatMap((sample) => verbs.flatMap((verb) => differencesOf(sample, verb)));
const unknown = all.filter((difference) => !isKnown(difference)).map(({ at }) => at);
if (process.env['UPDATE'] === '1') writeFileSync(openFile, `${unknown.join('\n')}\n`);
const open = new Set(readFileSync(openFile, 'utf8').trim().split('\n'));

test('no answer differs but those that are listed', () => {
  expect(unknown.filter((at) => !open.has(at))).toEqual([]);
});

test('no open difference is gone', () => {
  const there = new Set(unknown);
  expect([...open].filter((at) => !there.has(at))).toEqual([]);
});

test('no answer is a fault of our own', () => {
  expect(all.filter(({ ours }) => ours.startsWith('500'))).toEqual([]);
});

test('every listed difference is still there', () => {
  const gone = knownDifferences.filter(
    (known) =>
      !all.some(({ at, theirs }) => known.at.test(at) && (known.theirs ?? /./).test(theirs)),
  );
  expect(gone.map(({ why }) => why)).toEqual([]);
});
