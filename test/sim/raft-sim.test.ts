/** The simulation in small: a handful of seeds, the seeds that once failed, and the known mistakes that it must find. */
import { describe, expect, test } from '@jest/globals';
import { RaftCluster } from './raft-cluster.js';
import { drawOptions } from './raft-options.js';
import type { Canary } from './raft-options.js';

function run(seed: number, canary?: Canary): void {
  new RaftCluster(drawOptions(seed, canary)).run();
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
  // Within this many seeds from the first on.
  test.each<[Canary, number, number, RegExp]>([
    ['commitOldTerm', 30, 10, /leader completeness/],
    ['voteNotPersisted', 1, 10, /votes for 5 and 1 in term/],
    ['ackBeforeSync', 20, 10, /leader completeness|what is committed is in the log/],
    ['readWithoutQuorum', 55, 3, /stale read/],
    ['leaseNeverEnds', 386, 3, /stale read/],
    ['voteForStaleLog', 1, 10, /leader completeness|committed entry/],
  ])('%s', (canary, first, count, message) => {
    expect(() => {
      for (let seed = first; seed < first + count; seed++) run(seed, canary);
    }).toThrow(message);
  });
});
