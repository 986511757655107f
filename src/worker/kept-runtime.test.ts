import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepRuntime, lockEndpoint } from './kept-runtime.js';

let dataDir = '';

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kept-runtime-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

test('the runtime of a worker changes only when it has no pods', async () => {
  await mkdir(join(dataDir, 'pods', 'u1'), { recursive: true });
  // Whose data come from an earlier build runs on.
  await keepRuntime(dataDir, 'containerd');
  await keepRuntime(dataDir, 'containerd');
  await expect(keepRuntime(dataDir, 'cri')).rejects.toThrow(
    /^--runtime cri: 1 pods of this worker are in the runtime "containerd"\. Start it with --runtime containerd/,
  );
  await rm(join(dataDir, 'pods', 'u1'), { recursive: true });
  await keepRuntime(dataDir, 'cri');
  await mkdir(join(dataDir, 'pods', 'u2'));
  await expect(keepRuntime(dataDir, 'containerd')).rejects.toThrow('in the runtime "cri"');
});

test('a runtime has one agent', () => {
  const first = lockEndpoint('unix:///run/a.sock', dataDir);
  const other = lockEndpoint('unix:///run/b.sock', dataDir);
  expect(() => lockEndpoint('unix:///run/a.sock', dataDir)).toThrow(
    /^--cri-endpoint unix:\/\/\/run\/a\.sock: .* is the agent of that runtime/,
  );
  first.release();
  lockEndpoint('unix:///run/a.sock', dataDir).release();
  other.release();
});
