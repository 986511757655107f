/**
 * Random requests on fixed seeds, sent to a real etcd and to ours: every answer is the same, but for what
 * `etcd-fuzz/explained.ts` explains. The etcd is the one that is first in the path (`PATH=/where/it/is:$PATH`): with a
 * 3.5 or 3.6 everything is compared, with an older one keys, leases and watches. By hand, for as many as one likes:
 * `etcd-fuzz/fuzz-main.ts`.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, expect, test } from '@jest/globals';
import { runFuzz } from './etcd-fuzz/run.js';
import { Side } from './etcd-fuzz/side.js';
import { hasProgram } from './etcd-processes.js';

const isThere = hasProgram('etcd');
const version = isThere ? spawnSync('etcd', ['--version']).stdout.toString() : '';
const release = /^etcd Version: (3\.[56])\./.exec(version)?.[1];
const scope = release === undefined ? 'keys' : 'all';
if (!isThere) process.stderr.write('etcd-fuzz is skipped: there is no etcd in the path\n');

const sides: Side[] = [];

afterEach(async () => {
  await Promise.all(sides.splice(0).map((side) => side.stop()));
});

(isThere ? test : test.skip).each([1, 2])(
  'seed %d: ours and a real etcd answer alike',
  async (seed) => {
    const [ours, theirs] = await Promise.all([
      Side.start(undefined, [`--compat=${release ?? '3.5'}`]),
      Side.start(['etcd']),
    ]);
    sides.push(ours, theirs);
    const { differences, requests } = await runFuzz({ ours, theirs }, seed, { steps: 300, scope });
    expect(differences).toEqual([]);
    expect(requests).toBeGreaterThanOrEqual(300);
  },
  120_000,
);
