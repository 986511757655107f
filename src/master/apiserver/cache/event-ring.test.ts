import { describe, expect, test } from '@jest/globals';
import { Entry } from './entry.js';
import { EventRing } from './event-ring.js';

const bounds = { events: 4, bytes: 100, eventsMin: 2 };

function event(revision: number, size: number): { revision: number; entry: Entry } {
  return { revision, entry: new Entry('ns/a', Buffer.alloc(size), revision) };
}

/** The revisions that a ring still tells of, after changes of these sizes at the revisions 1, 2, 3, … */
function kept(sizes: readonly number[]): number[] {
  const ring = new EventRing(bounds);
  ring.reset(0);
  for (const [at, size] of sizes.entries()) ring.push(event(at + 1, size));
  const first = ring.completeSince;
  expect(first === 0 ? undefined : ring.since(first - 1)).toBeUndefined();
  return ring.since(first)?.map(({ revision }) => revision) ?? [];
}

describe('the latest changes of a resource', () => {
  test.each([
    ['all, while there are few', [10, 10, 10], [1, 2, 3]],
    ['the last by number', [10, 10, 10, 10, 10, 10], [3, 4, 5, 6]],
    ['the last by bytes', [40, 40, 40, 40], [3, 4]],
    ['as many as fit to the byte', [50, 25, 25, 50], [2, 3, 4]],
    ['the least number, however large', [500, 500, 500], [2, 3]],
    ['more again once the large ones have left', [500, 500, 10, 10, 10], [3, 4, 5]],
  ])('%s', (_, sizes, revisions) => {
    expect(kept(sizes)).toEqual(revisions);
  });

  test('those after a revision', () => {
    const ring = new EventRing(bounds);
    ring.reset(5);
    for (const revision of [7, 9, 12]) ring.push(event(revision, 1));
    const since = (revision: number): number[] | undefined =>
      ring.since(revision)?.map((each) => each.revision);
    expect(since(4)).toBeUndefined();
    expect(since(5)).toEqual([7, 9, 12]);
    expect(since(8)).toEqual([9, 12]);
    expect(since(12)).toEqual([]);
  });

  test('after many changes as after few', () => {
    const sizes = Array.from({ length: 1_000 }, () => 1);
    expect(kept(sizes)).toEqual([997, 998, 999, 1_000]);
  });
});
