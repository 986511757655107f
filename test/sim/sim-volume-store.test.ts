/** Many seeds of whole members. Beside it, in the other worker, run those of Raft alone. */
import { expect, test } from '@jest/globals';
import { runSeeds, volumeMsMax } from './lib/run-seeds.js';

test(
  '250 runs of whole members',
  async () => {
    const { code, output } = await runSeeds('store-sim-main.js', ['--seed', '1', '--count', '250']);
    expect(output).toContain('"exitCode":0');
    expect(code).toBe(0);
  },
  volumeMsMax,
);
