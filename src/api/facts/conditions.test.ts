import { expect, test } from '@jest/globals';
import type { Condition } from '../types/core.js';
import { findCondition, isConditionTrue, withCondition } from './conditions.js';

const [before, now] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
const ready: Condition = { type: 'Ready', status: 'True', lastTransitionTime: before };
const synced: Condition = { type: 'Synced', status: 'Unknown', lastTransitionTime: before };

test('a condition is found by its type', () => {
  expect(findCondition([ready, synced], 'Synced')).toBe(synced);
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
  const states = ['Ready', 'Synced', 'Absent'].map((type) =>
    isConditionTrue([ready, synced], type),
  );
  expect(states).toEqual([true, false, false]);
});

test.each<[string, Condition[] | undefined, Condition, Condition[]]>([
  [
    'a new one comes last, and has changed now',
    [synced],
    { type: 'Ready', status: 'False' },
    [synced, { type: 'Ready', status: 'False', lastTransitionTime: now }],
  ],
  [
    'one whose status stays keeps its time and takes the new reason',
    [ready, synced],
    { type: 'Ready', status: 'True', reason: 'Again' },
    [{ ...ready, reason: 'Again' }, synced],
  ],
  [
    'one whose status changes has changed now, in its place',
    [ready, synced],
    { type: 'Ready', status: 'False' },
    [{ type: 'Ready', status: 'False', lastTransitionTime: now }, synced],
  ],
  [
    'one without a time gets one',
    [{ type: 'Ready', status: 'True' }],
    { type: 'Ready', status: 'True' },
    [{ type: 'Ready', status: 'True', lastTransitionTime: now }],
  ],
  [
    'none at all',
    undefined,
    { type: 'Ready', status: 'True' },
    [{ type: 'Ready', status: 'True', lastTransitionTime: now }],
  ],
])('%s', (_, conditions, next, expected) => {
  expect(withCondition(conditions, next, now)).toEqual(expected);
});
