/** Moving in and out: snapshots between our store and a real etcd, both ways, with the genuine `etcdctl`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
let running: (MemberProcess | TestCluster)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-snapshot-'));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  rmSync(directory, { recursive: true, force: true });
});

type Ctl = (...args: string[]) => Promise<string>;

/** Keys with history, a deletion, a compaction, a large value, a lease, users and roles. */
async function fill(ctl: Ctl): Promise<void> {
  for (let at = 1; at <= 5; at++) await ctl('put', `k${at}`, `v${at}`);
  await ctl('del', 'k2');
  await ctl('put', 'k1', 'second');
  await ctl('put', 'large', 'x'.repeat(50_000));
  await ctl('compaction', '4');
  await ctl('role', 'add', 'r');
  await ctl('role', 'grant-permission', 'r', 'readwrite', 'k', '--prefix=true');
  await ctl('user', 'add', 'u:secret');
  await ctl('user', 'grant-role', 'u', 'r');
  const [, id = ''] = /lease (\w+) granted/.exec(await ctl('lease', 'grant', '3000')) ?? [];
  await ctl('put', 'leased', 'x', `--lease=${id}`);
}

/** All that must survive, without the ids of the cluster. */
async function content(ctl: Ctl): Promise<unknown> {
  const leases = await ctl('lease', 'list');
  const id = /\n(\w+)/.exec(leases)?.[1] ?? '';
  const ttl = await ctl('lease', 'timetolive', id, '--keys');
  const { kvs } = JSON.parse(await ctl('get', '', '--from-key', '-w', 'json')) as { kvs: unknown };
  return {
    kvs,
    old: await ctl('get', 'k1', '--rev=6'),
    deleted: await ctl('get', 'k2', '--rev=5'),
    leases,
    lease: ttl.replace(/remaining\(\d+s\)/, ''),
    user: await ctl('user', 'get', 'u'),
    role: await ctl('role', 'get', 'r'),
  };
}

function ctlOf(member: MemberProcess): Ctl {
  return async (...args) => {
    const { code, stdout, stderr } = await run('etcdctl', [
      `--endpoints=${member.clientUrl}`,
      ...args,
    ]);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout;
  };
}

async function restore(program: readonly string[], snapshot: string, member: MemberProcess) {
  const [first = '', ...rest] = program;
  return run(first, [
    ...rest,
    'snapshot',
    'restore',
    snapshot,
    `--name=${member.name}`,
    `--data-dir=${member.dataDir}`,
    `--initial-cluster=${member.name}=${member.peerUrl}`,
    `--initial-advertise-peer-urls=${member.peerUrl}`,
    '--initial-cluster-token=again',
  ]);
}

async function newMember(name: string, program: readonly string[]): Promise<MemberProcess> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const member = new MemberProcess({ name, clientPort, peerPort, directory, program });
  running.push(member);
  return member;
}

async function healthy(member: MemberProcess): Promise<Ctl> {
  const ctl = ctlOf(member);
  await waitFor(`${member.name} serves`, async () => {
    const args = [`--endpoints=${member.clientUrl}`, 'get', 'x', '--command-timeout=1s'];
    return (await run('etcdctl', args)).code === 0;
  });
  return ctl;
}

(possible ? describe : describe.skip)('snapshots', () => {
  test.each([
    ['ours into a real etcd', ours, real, ['etcdctl']],
    ['a real etcd into ours', real, ours, ours],
    ['ours into ours', ours, ours, ours],
  ])(
    '%s: keys, revisions, leases, users and roles are kept',
    async (_, fromProgram, toProgram, tool) => {
      const from = await TestCluster.start(1, { program: fromProgram });
      running.push(from);
      const before = ctlOf(from.member(0));
      await fill(before);
      const wanted = await content(before);
      const snapshot = join(directory, 'snapshot.db');
      await before('snapshot', 'save', snapshot);
      const status = ['snapshot', 'status', snapshot, '-w', 'json'];
      const theirs = await run('etcdctl', status);
      const mine = await run(process.execPath, ['bin/trireme', 'etcd', ...status]);
      expect(theirs.code).toBe(0);
      expect(JSON.parse(mine.stdout)).toEqual(JSON.parse(theirs.stdout));
      await from.stop();

      const to = await newMember('restored', toProgram);
      expect(await restore(tool, snapshot, to)).toMatchObject({ code: 0 });
      to.start(`${to.name}=${to.peerUrl}`);
      const after = await healthy(to);
      expect(await content(after)).toEqual(wanted);
      await after('user', 'add', 'root:pw');
      await after('role', 'add', 'root');
      await after('user', 'grant-role', 'root', 'root');
      await after('auth', 'enable');
      expect(await after('--user=u:secret', 'get', 'k1')).toBe('k1\nsecond\n');
      expect(await after('--user=u:secret', 'put', 'k9', 'new')).toBe('OK\n');
    },
    60_000,
  );

  test('three members restored from one file are one cluster', async () => {
    const from = await TestCluster.start(1);
    running.push(from);
    const before = ctlOf(from.member(0));
    await fill(before);
    const wanted = await content(before);
    const snapshot = join(directory, 'snapshot.db');
    await before('snapshot', 'save', snapshot);
    await from.stop();
    const members = await Promise.all(['a', 'b', 'c'].map((name) => newMember(name, ours)));
    const cluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
    for (const { name, dataDir, peerUrl } of members) {
      const flags = `--name ${name} --data-dir ${dataDir} --initial-cluster ${cluster}`;
      const { code } = await run(process.execPath, [
        'bin/trireme',
        'etcd',
        'snapshot',
        'restore',
        snapshot,
        ...flags.split(' '),
        '--initial-advertise-peer-urls',
        peerUrl,
      ]);
      expect(code).toBe(0);
    }
    for (const member of members) member.start(cluster);
    for (const member of members) {
      const ctl = await healthy(member);
      expect(await content(ctl)).toEqual(wanted);
    }
    expect(await ctlOf(members[0]!)('put', 'k9', 'new')).toBe('OK\n');
  }, 60_000);

  test('a damaged or incomplete file is refused', async () => {
    const from = await TestCluster.start(1);
    running.push(from);
    const snapshot = join(directory, 'snapshot.db');
    await ctlOf(from.member(0))('snapshot', 'save', snapshot);
    const bytes = readFileSync(snapshot);
    const member = await newMember('m', ours);
    const damaged = Buffer.from(bytes);
    damaged[3 * 4096 + 20] = 0xff;
    writeFileSync(snapshot, damaged);
    expect(await restore(ours, snapshot, member)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected sha256'),
    });
    writeFileSync(snapshot, bytes.subarray(0, bytes.length - 32));
    expect(await restore(ours, snapshot, member)).toMatchObject({
      code: 1,
      stderr: 'Error: snapshot missing hash but --skip-hash-check=false\n',
    });
    writeFileSync(snapshot, bytes);
    expect(await restore(ours, snapshot, member)).toMatchObject({ code: 0 });
    expect(await restore(ours, snapshot, member)).toMatchObject({
      code: 1,
      stderr: `Error: data-dir "${member.dataDir}" not empty or could not be read\n`,
    });
  }, 60_000);
});
