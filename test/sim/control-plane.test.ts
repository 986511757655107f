/**
 * The control plane in simulation, in small: some seeds, the seeds that once failed, and the known mistakes that must
 * be found.
 */
import { describe, expect, test } from '@jest/globals';
import type { Canary } from './control-plane/canaries.js';
import { drawOptions } from './control-plane/options.js';
import { ControlPlaneWorld } from './control-plane/world.js';

async function run(seed: number, canary?: Canary): Promise<ControlPlaneWorld> {
  const world = await ControlPlaneWorld.create(drawOptions(seed, canary));
  await world.run();
  return world;
}

describe('a control plane under simulated faults', () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %d', async (seed) => {
    const world = await run(seed);
    expect(world.counts.get('writes')).toBeGreaterThan(0);
  });

  test('the same seed gives the same run, event by event', async () => {
    const [a, b] = [await run(7), await run(7)];
    expect(a.trace.hash).toBe(b.trace.hash);
    expect(a.counts).toEqual(b.counts);
    expect((await run(8)).trace.hash).not.toBe(a.trace.hash);
  });
});
