/**
 * The simulation in small: a handful of seeds, the seeds that once failed, and the known mistakes that it must find.
 */
import { describe, expect, test } from '@jest/globals';
import { RaftCluster } from './raft-cluster.js';
import { drawBriefly, drawOptions } from './raft-options.js';
import type { Canary } from './raft-options.js';

function run(seed: number): void {
  new RaftCluster(drawOptions(seed)).run();
}

describe('Raft under simulated faults', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])('seed %d', (seed) => {
    run(seed);
  });

  test.each([
    [364, 'a retired member comes back with nothing on its way to the disk'],
    [1007, 'a snapshot overtakes membership entries that are being applied'],
    [1060, 'the state machine is durable before the commit index'],
    [1630, 'a removed member is needed by a voter that missed the removal'],
    [5949, 'a refusal from a lower term carries the commit index'],
  ])('seed %d, which once failed: %s', (seed) => {
    run(seed);
  });

  test('the same seed gives the same run', () => {
    const [a, b] = [new RaftCluster(drawOptions(77)), new RaftCluster(drawOptions(77))];
    a.run();
    b.run();
    expect(a.describe()).toBe(b.describe());
    expect(a.summary).toEqual(b.summary);
  });
});

describe('a known mistake is found', () => {
  // By one of these ten seeds, from this one on.
  test.each<[Canary, 'whole' | 'brief', number, RegExp]>([
    ['commitOldTerm', 'whole', 34, /leader completeness/],
    ['voteNotPersisted', 'whole', 1, /votes for \d+ and \d+ in term/],
    ['ackBeforeSync', 'brief', 10, /leader completeness|what is committed is in the log/],
    ['readWithoutQuorum', 'brief', 165, /stale read/],
    ['leaseNeverEnds', 'brief', 255, /stale read/],
    ['voteForStaleLog', 'whole', 1, /leader completeness|committed entry/],
  ])('%s, %s runs from seed %d on', (canary, length, first, message) => {
    const draw = length === 'brief' ? drawBriefly : drawOptions;
    expect(() => {
      for (let seed = first; seed < first + 10; seed++) new RaftCluster(draw(seed, canary)).run();
    }).toThrow(message);
  });
});
