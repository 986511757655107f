/** An agent takes over the views of images that an earlier one has left. */
import { afterEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { CommandResult, RunCommand } from '../spawn.js';
import { Ctr } from './ctr.js';
import { ImageViews } from './image-views.js';

let dir = '';
afterEach(() => rm(dir, { recursive: true, force: true }));

/** @returns the commands that were run at the start, without those that list */
async function startedWith(fails: (line: string) => boolean): Promise<string[]> {
  dir = await mkdtemp(join(tmpdir(), 'trireme-views-'));
  const lines: string[] = [];
  const run: RunCommand = (_program, args) => {
    const line = args
      .slice(args.findIndex((word) => /^(?:snapshots|leases)$/.test(word)))
      .join(' ');
    const result = (code: number, text: string): Promise<CommandResult> =>
      Promise.resolve({ code, stdout: code === 0 ? text : '', stderr: text, timedOut: false });
    if (line.startsWith('snapshots list')) {
      return result(0, `KEY PARENT KIND\n${dir}/aa  sha256:0 View\n`);
    }
    if (line.startsWith('leases list')) return result(0, `${dir}/aa\n`);
    lines.push(line.replaceAll(dir, 'D'));
    return fails(line)
      ? result(1, `ctr: write ${dir}/metadata.db: no space left on device: unknown`)
      : result(0, '');
  };
  const ctr = new Ctr({ address: '/run/c.sock', namespace: 'trireme', run, log: silentLogger });
  const views = new ImageViews({
    ctr,
    run,
    dir,
    digestsInUse: () => new Set(),
    clock: new ManualClock(),
    log: silentLogger,
  });
  await views.start();
  views.stop();
  return lines.map((line) => line.split('=')[0] ?? '');
}

const hold = 'snapshots label D/aa containerd.io/gc.root';
const end = 'leases delete D/aa';

test('snapshots are held, then their leases end', async () => {
  expect(await startedWith(() => false)).toEqual([hold, end]);
});

test('on a full disk the agent comes up, and what only a lease holds keeps it', async () => {
  expect(await startedWith((line) => line.startsWith('snapshots label'))).toEqual([hold]);
});

test('a lease that cannot be ended stays for the next start', async () => {
  expect(await startedWith((line) => line.startsWith('leases delete'))).toEqual([hold, end]);
});
