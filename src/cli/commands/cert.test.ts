import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { processContext } from '../context.js';
import { runCert } from './cert.js';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-cert-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const renew = (dataDir: string, ...words: string[]): Promise<number> =>
  runCert(['renew', `--data-dir=${dataDir}`, ...words], processContext);

test('the certificates of a worker that runs are left to it', async () => {
  const file = join(base, 'credentials.json');
  writeFileSync(file, '{"nodeName":"n","ca":"","masters":[]}');
  const lock = lockDirectory(base);
  try {
    await expect(renew(base, '--token=a.b')).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
  } finally {
    lock.release();
  }
  expect(readFileSync(file, 'utf8')).toBe('{"nodeName":"n","ca":"","masters":[]}');
});

test('a renewal that fails lets the worker start again', async () => {
  writeFileSync(join(base, 'credentials.json'), '{"nodeName":"n","ca":"","masters":[]}');
  await expect(renew(base, '--token=a.b')).rejects.toThrow(/./);
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
  await expect(renew(join(base, name), '--token=a.b')).rejects.toThrow(
    `${join(base, name)} ${words}`,
  );
  expect(existsSync(join(base, 'none'))).toBe(false);
});

test('without a token it says how one is had', async () => {
  writeFileSync(join(base, 'credentials.json'), '{"nodeName":"n"}');
  await expect(renew(base)).rejects.toThrow('trireme token create --for worker');
});

test('another action is wrong usage', async () => {
  await expect(runCert(['revoke'], processContext)).rejects.toMatchObject({ name: 'UsageError' });
});
