/** Functions of scripts/install by themselves: what they decide, without a machine that is changed. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let base = '';

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-install-'));
  mkdirSync(join(base, 'etc'));
  mkdirSync(join(base, 'prefix'));
});
afterEach(() => rmSync(base, { recursive: true }));

/** Runs words of bash that see these functions. */
function bash(functions: readonly string[], words: string): string {
  const taken = functions.map((name) => `eval "$(sed -n '/^${name}() {/,/^}/p' scripts/install)"`);
  const script = `etc=${base}/etc prefix=${base}/prefix changed=\n${taken.join('\n')}\n${words}`;
  const run = spawnSync('bash', ['--norc', '-euc', script], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return run.stdout;
}

test('a service is started again when its program came with the other role of the machine', () => {
  const start = (role: string): string =>
    bash(
      ['start_service'],
      `start_with_program() { echo "$1\${changed:+ anew}"; }; start_service ${role}`,
    );
  const install = (build: string): void =>
    writeFileSync(join(base, 'prefix', 'bundle.id'), `${build}\n`);
  install('one');
  expect(start('master')).toBe('master anew\n');
  expect(start('worker')).toBe('worker anew\n');
  expect(start('worker')).toBe('worker\n');
  install('two');
  expect(start('master')).toBe('master anew\n');
  expect(start('worker')).toBe('worker anew\n');
  expect(start('master')).toBe('master\n');
});

test.each([
  ['--join=m:1 --token=abcdef.0123456789abcdef', '--join=m:1 --token=abcdef.0123456789abcdef\n'],
  ['--join=m:1 --token abcdef.0123456789abcdef', '--join=m:1 --token abcdef.0123456789abcdef\n'],
  ['--join=m:1 --token-file=/etc/trireme/worker.token', ''],
])('a token that an earlier version left among the flags is found: %s', (flags, found) => {
  writeFileSync(join(base, 'etc', 'worker.env'), `TRIREME_FLAGS=${flags}\n`);
  expect(bash(['kept_with_token'], 'kept_with_token worker')).toBe(found);
});
