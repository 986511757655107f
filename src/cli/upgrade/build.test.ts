import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newestLogVersion } from '../../etcd/apply/entry-format.js';
import { packageRoot } from '../home.js';
import { readBuild, servesApart } from './build.js';

const root = mkdtempSync(join(tmpdir(), 'trireme-build-'));
const file = (path: string, text: string): void => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};
const program = (version: string): string =>
  `const [a] = process.argv.slice(2);
  console.log(a === '--version' ? ${JSON.stringify(version)} : '  --' + a + '-flag <x>  words\\n  -h, --help  words');`;

beforeEach(() => {
  rmSync(root, { recursive: true });
  mkdirSync(root);
});
afterAll(() => rmSync(root, { recursive: true }));

test('this build says all of itself', async () => {
  const build = await readBuild(packageRoot);
  expect(build.logVersion).toBe(newestLogVersion);
  expect(build.flags.master).toEqual(expect.arrayContaining(['--rest-port', '--name', '--help']));
  expect(build.flags.worker).toEqual(expect.arrayContaining(['--node-name']));
  expect(build.madeMs).toBeGreaterThan(0);
  expect(servesApart(build)).toBe(true);
});

test('a build without `trireme netproxy` serves the network in its agents', () => {
  expect(servesApart({ flags: { master: [], worker: ['--node-name', '--netproxy-mode'] } })).toBe(
    false,
  );
});

test('a build that does not say its log version is read', async () => {
  file('bin/trireme', program('trireme 0.1.0+gabc (Kubernetes API v1.33)'));
  expect(await readBuild(root)).toMatchObject({ version: '0.1.0+gabc', logVersion: 1 });
  file('dist/src/etcd/apply/entry-format.js', 'export const kindSince = {\n  a: 1,\n  b: 3,\n};');
  file('dist/.tsbuildinfo', '');
  // As of an archive: it was made long ago, and came here now.
  utimesSync(join(root, 'dist/.tsbuildinfo'), 1000, 1000);
  expect(await readBuild(root)).toMatchObject({
    logVersion: 3,
    madeMs: statSync(join(root, 'dist/.tsbuildinfo')).ctimeMs,
    flags: { master: ['--master-flag', '--help'], worker: ['--worker-flag', '--help'] },
  });
});

test('what is no build, and one that does not run, are refused', async () => {
  await expect(readBuild(root)).rejects.toThrow(`${root} is no build: it has no bin/trireme`);
  file('bin/trireme', `console.error('no libraries'); process.exit(3);`);
  await expect(readBuild(root)).rejects.toThrow(/--version fails \(is it built\?\): no libraries$/);
});
