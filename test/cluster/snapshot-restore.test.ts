/** From one file to a running cluster: `trireme snapshot save` and `restore`, of a master and of a home of `up`. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ClusterRecord } from '../../src/cli/home.js';
import { isAlive } from '../../src/cli/home.js';
import { run } from '../e2e/lib.js';
import { freePorts, hasProgram, waitFor } from './etcd-processes.js';

const possible = hasProgram('kubectl');
const patienceMs = 90_000;

let directory = '';
let children: ChildProcess[] = [];

const trireme = (...words: string[]) =>
  run(process.execPath, ['bin/trireme', ...words], { timeoutMs: 240_000 });

/** kubectl against a kubeconfig, until it succeeds. @returns what it prints */
async function kubectl(config: string, ...words: string[]): Promise<string> {
  let out = '';
  await waitFor(
    `kubectl ${words.join(' ')}`,
    async () => {
      const flags = [`--kubeconfig=${config}`, '--request-timeout=5s'];
      const { code, stdout } = await run('kubectl', [...flags, ...words]);
      out = stdout;
      return code === 0;
    },
    patienceMs,
  );
  return out;
}

const secretOf = async (config: string): Promise<string> => {
  const text = await kubectl(config, 'get', 'secret', 'hidden', '-o', 'jsonpath={.data.a}');
  return Buffer.from(text, 'base64').toString();
};

(possible ? describe : describe.skip)('a snapshot', () => {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'trireme-restore-'));
  });

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
    await trireme('down', '--home', join(directory, 'home'), '--purge');
    rmSync(directory, { recursive: true, force: true });
  });

  function startMaster(flags: readonly string[], log: string): ChildProcess {
    const fd = openSync(log, 'a');
    const words = ['bin/trireme', 'master', ...flags];
    const child = spawn(process.execPath, words, { stdio: ['ignore', fd, fd] });
    closeSync(fd);
    children.push(child);
    return child;
  }

  async function end(child: ChildProcess): Promise<void> {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  test('with keys makes a master on an empty machine, and never one that lives', async () => {
    const ports = await freePorts(4);
    const names = ['rest-port', 'grpc-port', 'etcd-client-port', 'etcd-peer-port'];
    const flagsFor = (name: string): string[] => [
      '--name=m1',
      `--data-dir=${join(directory, name)}`,
      '--address=127.0.0.1',
      '--scheduler-port=0',
      '--controller-manager-port=0',
      ...names.map((flag, at) => `--${flag}=${ports[at]}`),
    ];
    const first = startMaster(flagsFor('one'), join(directory, 'one.log'));
    const config = join(directory, 'one', 'admin.kubeconfig');
    await waitFor('the kubeconfig', async () => existsSync(config), patienceMs);
    await kubectl(config, 'create', 'secret', 'generic', 'hidden', '--from-literal=a=kept');

    // The schedule holds without a restart.
    const schedule = ['snapshot', 'schedule', `--kubeconfig=${config}`];
    expect((await trireme(...schedule)).stdout).toMatch(/^nothing is set: .* every 4h /);
    expect(await trireme(...schedule, '--interval=5s')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('from 1m to 744h'),
    });
    const set = await trireme(...schedule, '--interval=1m', '--keep=1', '-o', 'json');
    expect(JSON.parse(set.stdout)).toEqual({ interval: '1m', keep: 1, set: true });
    const said = (): string => readFileSync(join(directory, 'one.log'), 'utf8');
    await waitFor('the schedule', async () => said().includes('"everyMs":60000'), patienceMs);

    const file = join(directory, 'cluster.db');
    const save = ['snapshot', 'save', `--data-dir=${join(directory, 'one')}`];
    const endpoint = `--endpoint=https://127.0.0.1:${ports[2]}`;
    const saved = await trireme(...save, endpoint, file, '--with-keys');
    expect(saved).toMatchObject({ code: 0 });
    expect(saved.stdout).toMatch(/revision \d+, .*with the keys of the cluster\n$/);
    expect((await trireme('etcd', 'snapshot', 'status', file, '-w', 'json')).code).toBe(0);
    const left = readdirSync(directory).filter((name) => name.startsWith('cluster.db'));
    expect(left).toEqual(['cluster.db']);

    const restore = ['snapshot', 'restore', file, '--', ...flagsFor('one')];
    expect(await trireme(...restore)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: m1 runs: a restore replaces all/),
    });
    expect(first.exitCode).toBeNull();
    await end(first);

    const damaged = join(directory, 'damaged.db');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(9000) ^ 1, 9000);
    writeFileSync(damaged, bytes);
    expect(await trireme('snapshot', 'restore', damaged, '--', ...flagsFor('two'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected sha256'),
    });
    expect(existsSync(join(directory, 'two', 'etcd'))).toBe(false);

    const made = await trireme('snapshot', 'restore', file, '--', ...flagsFor('two'));
    expect(made).toMatchObject({ code: 0 });
    const dir = join(directory, 'two');
    expect(made.stdout).toContain(`1. the keys of the file go to ${dir}/pki\n2. m1 gets the data`);
    const second = startMaster(flagsFor('two'), join(directory, 'two.log'));
    const configOfSecond = join(dir, 'admin.kubeconfig');
    await waitFor('the kubeconfig', async () => existsSync(configOfSecond), patienceMs);
    expect(await secretOf(configOfSecond)).toBe('kept');
    await end(second);
  }, 240_000);

  test('without keys makes the cluster of a home anew, with all its masters', async () => {
    const home = join(directory, 'home');
    const up = ['up', '--home', home, '--runtime', 'hollow', '--masters', '3', '--workers', '1'];
    expect(await trireme(...up, '--no-example')).toMatchObject({ code: 0 });
    const config = join(home, 'kubeconfig');
    await kubectl(config, 'create', 'secret', 'generic', 'hidden', '--from-literal=a=kept');
    const file = join(directory, 'home.db');
    expect(await trireme('snapshot', 'save', '--home', home, file)).toMatchObject({ code: 0 });
    await kubectl(config, 'delete', 'secret', 'hidden');
    const restore = ['snapshot', 'restore', file, '--home', home];
    expect(await trireme(...restore)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Stop it first: scripts/down --home ${home}`),
    });
    expect(await trireme('down', '--home', home)).toMatchObject({ code: 0 });
    const dry = await trireme(...restore, '--dry-run');
    expect(dry.stdout).toContain(
      '4. the data of master-3 are put aside\n5. the cluster is started',
    );
    expect(readdirSync(home).filter((name) => name.includes('.before-'))).toEqual([]);
    const done = await trireme(...restore);
    expect(done).toMatchObject({ code: 0 });
    expect(await secretOf(config)).toBe('kept');
    // The gateway that serves is the one that `down` ends.
    const record = JSON.parse(readFileSync(join(home, 'cluster.json'), 'utf8')) as ClusterRecord;
    if (record.gateway !== null) expect(isAlive(record.gateway.pid)).toBe(true);
    const status = await trireme('cluster', 'status', '--kubeconfig', config, '-o', 'json');
    const { members, nodes } = JSON.parse(status.stdout) as {
      members: { reachable: boolean; learner: boolean }[];
      nodes: { name: string; ready: boolean }[];
    };
    expect(members.filter(({ reachable, learner }) => reachable && !learner)).toHaveLength(3);
    expect(nodes).toEqual([expect.objectContaining({ name: 'worker-1', ready: true })]);
  }, 300_000);
});
