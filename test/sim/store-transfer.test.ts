/**
 * Leadership is handed over again and again while nothing else goes wrong: no client may notice more than a short
 * delay.
 */
import { expect, jest, test } from '@jest/globals';
import { drawStoreOptions } from './store-options.js';
import { StoreWorld } from './store-world.js';

/** Far above what a run takes on a machine that is busy with others. */
jest.setTimeout(1_200_000);

const never = { numerator: 0, denominator: 1 };
/** Simulated: by then somebody leads. */
const settledUs = 500_000;
/**
 * Simulated, for an operation: three syncs and seven messages, as long as they may take here, and two reads in a row.
 */
const waitUsMax = 50_000;

function newWorld(seed: number): StoreWorld {
  const drawn = drawStoreOptions(seed);
  return new StoreWorld({
    ...drawn,
    memberCount: 3,
    heartbeatMs: 100,
    electionMs: 1000,
    preVote: true,
    safetyUs: 3_000_000,
    // Between members on TCP nothing is lost, doubled or overtaken while the connection stands.
    net: { delayMin: 100, delayMax: 2000, loss: never, duplication: never, ordered: true },
    disk: { syncMax: 2000, slow: never, slowMax: 0 },
    driftPpm: [0, 0, 0],
    faults: ['transfer'],
    nemesisEvery: 100_000,
    clients: { count: 8, thinkMax: 2000, keys: 6, compact: never },
  });
}

test.each([4, 5, 9])('seed %d', async (seed) => {
  const world = newWorld(seed);
  const { calls, history } = world.clients;
  const failures: string[] = [];
  const call = calls.call.bind(calls);
  calls.call = async (process, run) => {
    try {
      return await call(process, run);
    } catch (error) {
      if (world.queue.now > settledUs) failures.push(`${process.name}: ${String(error)}`);
      throw error;
    }
  };
  await world.run();
  const settled = history.filter(({ calledAt }) => calledAt > settledUs);
  const slow = settled.filter(({ calledAt, returnedAt }) => returnedAt - calledAt > waitUsMax);
  expect(world.counts.get('transfer')).toBeGreaterThan(20);
  expect(settled.length).toBeGreaterThan(1000);
  expect(failures).toEqual([]);
  expect(slow).toEqual([]);
});
