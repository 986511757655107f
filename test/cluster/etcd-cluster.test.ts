/** Three members as processes: what `etcdctl` can do with them, and what their deaths cost. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  freePorts,
  hasProgram,
  MemberProcess,
  run,
  TestCluster,
  waitFor,
} from './etcd-processes.js';

const possible = hasProgram('etcdctl');

(possible ? describe : describe.skip)('a cluster of three', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start(3, { extra: ['--snapshot-count', '200'] });
  }, 60_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function expectSameHashes(): Promise<void> {
    await waitFor('all members hold the same', async () => {
      const { stdout } = await cluster.ctl(['endpoint', 'hashkv']);
      const hashes = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(', ')[1]);
      return hashes.length === cluster.members.length && new Set(hashes).size === 1;
    });
  }

  test('every member serves what was written to another', async () => {
    for (const at of [0, 1, 2]) {
      expect((await cluster.ctl(['put', `from${at}`, `${at}`], { at })).stdout).toBe('OK\n');
    }
    for (const at of [0, 1, 2]) {
      const { stdout } = await cluster.ctl(['get', 'from', '--prefix', '--print-value-only'], {
        at,
      });
      expect(stdout).toBe('0\n1\n2\n');
    }
  }, 30_000);

  test('a watch sees changes made through another member', async () => {
    const watch = spawn('etcdctl', ['--endpoints', cluster.member(0).clientUrl, 'watch', 'w'], {
      env: { ...process.env, ETCDCTL_API: '3' },
    });
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await waitFor('the watch shows a change', async () => {
      await cluster.ctl(['put', 'w', 'x'], { at: 1 });
      return seen.includes('PUT\nw\nx\n');
    });
    watch.kill();
  }, 30_000);

  test('leases: keep-alive through a follower, keys go with the lease', async () => {
    const follower = ((await cluster.leader()) + 1) % 3;
    const granted = await cluster.ctl(['lease', 'grant', '60'], { at: follower });
    const id = granted.stdout.split(' ')[1] ?? '';
    expect(granted.stdout).toContain('granted with TTL(60s)');
    await cluster.ctl(['put', 'leased', 'v', `--lease=${id}`]);
    const alive = await cluster.ctl(['lease', 'keep-alive', '--once', id], { at: follower });
    expect(alive.stdout).toBe(`lease ${id} keepalived with TTL(60)\n`);
    const shown = await cluster.ctl(['lease', 'timetolive', id, '--keys'], { at: follower });
    expect(shown.stdout).toMatch(
      /granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)/,
    );
    expect((await cluster.ctl(['lease', 'revoke', id])).stdout).toBe(`lease ${id} revoked\n`);
    expect((await cluster.ctl(['get', 'leased'])).stdout).toBe('');
  }, 30_000);

  test('a lease that nobody keeps alive expires', async () => {
    const granted = await cluster.ctl(['lease', 'grant', '2']);
    const id = granted.stdout.split(' ')[1] ?? '';
    await cluster.ctl(['put', 'short', 'v', `--lease=${id}`]);
    await waitFor(
      'the key is gone',
      async () => (await cluster.ctl(['get', 'short'])).stdout === '',
    );
  }, 30_000);

  test('lock and elect hand over in turn', async () => {
    const lock = await cluster.ctl(['lock', 'mutex', 'echo', 'held']);
    expect(lock).toMatchObject({ code: 0, stdout: 'held\n' });
    const env = { ...process.env, ETCDCTL_API: '3' };
    const elect = spawn('etcdctl', ['--endpoints', cluster.endpoints, 'elect', 'seat', 'me'], {
      env,
    });
    let said = '';
    elect.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor('the election is won', () => said.includes('me\n'));
    elect.kill('SIGINT');
  }, 30_000);

  test('leadership moves on command', async () => {
    const leader = await cluster.leader();
    const target = (leader + 1) % 3;
    const list = await cluster.ctl(['member', 'list']);
    const line = list.stdout
      .split('\n')
      .find((one) => one.includes(cluster.member(target).peerUrl));
    const id = line?.split(',')[0] ?? '';
    const moved = await cluster.ctl(['move-leader', id]);
    expect(moved.stdout).toContain('Leadership transferred from');
    await waitFor('the target leads', async () => (await cluster.leader()) === target);
  }, 30_000);

  test('kill -9 of the leader under load: no acknowledged write is lost, and writing goes on', async () => {
    const acknowledged: string[] = [];
    const load = { stop: false };
    const survivors = async (): Promise<number> => ((await cluster.leader()) + 1) % 3;
    const at = await survivors();
    const writer = (async () => {
      for (let count = 0; !load.stop; count++) {
        const key = `load${String(count).padStart(5, '0')}`;
        const { code } = await cluster.ctl(['put', key, key, '--command-timeout=3s'], { at });
        if (code === 0) acknowledged.push(key);
      }
    })();
    await waitFor('some writes are acknowledged', () => acknowledged.length >= 20);
    const killed = await cluster.leader(at);
    await cluster.member(killed).stop('SIGKILL');
    const before = acknowledged.length;
    await waitFor('writes go on', () => acknowledged.length >= before + 20);
    load.stop = true;
    await writer;
    cluster.restart(killed);
    await cluster.healthy();
    for (const via of [0, 1, 2]) {
      const { stdout } = await cluster.ctl(['get', 'load', '--prefix', '--print-value-only'], {
        at: via,
      });
      const stored = new Set(stdout.trim().split('\n'));
      expect(acknowledged.filter((key) => !stored.has(key))).toEqual([]);
    }
    await expectSameHashes();
  }, 90_000);

  test('SIGTERM ends a member with 0, the others go on, and it comes back', async () => {
    const leader = await cluster.leader();
    expect(await cluster.member(leader).stop('SIGTERM')).toBe(0);
    const other = (leader + 1) % 3;
    expect((await cluster.ctl(['put', 'after-term', '1'], { at: other })).code).toBe(0);
    cluster.restart(leader);
    await cluster.healthy();
    expect(
      (await cluster.ctl(['get', 'after-term', '--print-value-only'], { at: leader })).stdout,
    ).toBe('1\n');
  }, 60_000);

  test('a member with a wiped disk is replaced by way of a learner', async () => {
    const lost = ((await cluster.leader()) + 1) % 3;
    const via = (lost + 1) % 3;
    const { peerUrl, dataDir, name } = cluster.member(lost);
    const idOf = async (): Promise<string> => {
      const { stdout } = await cluster.ctl(['member', 'list'], { at: via });
      return (
        stdout
          .split('\n')
          .find((line) => line.includes(peerUrl))
          ?.split(',')[0] ?? ''
      );
    };
    await cluster.member(lost).stop('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
    expect((await cluster.ctl(['member', 'remove', await idOf()], { at: via })).code).toBe(0);
    // A cluster whose members have only just met refuses it.
    await waitFor('the learner is added', async () => {
      const add = ['member', 'add', name, '--learner', `--peer-urls=${peerUrl}`];
      const { stdout } = await cluster.ctl(add, { at: via });
      return stdout.includes('ETCD_INITIAL_CLUSTER_STATE="existing"');
    });
    cluster.restart(lost, ['--initial-cluster-state', 'existing']);
    const id = await idOf();
    await waitFor('the learner can be promoted', async () => {
      const { stdout } = await cluster.ctl(['member', 'promote', id], { at: via });
      return stdout.includes('promoted in cluster');
    });
    await cluster.healthy();
    await expectSameHashes();
  }, 60_000);

  test('maintenance: snapshot, defragmentation, health', async () => {
    const path = `${cluster.directory}/saved.db`;
    expect((await cluster.ctl(['snapshot', 'save', path], { at: 0 })).stdout).toBe(
      `Snapshot saved at ${path}\n`,
    );
    const defrag = await cluster.ctl(['defrag']);
    expect(defrag.stdout.match(/Finished defragmenting etcd member/g)).toHaveLength(3);
    const status = await cluster.ctl(['endpoint', 'health']);
    expect(`${status.stdout}${status.stderr}`.match(/is healthy/g)).toHaveLength(3);
  }, 60_000);
});

(possible ? describe : describe.skip)('a member that was away while another was added', () => {
  let cluster: TestCluster;
  let added: MemberProcess | undefined;

  beforeAll(async () => {
    // One of three is away when the fourth is added.
    cluster = await TestCluster.start(3, { extra: ['--strict-reconfig-check=false'] });
  }, 60_000);

  afterAll(async () => {
    await added?.stop();
    await cluster?.stop();
  });

  // etcd's issue 3699: it must answer a leader of whom its own log knows nothing.
  test('follows the new one when it leads, and makes up its quorum', async () => {
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const { directory, initialCluster } = cluster;
    const program = [process.execPath, 'bin/trireme', 'etcd'];
    const fourth = new MemberProcess({ name: 'm4', clientPort, peerPort, directory, program });
    added = fourth;
    await cluster.member(0).stop('SIGTERM');
    const add = ['member', 'add', 'm4', `--peer-urls=${fourth.peerUrl}`];
    await waitFor('m4 is added', async () => (await cluster.ctl(add, { at: 1 })).code === 0);
    const all = `${initialCluster},m4=${fourth.peerUrl}`;
    fourth.start(all, ['--initial-cluster-state=existing']);
    const ask = (...args: string[]): ReturnType<typeof run> =>
      run('etcdctl', ['--endpoints', fourth.clientUrl, '--command-timeout=2s', ...args]);
    await waitFor('m4 takes part', async () => (await ask('get', 'x')).code === 0);
    await waitFor('m4 leads', async () => {
      const { stdout } = await ask('endpoint', 'status', '-w', 'json');
      const id = (/"member_id":(\d+)/.exec(stdout) ?? [])[1] ?? '0';
      if (new RegExp(`"leader":${id}\\b`).test(stdout)) return true;
      const endpoints = [1, 2].map((at) => cluster.member(at).clientUrl).join(',');
      await run('etcdctl', ['--endpoints', endpoints, 'move-leader', BigInt(id).toString(16)]);
      return false;
    });
    cluster.restart(0);
    await cluster.healthy([0]);
    await cluster.member(1).stop('SIGKILL');
    await waitFor('three of four go on', async () => (await ask('put', 'k', 'v')).code === 0);
  }, 60_000);
});
