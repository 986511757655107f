import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { processContext } from '../context.js';
import { runCommand } from '../command/run-command.js';
import { certCommand } from './cert.js';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-cert-'));
});
afterEach(() => rmSync(base, { recursive: true }));

/** Renews. @returns the exit code and what was said */
async function renew(dataDir: string, ...words: string[]): Promise<[number, string]> {
  let said = '';
  const context = { ...processContext, err: (data: string | Uint8Array) => void (said += data) };
  const line = ['renew', `--data-dir=${dataDir}`, ...words];
  return [await runCommand(certCommand, line, context), said];
}

test('the certificates of a worker that runs are left to it', async () => {
  const file = join(base, 'credentials.json');
  writeFileSync(file, '{"nodeName":"n","ca":"","masters":[]}');
  const lock = lockDirectory(base);
  try {
    expect(await renew(base, '--token=a.b')).toEqual([
      1,
      expect.stringContaining('it has one owner at a time'),
    ]);
  } finally {
    lock.release();
  }
  expect(readFileSync(file, 'utf8')).toBe('{"nodeName":"n","ca":"","masters":[]}');
});

test('a renewal that fails lets the worker start again', async () => {
  writeFileSync(join(base, 'credentials.json'), '{"nodeName":"n","ca":"","masters":[]}');
  expect((await renew(base, '--token=a.b'))[0]).toBe(1);
  lockDirectory(base).release();
});

test.each([
  [
    'a directory that is not there',
    'none',
    'holds no credentials of a worker: it joins with --join',
  ],
  ['that of a master', 'master', 'is that of a master, which renews its own certificates at each'],
])('%s is refused by name, and not made', async (_, name, words) => {
  mkdirSync(join(base, 'master', 'pki'), { recursive: true });
  const said = `${join(base, name)} ${words}`;
  expect(await renew(join(base, name), '--token=a.b')).toEqual([1, expect.stringContaining(said)]);
  expect(existsSync(join(base, 'none'))).toBe(false);
});

test('without a token it says how one is had', async () => {
  writeFileSync(join(base, 'credentials.json'), '{"nodeName":"n"}');
  const how = expect.stringContaining('trireme token create --for worker');
  expect(await renew(base)).toEqual([1, how]);
});
