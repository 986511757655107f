/**
 * Whole members in simulation, in small: some seeds, the seeds that once failed, and the known mistakes that must be
 * found.
 */
import { describe, expect, jest, test } from '@jest/globals';
import type { StoreCanary } from './store-canaries.js';
import { drawBeginning, drawStoreOptions } from './store-options.js';
import { StoreWorld } from './store-world.js';

async function run(seed: number, canary?: StoreCanary): Promise<StoreWorld> {
  const world = new StoreWorld(drawStoreOptions(seed, canary));
  await world.run();
  return world;
}

// In CI it has what the clusters leave of the machine.
jest.setTimeout(1_200_000);

describe('whole members under simulated faults', () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %d', async (seed) => {
    const world = await run(seed);
    expect(world.clients.history.length).toBeGreaterThan(0);
  });

  // With the mistakes that they found put back, in the table below; here they pass.
  test.each([
    [54, 'a leader that stood still has its revocations passed on'],
    [73, 'a leader with a successor takes a renewal'],
  ])('seed %d: %s', async (seed) => {
    await run(seed);
  });

  // A founder that died while its first entries were written forgot some of them, and led without.
  test('members die while their cluster begins', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const world = new StoreWorld(drawBeginning(seed));
      await world.run().catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  });

  test('the same seed gives the same run, event by event', async () => {
    const [a, b] = [await run(7), await run(7)];
    expect(a.trace.hash).toBe(b.trace.hash);
    expect(a.describe()).toBe(b.describe());
    expect((await run(8)).trace.hash).not.toBe(a.trace.hash);
  });
});

describe('a known mistake in a whole member is found', () => {
  test.each<[StoreCanary, number, RegExp]>([
    ['voteNotPersisted', 377, /election safety/],
    ['oldTermCommitted', 884, /leader completeness/],
    ['ackBeforeSync', 69, /leader completeness/],
    ['indexApartFromEffects', 2, /is at revision/],
    ['appliedTwice', 1, /is at revision/],
    ['snapshotWithoutIndex', 4, /after entry 0/],
    ['compactionForgotten', 4, /is compacted to -1/],
    ['watchEventLost', 1, /resumable|reliable/],
    ['staleRead', 37, /"get"/],
    ['snapshotUnseen', 134, /is not linearizable/],
    ['keepAliveForgotten', 12, /^lease/],
    ['keepAliveUnconfirmed', 1498, /^lease/],
    ['revocationPassedOn', 2, /^lease/],
    ['leaseEndedByFollower', 98, /^lease/],
    ['leaseEndedByNewLeader', 2, /^lease/],
  ])('%s, seed %d', async (canary, seed, message) => {
    await expect(run(seed, canary)).rejects.toThrow(message);
  });
});
