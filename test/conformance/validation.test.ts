/**
 * Holds validation against a genuine API server: one field at a time of a valid object of each kind is changed, and our
 * answer (accepted, or the reason and path of each refusal) must be the recorded one, or a listed difference.
 */
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
      expect(answerToCreate(kindOf(sample), sample.object, '')).toBe('ok');
    },
  );
});

describe.each(['create', 'update'] as const)('%s', (verb) => {
  test.each(samples.map((sample) => [sample.id, sample] as const))('%s', (_id, sample) => {
    expect(differencesOf(sample, verb).filter((difference) => !isKnown(difference))).toEqual([]);
  });
});

test('every listed difference is still there', () => {
  const all = samples.flatMap((sample) => [
    ...differencesOf(sample, 'create'),
    ...differencesOf(sample, 'update'),
  ]);
  const gone = knownDifferences.filter(
    (known) =>
      !all.some(({ at, theirs }) => known.at.test(at) && (known.theirs ?? /./).test(theirs)),
  );
  expect(gone.map(({ why }) => why)).toEqual([]);
});
