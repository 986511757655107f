/**
 * Operating a cluster: one owner per directory, only what is ours is deleted, starts that fail end, nobody else reads
 * our files.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnSyncReturns } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePorts, waitFor } from '../cluster/etcd-processes.js';

let base = '';
const running: ChildProcess[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-ops-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => kill(child)));
  rmSync(base, { recursive: true, force: true });
});

/** Runs the program to its end, which must come by itself. */
function trireme(...words: string[]): SpawnSyncReturns<string> {
  const options = { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' } as const;
  return spawnSync(process.execPath, ['bin/trireme', ...words], options);
}

/** Starts it in the background, with a mask that hides nothing. */
function start(name: string, words: readonly string[]): ChildProcess {
  const log = openSync(join(base, `${name}.log`), 'a');
  const command = `umask 0; exec '${process.execPath}' bin/trireme "$@"`;
  const child = spawn('sh', ['-c', command, 'sh', ...words], { stdio: ['ignore', log, log] });
  closeSync(log);
  running.push(child);
  return child;
}

const logOf = (name: string): string => readFileSync(join(base, `${name}.log`), 'utf8');

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

function etcdFlags(dataDir: string, ports: readonly number[]): string[] {
  const [client = 0, peer = 0] = ports;
  return [
    'etcd',
    '--name=m',
    `--data-dir=${dataDir}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=m=http://127.0.0.1:${peer}`,
  ];
}

function masterFlags(dataDir: string, ports: readonly number[]): string[] {
  const names = ['rest-port', 'grpc-port', 'etcd-client-port', 'etcd-peer-port'];
  return [
    'master',
    '--name=m',
    `--data-dir=${dataDir}`,
    '--address=127.0.0.1',
    '--scheduler-port=0',
    '--controller-manager-port=0',
    ...names.map((name, at) => `--${name}=${ports[at]}`),
  ];
}

/** Every path below, with the bits of its mode that others than its owner have. */
function openPaths(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => (statSync(path).mode & 0o077) !== 0);
}

describe('what is not ours', () => {
  test.each([
    ['a directory with files', (at: string) => writeFileSync(join(at, 'thesis.txt'), '')],
    ['an empty directory', () => undefined],
    [
      'one with a record of hosts elsewhere',
      (at: string) => {
        const host = { name: 'x', role: 'worker', pid: 1, netns: null, dataDir: '/', command: [] };
        const record = { hosts: [host], gateway: null, network: null, runtime: 'process' };
        writeFileSync(join(at, 'cluster.json'), JSON.stringify(record));
      },
    ],
  ])('is not purged: %s', (_, prepare) => {
    const at = join(base, 'foreign');
    mkdirSync(at);
    prepare(at);
    const before = readdirSync(at);
    const { status, stderr } = trireme('down', '--purge', '--home', at);
    expect(status).toBe(1);
    expect(stderr).toMatch(/does not carry the mark|is not the record of a cluster/);
    expect(readdirSync(at)).toEqual(before);
  });

  test('is not purged through a link, nor is the root or a home', () => {
    const at = join(base, 'real');
    mkdirSync(at);
    symlinkSync(at, join(base, 'link'));
    for (const home of [join(base, 'link'), '/', process.env['HOME'] ?? '/']) {
      const { status } = trireme('down', '--purge', '--home', home);
      expect(status).toBe(1);
    }
    expect(readdirSync(base).sort()).toEqual(['link', 'real']);
  });

  test('is not taken by `up` as a home', () => {
    const at = join(base, 'foreign');
    mkdirSync(at);
    writeFileSync(join(at, 'thesis.txt'), '');
    const { status, stderr } = trireme('up', '--home', at, '--workers', '0', '--masters', '1');
    expect(status).toBe(1);
    expect(stderr).toContain(`${at} is not empty and is none of ours: nothing was changed`);
    expect(readdirSync(at)).toEqual(['thesis.txt']);
  });

  test('is not replaced or removed by scripts/install', () => {
    const at = join(base, 'foreign');
    mkdirSync(at);
    writeFileSync(join(at, 'thesis.txt'), '');
    const env = { ...process.env, TRIREME_PREFIX: at };
    for (const command of [['program'], ['remove'], ['remove', '--purge']]) {
      const options = { encoding: 'utf8', env, timeout: 60_000 } as const;
      const { status, stderr } = spawnSync('scripts/install', command, options);
      expect(status).toBe(1);
      expect(stderr).toMatch(/is no program of ours|must run as root/);
    }
    expect(readdirSync(at)).toEqual(['thesis.txt']);
  });
});

