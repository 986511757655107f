import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateDirOf } from '../../runtime/containerd/daemon.js';
import { removeContainerdRun } from './shim-sockets.js';

let base = '';
let sockets = '';

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'shims-'));
  sockets = join(base, 's');
  mkdirSync(sockets);
});
afterEach(() => rmSync(base, { recursive: true }));

/** A container of a worker as containerd keeps it, with a socket. */
function container(dataDir: string, id: string, address: string): void {
  const run = stateDirOf(join(dataDir, 'runtime'));
  const bundle = join(run, 'state', 'io.containerd.runtime.v2.task', 'trireme', id);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'address'), address);
}

test("the sockets of a worker's own shims go, others' stay", async () => {
  const dataDir = join(base, 'worker-1');
  for (const name of ['aa', 'bb', 'theirs']) writeFileSync(join(sockets, name), '');
  writeFileSync(join(base, 'elsewhere'), '');
  container(dataDir, 'a', `unix://${join(sockets, 'aa')}`);
  container(dataDir, 'b', `unix://${join(sockets, 'bb')}\n`);
  container(dataDir, 'gone', `unix://${join(sockets, 'gone')}`);
  // A file that says something else deletes nothing.
  container(dataDir, 'wrong', `unix://${join(base, 'elsewhere')}`);
  container(dataDir, 'parent', `unix://${sockets}/../elsewhere`);
  await removeContainerdRun(dataDir, sockets);
  expect(readdirSync(sockets)).toEqual(['theirs']);
  expect(existsSync(join(base, 'elsewhere'))).toBe(true);
  await removeContainerdRun(join(base, 'worker-2'), sockets);
});

test('a run directory outside of the data directory goes', async () => {
  const dataDir = join(base, 'long-'.repeat(20), 'worker-1');
  const run = stateDirOf(join(dataDir, 'runtime'));
  expect(run).toMatch(/^\/run\/trireme-[0-9a-f]{16}$/);
  if (process.getuid?.() !== 0) return;
  container(dataDir, 'a', '');
  await removeContainerdRun(dataDir, sockets);
  expect(existsSync(run)).toBe(false);
});
