/**
 * A running program needs nothing that a build or an installation of libraries replaces: it has all of it in a
 * directory of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePorts, hasProgram, run, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl');

let base = '';
let packed = '';
let member: ChildProcess;
let clientUrl = '';

/** A checkout without libraries and without the compiler's output. */
beforeAll(async () => {
  // Once for all tests: it is by far the most that they ask of the machine.
  expect(spawnSync('scripts/pack', { timeout: 120_000 }).status).toBe(0);
  if (!possible) return;
  base = mkdtempSync(join(tmpdir(), 'trireme-packed-'));
  packed = readlinkSync('dist/current');
  mkdirSync(join(base, 'dist'));
  cpSync('bin', join(base, 'bin'), { recursive: true });
  writeFileSync(join(base, 'package.json'), '{"type":"module"}');
  cpSync(join('dist', packed), join(base, 'dist', packed), { recursive: true });
  symlinkSync(packed, join(base, 'dist', 'current'));
  const [client = 0, peer = 0] = await freePorts(2);
  clientUrl = `http://127.0.0.1:${client}`;
  const words = [
    'etcd',
    '--name=m',
    `--data-dir=${join(base, 'data')}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=m=http://127.0.0.1:${peer}`,
    `--backup-dir=${join(base, 'backups')}`,
    '--backup-interval=1s',
  ];
  member = spawn(process.execPath, [join(base, 'bin', 'trireme'), ...words], { stdio: 'ignore' });
  await waitFor('the member answers', async () => (await ctl('get', 'k')).code === 0);
}, 150_000);

afterAll(async () => {
  if (base === '') return;
  const ended = new Promise((resolve) => member.once('exit', resolve));
  member.kill('SIGKILL');
  await ended;
  rmSync(base, { recursive: true });
});

function ctl(...words: string[]): ReturnType<typeof run> {
  return run('etcdctl', ['--endpoints', clientUrl, '--command-timeout=5s', ...words]);
}

/** Another program with the same parts, as a build after a `git pull` makes it, and then some more. */
function buildAgain(): void {
  const dist = join(base, 'dist');
  for (let at = 0; at < 5; at++) {
    const name = `packed-${String(at).repeat(16)}`;
    mkdirSync(join(dist, name));
    writeFileSync(join(dist, name, 'packed.json'), '{}');
    // After each other, whatever the clock's resolution.
    const seconds = 4_000_000_000 + at;
    utimesSync(join(dist, name, 'packed.json'), seconds, seconds);
    symlinkSync(name, join(dist, 'current.new'));
    renameSync(join(dist, 'current.new'), join(dist, 'current'));
  }
  const prune = spawnSync(process.execPath, ['scripts/lib/prune-packed.mjs', dist]);
  expect(prune.status).toBe(0);
}