describe('a data directory', () => {
  test('of a store has one owner, until that is killed', async () => {
    const dataDir = join(base, 'data');
    const ports = await freePorts(4);
    const first = start('first', etcdFlags(dataDir, ports));
    await waitFor('it serves', () => logOf('first').includes('ready to serve client requests'));
    const second = trireme(...etcdFlags(dataDir, ports.slice(2)));
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`the directory ${dataDir} is in use by`);
    expect(second.stderr).not.toContain('damaged');
    await kill(first);
    start('again', etcdFlags(dataDir, ports));
    await waitFor('it serves', () => logOf('again').includes('ready to serve client requests'));
  }, 60_000);

  test('of a master has one owner; its files are its own whatever the mask, and its log holds no secrets', async () => {
    const dataDir = join(base, 'data');
    const ports = await freePorts(8);
    const first = start('first', [
      ...masterFlags(dataDir, ports),
      '--apiserver-arg=--audit-log-path=' + join(dataDir, 'audit.log'),
    ]);
    await waitFor('it is ready', () => logOf('first').includes('master is ready'), 60_000);
    const second = trireme(...masterFlags(dataDir, ports.slice(4)));
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(
      `the directory ${dataDir} is in use by the process ${first.pid}`,
    );
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(openPaths(dataDir)).toEqual([]);
    expect(readdirSync(dataDir)).toContain('audit.log');
    // Keys in PEM, tokens of accounts (JWT), join tokens, the key of Secrets.
    const log = logOf('first');
    expect(log).not.toMatch(/PRIVATE KEY|eyJ[\w-]{20,}\.eyJ|\b[a-z0-9]{6}\.[a-z0-9]{16}\b/);
    expect(log).not.toContain(readFileSync(join(dataDir, 'pki', 'encryption.key'), 'utf8').trim());
  }, 90_000);

  test('of a worker has one owner', async () => {
    const dataDir = join(base, 'data');
    const flags = ['worker', '--node-name=w', `--data-dir=${dataDir}`, '--runtime=process'];
    // Nobody answers there: it goes on asking.
    const join1 = [
      '--join=127.0.0.1:1',
      '--token=abcdef.0123456789abcdef',
      `--ca-hash=sha256:${'0'.repeat(64)}`,
    ];
    start('first', [...flags, ...join1]);
    await waitFor('it holds the directory', () => {
      try {
        return readdirSync(dataDir).includes('trireme.lock');
      } catch {
        return false;
      }
    });
    const second = trireme(...flags, ...join1);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`the directory ${dataDir} is in use by`);
  }, 60_000);
});

describe("a master's start that fails ends with its reason and a code", () => {
  test('a port is taken', async () => {
    const ports = await freePorts(4);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(ports[1], '127.0.0.1', resolve));
    try {
      const { status, stderr } = trireme(...masterFlags(join(base, 'data'), ports));
      expect(status).toBe(1);
      expect(stderr).toContain(`cannot listen on 127.0.0.1:${ports[1]} (--grpc-port): EADDRINUSE`);
    } finally {
      server.close();
    }
  });

  test('a flag of a component is wrong', async () => {
    const flags = masterFlags(join(base, 'data'), await freePorts(4));
    const { status, stderr } = trireme(...flags, '--etcd-arg=--no-such-flag');
    expect(stderr).toMatch(/no-such-flag/);
    expect(stderr).toContain('etcd could not start (exit code 2)');
    expect(status).toBe(2);
  }, 60_000);

  test('a certificate is damaged', async () => {
    const dataDir = join(base, 'data');
    const ports = await freePorts(4);
    const first = start('first', masterFlags(dataDir, ports));
    await waitFor('it is ready', () => logOf('first').includes('master is ready'), 60_000);
    await kill(first);
    writeFileSync(join(dataDir, 'pki', 'etcd-ca.key'), 'no key');
    const { status, stderr } = trireme(...masterFlags(dataDir, ports));
    expect(status).toBe(1);
    expect(stderr).toContain('etcd-ca.key');
  }, 90_000);
});
