/**
 * A master whose disk is full: it is not ready, the gateway leaves it, the others serve, and `trireme cluster status`
 * says which disk it is.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SmallDisk } from '../robustness/disk-faults.js';
import { freePorts, hasProgram, run, waitFor } from './etcd-processes.js';

const names = ['rest-port', 'grpc-port', 'etcd-client-port', 'etcd-peer-port'];
const patienceMs = 90_000;

let base = '';
let disk: SmallDisk | undefined;
let ports: number[][] = [];
let gatewayPort = 0;
const children: ChildProcess[] = [];

function program(...words: string[]): ReturnType<typeof run> {
  return run(process.execPath, ['bin/trireme', ...words]);
}

function start(name: string, words: readonly string[]): void {
  const log = openSync(join(base, `${name}.log`), 'a');
  const stdio = ['ignore', log, log] as const;
  children.push(spawn(process.execPath, ['bin/trireme', ...words], { stdio: [...stdio] }));
  closeSync(log);
}

function master(at: number, more: readonly string[] = []): void {
  start(`m${at}`, [
    'master',
    `--name=m${at}`,
    `--data-dir=${join(base, `m${at}`)}`,
    '--address=127.0.0.1',
    '--scheduler-port=0',
    '--controller-manager-port=0',
    ...names.map((name, n) => `--${name}=${ports[at]?.[n]}`),
    ...more,
  ]);
}

const kubeconfigOf = (at: number): string => join(base, `m${at}`, 'admin.kubeconfig');

async function kubectl(server: string, ...words: string[]): ReturnType<typeof run> {
  const flags = [`--kubeconfig=${kubeconfigOf(0)}`, `--server=${server}`, '--request-timeout=5s'];
  return run('kubectl', [...flags, ...words]);
}

const urlOf = (at: number): string => `https://127.0.0.1:${ports[at]?.[0]}`;
const gatewayUrl = (): string => `https://127.0.0.1:${gatewayPort}`;

async function isReady(at: number): Promise<boolean> {
  return (await kubectl(urlOf(at), 'get', '--raw', '/readyz')).code === 0;
}

const possible = hasProgram('kubectl') && process.getuid?.() === 0;

beforeAll(async () => {
  if (!possible) return;
  base = mkdtempSync(join(tmpdir(), 'trireme-masters-'));
  const all = await freePorts(13);
  gatewayPort = all.pop() ?? 0;
  ports = [0, 1, 2].map((at) => all.slice(4 * at, 4 * at + 4));
  // Of the first: it leads, and clients prefer it.
  mkdirSync(join(base, 'm0'));
  disk = SmallDisk.make(join(base, 'm0'));
  master(0);
  let joining: string[] = [];
  await waitFor(
    'the first master gives a token',
    async () => {
      const words = ['token', 'create', '--for', 'master', '--kubeconfig', kubeconfigOf(0)];
      const { stdout } = await program(...words);
      const [token] = /[a-z0-9]{6}\.[a-z0-9]{16}/.exec(stdout) ?? [];
      const [hash] = /sha256:[0-9a-f]{64}/.exec(stdout) ?? [];
      if (token === undefined || hash === undefined) return false;
      joining = [`--join=127.0.0.1:${ports[0]?.[1]}`, `--token=${token}`, `--ca-hash=${hash}`];
      return true;
    },
    patienceMs,
  );
  for (const at of [1, 2]) {
    master(at, joining);
    // One learner at a time.
    await waitFor(`master ${at} is ready`, () => isReady(at), patienceMs);
  }
  const targets = ports.map(([rest]) => `127.0.0.1:${rest}`).join(',');
  start('gateway', ['gateway', `--listen=127.0.0.1:${gatewayPort}`, `--targets=${targets}`]);
  await waitFor('the gateway answers', async () => {
    return (await kubectl(gatewayUrl(), 'get', '--raw', '/readyz')).code === 0;
  });
}, 240_000);

afterAll(async () => {
  if (base === '') return;
  const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  await disk?.remove();
  rmSync(base, { recursive: true });
});

(possible ? describe : describe.skip)('three masters, one with a full disk', () => {
  test('the others serve through the gateway; status names the disk; it is back when there is room', async () => {
    if (disk === undefined) return;
    await waitFor('all vote', async () => {
      const { stdout } = await program('cluster', 'status', '--kubeconfig', kubeconfigOf(1));
      return stdout.split('\n').filter((line) => /^m\d .* ok$/.test(line)).length === 3;
    });
    disk.fill();
    let count = 0;
    await waitFor('it has noticed', async () => {
      await kubectl(urlOf(1), 'create', 'configmap', `probe${count++}`, '--from-literal=a=b');
      return readFileSync(join(base, 'm0.log'), 'utf8').includes('taking no part');
    });
    await waitFor('it is not ready', async () => !(await isReady(0)));
    await waitFor('the gateway has left it', () => {
      return readFileSync(join(base, 'gateway.log'), 'utf8').includes('not ready and is left out');
    });
    for (let at = 0; at < 5; at++) {
      const words = ['create', 'configmap', `through${at}`, '--from-literal=a=b'];
      expect(await kubectl(gatewayUrl(), ...words)).toMatchObject({ code: 0 });
    }
    const status = await program('cluster', 'status', '--kubeconfig', kubeconfigOf(1));
    const path = join(base, 'm0', 'etcd', 'member');
    expect(status.stdout).toMatch(
      new RegExp(`^m0 .*no space left on the disk of this member: ${path}`, 'm'),
    );
    expect(status.stdout).toMatch(/^m[12] +LEADER/m);
    disk.empty();
    await waitFor('it is ready again', () => isReady(0), patienceMs);
    const { stdout } = await kubectl(urlOf(0), 'get', 'configmaps', '-o', 'name');
    expect(stdout).toContain('configmap/through4');
    await waitFor('the gateway takes it back', () => {
      return readFileSync(join(base, 'gateway.log'), 'utf8').includes('is ready again');
    });
  }, 180_000);
});