test('the packed program has the shim of containers beside it, and looks for it there', () => {
  const there = 'dist/current';
  const shim = readFileSync('src/runtime/shim/trireme-shim.pl', 'utf8');
  expect(readFileSync(join(there, 'trireme-shim.pl'), 'utf8')).toBe(shim);
  const scripts = readdirSync(there).filter((name) => name.endsWith('.js'));
  const mentions = scripts.flatMap((name) =>
    [...readFileSync(join(there, name), 'utf8').matchAll(/new URL\("[^"]*\.pl", [^)]*\)/g)].map(
      ([text]) => text,
    ),
  );
  expect(mentions).toEqual(['new URL("./trireme-shim.pl", import.meta.url)']);
});

describe('the commands of clients', () => {
  let copy = '';
  let file = '';

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'trireme-commands-'));
    cpSync('bin', join(copy, 'bin'), { recursive: true });
    cpSync(join('dist', readlinkSync('dist/current')), join(copy, 'dist/current'), {
      recursive: true,
    });
    file = join(copy, 'dist/current/kube-commands.compiled.cjs');
    const look = `const { loadCompiled } = require('./bin/compiled.cjs');
      console.log(loadCompiled(process.argv[2]).script.cachedDataRejected);`;
    writeFileSync(join(copy, 'look.cjs'), look);
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  const node = (...words: string[]): string => {
    const { stdout, stderr, status } = spawnSync(process.execPath, words, {
      cwd: copy,
      encoding: 'utf8',
    });
    return status === 0 ? stdout : `${stdout}${stderr}${status}`;
  };

  test.each([[[]], [['--max-semi-space-size=16']]])(
    'are compiled already for a start with the flags %j',
    (flags) => expect(node(...flags, 'look.cjs', file)).toBe('false\n'),
  );

  test('are compiled anew for other flags, and where what is kept is damaged or made of another file', () => {
    expect(node('--stack-size=900', 'look.cjs', file)).toBe('undefined\n');
    const help = node('bin/trireme', 'get', '--help');
    expect(help).toMatch(/^List objects, or print some of them\.\n/);
    const path = `${file}.${process.version}-${process.arch}.cache`;
    const whole = readFileSync(path);
    for (const damaged of [Buffer.alloc(0), whole.subarray(0, 1000), Buffer.alloc(5000, 7)]) {
      writeFileSync(path, damaged);
      expect(node('bin/trireme', 'get', '--help')).toBe(help);
    }
    writeFileSync(path, whole);
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n//`);
    expect(node('look.cjs', file)).toBe('true\n');
    expect(node('bin/trireme', 'get', '--help')).toBe(help);
  });

  test.each(['cli.master.master', 'cli.components.apiserver', 'cli.components.control'])(
    'stand beside a master, of which %s is compiled already, in threads as well',
    (name) => {
      const compiled = join(copy, `dist/current/${name}.compiled.cjs`);
      expect(node('look.cjs', compiled)).toBe('false\n');
      const thread = `new (require('node:worker_threads').Worker)('./look.cjs', { argv: [process.argv[2]] });`;
      writeFileSync(join(copy, 'thread.cjs'), thread);
      expect(node('thread.cjs', compiled)).toBe('false\n');
    },
  );

  test('build kustomizations, for which they load more', () => {
    const programs = join(copy, 'programs');
    mkdirSync(programs);
    const list = '{"apiVersion":"v1","kind":"List","items":[]}';
    writeFileSync(join(programs, 'kustomize'), `#!/bin/sh\necho '${list}'\n`, { mode: 0o755 });
    const PATH = `${programs}:${process.env['PATH']}`;
    const words = ['bin/trireme', 'apply', '-k', '.', '--server=http://127.0.0.1:1'];
    const { stderr } = spawnSync(process.execPath, words, {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    expect(stderr).toBe('error: no objects passed to apply\n');
  });

  test('come with what they load late: patterns of Go, WebSockets, and other commands with theirs', () => {
    const refused = node('bin/trireme', 'proxy', '--accept-hosts=(', '--server=http://127.0.0.1:1');
    expect(refused).toMatch(/^error: --accept-hosts: error parsing regexp: missing closing \)/);
    expect(node('bin/trireme', 'port-forward', 'p', '80', '--server=http://127.0.0.1:1')).toMatch(
      /^The connection to the server 127\.0\.0\.1:1 was refused/,
    );
    expect(node('bin/trireme', '--version')).toMatch(/^trireme /);
    expect(node('bin/trireme', 'constructor')).toMatch(/^error: unknown command "constructor"/);
  });
});

(possible ? describe : describe.skip)('a member whose checkout is built again', () => {
  test('keeps its program: the newest three and those in use stay, others go', () => {
    buildAgain();
    const left = readdirSync(join(base, 'dist')).filter((name) => name.startsWith('packed-'));
    const newest = ['2', '3', '4'].map((digit) => `packed-${digit.repeat(16)}`);
    expect(left.sort()).toEqual([...newest, packed].sort());
  });

  test('takes snapshots, scheduled ones too, and checks passwords: parts that it loads late', async () => {
    expect((await ctl('put', 'k', 'v')).code).toBe(0);
    const file = join(base, 'snapshot.db');
    expect(await ctl('snapshot', 'save', file)).toMatchObject({ code: 0 });
    await waitFor('a scheduled snapshot is there', () => {
      const at = join(base, 'backups');
      return existsSync(at) && readdirSync(at).some((name) => name.endsWith('.db'));
    });
    expect((await ctl('user', 'add', 'root:secret')).code).toBe(0);
    expect((await ctl('user', 'grant-role', 'root', 'root')).code).toBe(0);
    expect((await ctl('auth', 'enable')).code).toBe(0);
    expect((await ctl('--user=root:secret', 'get', 'k')).stdout).toBe('k\nv\n');
    expect((await ctl('--user=root:wrong', 'get', 'k')).code).not.toBe(0);
    const restored = join(base, 'restored');
    const words = ['etcd', 'snapshot', 'restore', file, `--data-dir=${restored}`];
    // By the program that the running member has, since the newest here is an empty one.
    rmSync(join(base, 'dist', 'current'));
    symlinkSync(packed, join(base, 'dist', 'current'));
    const restore = spawnSync(process.execPath, [join(base, 'bin', 'trireme'), ...words]);
    expect(restore.status).toBe(0);
    expect(existsSync(restored)).toBe(true);
  }, 60_000);
});
