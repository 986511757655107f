import { describe, expect, test } from '@jest/globals';
import { Inflights } from './inflights.js';
import { Progress } from './progress.js';

const limits = { maxInflightMsgs: 3, maxInflightBytes: 1000 };

function replicating(match: number): Progress {
  const progress = new Progress(2n, match + 1, limits);
  progress.match = match;
  progress.becomeReplicate();
  return progress;
}

describe('Inflights', () => {
  test('is full by count, and frees what is acknowledged', () => {
    const inflights = new Inflights(20, 0);
    for (let index = 1; index <= 20; index++) inflights.add(index, 1);
    expect(inflights.full).toBe(true);
    inflights.freeTo(12);
    expect(inflights.count).toBe(8);
    for (let index = 21; index <= 32; index++) inflights.add(index, 1);
    expect(inflights.full).toBe(true);
    inflights.freeTo(31);
    expect(inflights.count).toBe(1);
    expect(() => {
      for (let i = 0; i < 20; i++) inflights.add(40 + i, 1);
    }).toThrow('window is open');
  });

  test('is full by bytes; one append may overshoot', () => {
    const inflights = new Inflights(10, 100);
    inflights.add(1, 99);
    expect(inflights.full).toBe(false);
    inflights.add(2, 500);
    expect(inflights.full).toBe(true);
    inflights.freeTo(2);
    expect(inflights.full).toBe(false);
    inflights.reset();
    expect(inflights.count).toBe(0);
  });
});

describe('Progress', () => {
  test('replicate streams until the window is full', () => {
    const progress = replicating(5);
    for (let i = 0; i < 3; i++) {
      expect(progress.paused).toBe(false);
      progress.sentEntries(2, 10);
    }
    expect(progress.next).toBe(12);
    expect(progress.paused).toBe(true);
  });

  test('probe sends one append and waits', () => {
    const progress = new Progress(2n, 6, limits);
    progress.sentEntries(2, 10);
    expect([progress.next, progress.paused]).toEqual([6, true]);
    expect(progress.maybeUpdate(5)).toBe(true);
    expect(progress.paused).toBe(false);
  });

  test.each([
    // state, match, next, rejected, hint -> accepted, next
    ['replicate', 5, 10, 5, 5, false, 10],
    ['replicate', 5, 10, 9, 9, true, 6],
    ['probe', 0, 10, 8, 8, false, 10],
    ['probe', 0, 10, 9, 9, true, 9],
    ['probe', 0, 10, 9, 2, true, 3],
    ['probe', 5, 10, 9, 2, true, 6],
    ['probe', 0, 1, 0, 0, true, 1],
  ])(
    '%s match=%d next=%d: rejection of %d with hint %d',
    (state, match, next, rejected, hint, accepted, after) => {
      const progress = state === 'replicate' ? replicating(match) : new Progress(2n, next, limits);
      progress.match = match;
      progress.next = next;
      expect(progress.maybeDecrTo(rejected, hint)).toBe(accepted);
      expect(progress.next).toBe(after);
    },
  );

  test('after a snapshot probing goes on behind it', () => {
    const progress = replicating(5);
    progress.becomeSnapshot(20);
    expect(progress.paused).toBe(true);
    progress.becomeProbe();
    expect([progress.state, progress.next, progress.pendingSnapshot]).toEqual(['probe', 21, 0]);
  });
});
