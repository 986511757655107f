/** `cp` out of a container that packs what it likes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { processContext } from '../context.js';
import { run } from '../main.js';

const root = mkdtempSync(join(tmpdir(), 'trireme-cp-'));
const [there, here] = [join(root, 'there'), join(root, 'here')];
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
};
let archive: Buffer = Buffer.alloc(0);
let server: http.Server;

beforeAll(async () => {
  server = http.createServer((_, response) => response.end(JSON.stringify(pod)));
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'v5.channel.k8s.io' });
  sockets.on('connection', (socket) => {
    for (let at = 0; at < archive.length; at += 65_536) {
      socket.send(Buffer.concat([Buffer.from([1]), archive.subarray(at, at + 65_536)]));
    }
    socket.send(Buffer.concat([Buffer.from([3]), Buffer.from('{"status":"Success"}')]));
    socket.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

beforeEach(() => {
  for (const path of [there, here]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  }
});

/** Packs members of `there` in this order. */
function pack(...args: string[]): Buffer {
  return execFileSync('tar', ['-c', '-f', '-', '-P', '-C', there, '--no-recursion', ...args]);
}

/** `cp p:/srv/NAME TARGET`. */
function copy(name: string, target: string): Promise<{ code: number; words: string }> {
  return runCopy(`p:/srv/${name}`, target);
}

async function runCopy(source: string, target: string): Promise<{ code: number; words: string }> {
  let words = '';
  const { port } = server.address() as AddressInfo;
  const write = (data: string | Uint8Array): void => {
    words += Buffer.from(data).toString('utf8');
  };
  const argv = ['cp', source, target, `--server=http://127.0.0.1:${port}`];
  const code = await run(argv, { ...processContext, out: write, err: write });
  return { code, words };
}

test('a tree arrives under the name that the user gave, with modes but no set-user-ID', async () => {
  mkdirSync(join(there, 'site'));
  writeFileSync(join(there, 'site/run'), 'x'.repeat(300_000));
  chmodSync(join(there, 'site/run'), 0o4755);
  archive = pack('site', 'site/run');
  expect(await copy('site', join(here, 'as'))).toEqual({ code: 0, words: '' });
  expect(readdirSync(here)).toEqual(['as']);
  expect(readFileSync(join(here, 'as/run'), 'utf8')).toHaveLength(300_000);
  expect(lstatSync(join(here, 'as/run')).mode & 0o7777).toBe(0o755);
});

test('a tree is merged into a directory that is there', async () => {
  mkdirSync(join(there, 'site'));
  writeFileSync(join(there, 'site/new'), 'new');
  mkdirSync(join(here, 'site'));
  writeFileSync(join(here, 'site/old'), 'old');
  archive = pack('site', 'site/new');
  expect((await copy('site', here)).code).toBe(0);
  expect(readdirSync(join(here, 'site')).toSorted()).toEqual(['new', 'old']);
});

test('members beside the one that was asked for do not arrive', async () => {
  for (const name of ['log', 'other']) writeFileSync(join(there, name), name);
  archive = pack('other', 'log');
  expect((await copy('log', here)).code).toBe(0);
  expect(readdirSync(here)).toEqual(['log']);
});

test.each(['../escaped', `${root}/escaped`, 'log/../../escaped'])(
  'a member named %s does not arrive',
  async (name) => {
    writeFileSync(join(there, 'log'), 'log');
    writeFileSync(join(there, 'bad'), 'bad');
    archive = pack('log', `--transform=s,^bad$,${name},`, 'bad');
    await copy('log', join(here, 'log'));
    expect(existsSync(join(root, 'escaped'))).toBe(false);
    expect(readdirSync(here).filter((file) => file !== 'log')).toEqual([]);
  },
);

test('a link is left out, and a file behind it is not written through it', async () => {
  mkdirSync(join(there, 'real'));
  writeFileSync(join(there, 'real/key'), 'bad');
  symlinkSync('.ssh', join(there, 'link'));
  archive = pack(
    '--transform=flags=r;s,^link,log,',
    '--transform=s,^real/,log/,',
    'link',
    'real/key',
  );
  mkdirSync(join(here, '.ssh'));
  await copy('log', here);
  expect(readdirSync(here)).toEqual(['.ssh']);
  expect(readdirSync(join(here, '.ssh'))).toEqual([]);
});

test('a link in a tree is told', async () => {
  mkdirSync(join(there, 'site'));
  symlinkSync('/etc/hostname', join(there, 'site/link'));
  archive = pack('site', 'site/link');
  const { code, words } = await copy('site', here);
  expect(words).toBe(`warning: skipping symlink: "${here}/site/link" -> "/etc/hostname"\n`);
  expect(code).toBe(0);
  expect(readdirSync(join(here, 'site'))).toEqual([]);
});

describe('into a container', () => {
  const path = process.env['PATH'];
  beforeEach(() => {
    archive = Buffer.alloc(0);
    writeFileSync(join(here, 'file'), 'text');
    process.env['PATH'] = there;
  });
  afterEach(() => {
    process.env['PATH'] = path;
  });

  test('without tar here it fails, and says why', async () => {
    const { code, words } = await runCopy(join(here, 'file'), 'p:/srv/file');
    expect(code).toBe(1);
    expect(words).toBe('error: cannot run tar: spawn tar ENOENT\n');
  });

  test('what tar here cannot read makes it fail', async () => {
    writeFileSync(join(there, 'tar'), '#!/bin/sh\nexit 2\n', { mode: 0o755 });
    expect((await runCopy(join(here, 'file'), 'p:/srv/file')).code).toBe(1);
  });
});
