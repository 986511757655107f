/** What the shell's line of `bin/trireme` hands to Node.js: a stand-in for Node.js beside a copy of it tells. */
import { afterAll, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const home = mkdtempSync(join(tmpdir(), 'trireme-program-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const program = join(home, 'bin/trireme');
cpSync('bin/trireme', program, { recursive: true });
mkdirSync(join(home, 'node/bin'), { recursive: true });
const standIn = '#!/bin/sh\necho "arenas=$MALLOC_ARENA_MAX $*"\n';
writeFileSync(join(home, 'node/bin/node'), standIn, { mode: 0o755 });

function started(command: string, env: NodeJS.ProcessEnv = {}): string {
  const { PATH } = process.env;
  const { stdout } = spawnSync(program, [command, '-x'], {
    env: { PATH, ...env },
    encoding: 'utf8',
  });
  return stdout.trim().replaceAll(program, 'trireme');
}

test.each([
  ['master', 'arenas=2 trireme master -x'],
  ['worker', 'arenas=2 trireme worker -x'],
  ['netproxy', 'arenas=2 trireme netproxy -x'],
  ['etcd', 'arenas=2 --max-semi-space-size=8 trireme etcd -x'],
  ['get', 'arenas= trireme get -x'],
])('%s is started with: %s', (command, line) => {
  expect(started(command)).toBe(line);
});

test('who has set the number of arenas keeps it', () => {
  expect(started('master', { MALLOC_ARENA_MAX: '4' })).toBe('arenas=4 trireme master -x');
});
