/** Many seeds of the control plane, on both cores. */
import { expect, test } from '@jest/globals';
import { runSeeds } from './lib/run-seeds.js';

/** In each of two processes. */
const seedsEach = 100;

test('200 runs of the control plane', async () => {
  const halves = [1, 1 + seedsEach].map((first) =>
    runSeeds('control-plane-main.js', ['--first', `${first}`, '--seeds', `${seedsEach}`]),
  );
  for (const { code, output } of await Promise.all(halves)) {
    expect(output).toContain('"exitCode":0');
    expect(code).toBe(0);
  }
}, 900_000);
