/** Data directories that the genuine `etcdctl snapshot restore` made, started by our program as they are. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  freePorts,
  hasProgram,
  MemberProcess,
  run,
  TestCluster,
  waitFor,
} from './etcd-processes.js';

const possible = hasProgram('etcd') && hasProgram('etcdctl');
const ours = [process.execPath, 'bin/trireme', 'etcd'];
const real = ['etcd', '--logger=zap'];

let directory = '';
let running: { stop(): Promise<unknown> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-adopt-'));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  rmSync(directory, { recursive: true, force: true });
});

(possible ? describe : describe.skip)('a data directory of a real etcd', () => {
  test('restored for three members, it is taken over with its revisions', async () => {
    const source = await TestCluster.start(1, { program: real });
    running.push(source);
    for (let at = 1; at <= 20; at++) await source.ctl(['put', `k${at % 7}`, `v${at}`]);
    await source.ctl(['compaction', '9']);
    const all = ['get', '', '--prefix', '-w', 'json'];
    const kvs = (text: string): unknown => (JSON.parse(text) as { kvs: unknown }).kvs;
    const wanted = kvs((await source.ctl(all)).stdout);
    const file = join(directory, 'file.db');
    expect((await source.ctl(['snapshot', 'save', file])).code).toBe(0);

    const ports = await freePorts(6);
    const members = [0, 1, 2].map((at) => {
      const [clientPort = 0, peerPort = 0] = ports.slice(2 * at);
      return new MemberProcess({
        name: `m${at + 1}`,
        clientPort,
        peerPort,
        directory,
        program: ours,
      });
    });
    const cluster = members.map((one) => `${one.name}=${one.peerUrl}`).join(',');
    for (const one of members) {
      const restore = ['snapshot', 'restore', file, `--data-dir=${one.dataDir}`];
      const flags = [`--name=${one.name}`, `--initial-advertise-peer-urls=${one.peerUrl}`];
      const args = [...restore, ...flags, `--initial-cluster=${cluster}`];
      expect((await run('etcdctl', args)).code).toBe(0);
      one.start(cluster);
      running.push(one);
    }
    const ctl = (at: number, args: string[]): ReturnType<typeof run> =>
      run('etcdctl', [`--endpoints=${members[at]?.clientUrl}`, ...args]);
    for (const at of [0, 1, 2]) {
      await waitFor(`member ${at} serves`, async () => (await ctl(at, ['get', 'k1'])).code === 0);
      expect(kvs((await ctl(at, all)).stdout)).toEqual(wanted);
    }
    const compacted = await ctl(1, ['get', 'k1', '--rev=5']);
    expect(compacted.stderr).toContain('required revision has been compacted');
    expect((await ctl(0, ['put', 'new', 'x'])).code).toBe(0);

    // Nothing of etcd's stays, and a restart finds a member of ours.
    const [first] = members;
    if (first === undefined) throw new Error('there are three members');
    expect(existsSync(join(first.dataDir, 'etcd-restored'))).toBe(false);
    await first.stop();
    first.start(cluster);
    await waitFor(
      'it serves again',
      async () => (await ctl(0, ['get', 'new'])).stdout === 'new\nx\n',
    );
  }, 60_000);

  test('of a member that has run, it is refused in plain words and left as it is', async () => {
    const source = await TestCluster.start(1, { program: real });
    running.push(source);
    await source.ctl(['put', 'k', 'v']);
    const member = source.member(0);
    await member.stop('SIGTERM');
    const args = [`--data-dir=${member.dataDir}`, '--listen-client-urls=http://127.0.0.1:1'];
    const [program = '', ...first] = ours;
    const advertise = '--advertise-client-urls=http://127.0.0.1:1';
    const { code, stdout, stderr } = await run(program, [...first, ...args, advertise]);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('is that of a real etcd: save a snapshot of it');
    source.restart(0);
    await waitFor(
      'the etcd goes on',
      async () => (await source.ctl(['get', 'k'])).stdout === 'k\nv\n',
    );
  }, 60_000);
});
