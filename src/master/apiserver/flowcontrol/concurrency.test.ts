import { describe, expect, test } from '@jest/globals';
import { mandatoryLevels } from '../../../api/flowcontrol/mandatory.js';
import type { Bounds } from './concurrency.js';
import { boundsOf, shareOut, smoothed } from './concurrency.js';
import { suggestedLevels } from './suggested.js';

describe('the bounds of levels', () => {
  const all = new Map(
    [...suggestedLevels, ...mandatoryLevels].map(({ metadata, spec }) => [metadata.name, spec]),
  );

  // 600 seats are kube-apiserver's 400 readers and 200 writers; 245 shares are all that there are.
  test.each<[string, Bounds]>([
    ['system', { nominal: 74, min: 50, max: 600 }],
    ['node-high', { nominal: 98, min: 73, max: 600 }],
    ['leader-election', { nominal: 25, min: 25, max: 600 }],
    ['workload-high', { nominal: 98, min: 49, max: 600 }],
    ['workload-low', { nominal: 245, min: 24, max: 600 }],
    ['global-default', { nominal: 49, min: 24, max: 600 }],
    ['catch-all', { nominal: 13, min: 13, max: 600 }],
    ['exempt', { nominal: 0, min: 0, max: 600 }],
  ])('%s has its share, and lends its percents', (name, bounds) => {
    expect(boundsOf(all, 600).get(name)).toEqual(bounds);
  });

  const limited = (more: object) => ({
    type: 'Limited',
    limited: { limitResponse: { type: 'Reject' as const }, ...more },
  });

  test.each<[string, object, Bounds]>([
    ['no shares are 30', {}, { nominal: 75, min: 75, max: 100 }],
    ['no share is none', { nominalConcurrencyShares: 0 }, { nominal: 0, min: 0, max: 100 }],
    ['nothing may be borrowed', { borrowingLimitPercent: 0 }, { nominal: 75, min: 75, max: 75 }],
    [
      'a tenth may be borrowed',
      { borrowingLimitPercent: 10 },
      // 7.5 are rounded up.
      { nominal: 75, min: 75, max: 83 },
    ],
    ['all may be lent', { lendablePercent: 100 }, { nominal: 75, min: 0, max: 100 }],
    [
      'nobody has more than there is',
      { borrowingLimitPercent: 500 },
      { nominal: 75, min: 75, max: 100 },
    ],
  ])('%s', (_, more, bounds) => {
    const levels = new Map([
      ['one', limited(more)],
      ['other', limited({ nominalConcurrencyShares: 10 })],
    ]);
    expect(boundsOf(levels, 100).get('one')).toEqual(bounds);
  });

  test('levels without any shares have no seats of their own', () => {
    const levels = new Map([['one', limited({ nominalConcurrencyShares: 0 })]]);
    expect(boundsOf(levels, 100).get('one')).toEqual({ nominal: 0, min: 0, max: 100 });
  });
});

describe('seats are shared out', () => {
  const bounds = (min: number, max = 600): Bounds => ({ nominal: 300, min, max });

  test.each<[string, readonly (readonly [Bounds, number])[], number[]]>([
    [
      'to equals equally',
      [
        [bounds(150), 400],
        [bounds(150), 400],
      ],
      [300, 300],
    ],
    [
      'all of them, though nobody wants any',
      [
        [bounds(150), 0],
        [bounds(150), 0],
      ],
      [300, 300],
    ],
    [
      'but for what is not lent, to who wants them',
      [
        [bounds(150), 0],
        [bounds(150), 600],
      ],
      [150, 450],
    ],
    [
      'in proportion to what is wanted',
      [
        [bounds(0), 400],
        [bounds(0), 800],
      ],
      [200, 400],
    ],
    [
      'no more than may be borrowed',
      [
        [bounds(150, 200), 600],
        [bounds(150), 0],
      ],
      [200, 400],
    ],
    [
      'one at least',
      [
        [bounds(0), 0],
        [bounds(150), 600],
      ],
      [1, 600],
    ],
  ])('%s', (_, levels, seats) => {
    const wanting = levels.map(([of, demand]) => ({ bounds: of, demand }));
    expect(shareOut(wanting, 600)).toEqual(seats);
  });

  test('fewer than all, where all are at their most', () => {
    const wanting = [{ bounds: bounds(10, 20), demand: 500 }];
    expect(shareOut(wanting, 600)).toEqual([20]);
  });
});

test.each([
  ['rises at once', 10, 50, 50],
  ['stays', 50, 50, 50],
  ['falls slowly', 100, 0, 97.7],
  ['falls to what is wanted still', 100, 50, 98.85],
])('demand %s', (_, before, most, after) => {
  expect(smoothed(before, most)).toBeCloseTo(after, 9);
});
