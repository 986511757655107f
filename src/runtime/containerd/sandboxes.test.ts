/** What is left of a sandbox after its machine was off: a record, and numbers that other processes have. */
import { afterEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testSandbox } from '../../../test/cluster/lib/runtime-contract.js';
import { systemClock } from '../../lib/clock.js';
import { dryRunner } from '../spawn.js';
import { StateStore } from '../state-store.js';
import { startOfProcess } from './pause.js';
import type { SandboxRecord } from './sandboxes.js';
import { Sandboxes } from './sandboxes.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

const config = {
  ...testSandbox,
  namespaces: { ...testSandbox.namespaces, hostNetwork: true, hostIpc: true, sharePid: true },
};

async function sandboxesWith(record: Partial<SandboxRecord>): Promise<Sandboxes> {
  const dir = await mkdtemp(join(tmpdir(), 'trireme-sandboxes-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const store = new StateStore<SandboxRecord>(join(dir, 'sandboxes'));
  await store.load();
  await store.set(config.id, { config, createdAtMs: 0, ...record });
  const run = dryRunner({ print: () => undefined, answers: () => '' });
  const shim = join(dir, 'shim');
  return new Sandboxes({ dir, shim, cgroupRoot: '/kubepods', run, clock: systemClock(), store });
}

async function sleeper(): Promise<number> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  await once(child, 'spawn');
  return child.pid ?? 0;
}

test.each([
  ['nobody has its number', async () => ({ pausePid: 2 ** 22 + 1, pauseStart: 'boot 1' })],
  [
    'another process has its number',
    async () => ({ pausePid: await sleeper(), pauseStart: 'b 1' }),
  ],
  ['another has it, and its start is not known', async () => ({ pausePid: await sleeper() })],
  ['it was never made', async () => ({})],
])('a shared PID namespace whose init is gone is not joined: %s', async (_, record) => {
  const known = await record();
  const sandboxes = await sandboxesWith(known);
  expect(await sandboxes.isWhole(config.id)).toBe(false);
  const joined = sandboxes.pathsToJoin({ config, createdAtMs: 0, ...known });
  await expect(joined).rejects.toThrow('the shared PID namespace of the pod is gone');
});

test('one whose init goes on is joined', async () => {
  const pausePid = await sleeper();
  const pauseStart = await startOfProcess(pausePid);
  const record = {
    config,
    createdAtMs: 0,
    pausePid,
    ...(pauseStart === undefined ? {} : { pauseStart }),
  };
  const sandboxes = await sandboxesWith(record);
  expect(await sandboxes.isWhole(config.id)).toBe(true);
  expect(await sandboxes.pathsToJoin(record)).toEqual({
    shm: '/dev/shm',
    pid: `/proc/${pausePid}/ns/pid`,
  });
});
