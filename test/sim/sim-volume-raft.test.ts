/** Many seeds of Raft alone. Beside it, in the other worker, run those of whole members. */
import { expect, test } from '@jest/globals';
import { runSeeds, volumeMsMax } from './lib/run-seeds.js';

test(
  '1,000 brief runs of Raft',
  async () => {
    const { code, output } = await runSeeds('raft-sim-main.js', [
      '--seed',
      '1',
      '--count',
      '1000',
      '--brief',
    ]);
    expect(output).toContain('"exitCode":0');
    expect(code).toBe(0);
  },
  volumeMsMax,
);
