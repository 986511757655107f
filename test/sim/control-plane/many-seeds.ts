/** The seeds that are run with every change, in two halves. */
import { expect } from '@jest/globals';
import { runSeeds } from '../lib/run-seeds.js';

/** In each half: with as many a whole run of the tests ends within half an hour on two slow cores. More run by hand. */
export const seedsEach = 100;

/** Runs one half of the seeds, in a process of its own. */
export async function expectControlPlaneHalf(half: 1 | 2): Promise<void> {
  const first = 1 + (half - 1) * seedsEach;
  const parameters = ['--first', `${first}`, '--seeds', `${seedsEach}`];
  const { code, output } = await runSeeds('control-plane-main.js', parameters);
  expect(output).toContain('"exitCode":0');
  expect(code).toBe(0);
}
