/**
 * Disasters and rarely used paths of the store, by process: lost quorum, a full database, settings that few clusters
 * use.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { hasProgram, run, TestCluster, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl');

let cluster: TestCluster | undefined;
let directory = '';

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
});

async function start(count: number, extra: readonly string[] = []): Promise<TestCluster> {
  cluster = await TestCluster.start(count, { extra });
  return cluster;
}

async function ok(one: TestCluster, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await one.ctl(args, { at: 0 });
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout;
}

(possible ? describe : describe.skip)('the store', () => {
  test('--force-new-cluster: a survivor goes on alone with all data, and others join', async () => {
    const three = await start(3);
    for (let at = 0; at < 5; at++) await ok(three, 'put', `k${at}`, 'v');
    await Promise.all(three.members.map((member) => member.stop()));
    three.restart(0, ['--force-new-cluster']);
    await three.healthy([0]);
    expect((await ok(three, 'member', 'list')).trim().split('\n')).toHaveLength(1);
    expect(await ok(three, 'get', 'k', '--prefix', '--keys-only', '-w', 'json')).toContain(
      '"count":5',
    );
    await ok(three, 'put', 'after', 'x');
    await three.member(0).stop('SIGTERM');
    three.restart(0);
    await three.healthy([0]);
    expect(await ok(three, 'get', 'after')).toBe('after\nx\n');
    const joining = three.member(1);
    rmSync(joining.dataDir, { recursive: true });
    await ok(three, 'member', 'add', joining.name, `--peer-urls=${joining.peerUrl}`);
    const names = [three.member(0), joining].map(({ name, peerUrl }) => `${name}=${peerUrl}`);
    joining.start(names.join(','), ['--initial-cluster-state=existing']);
    await three.healthy([0, 1]);
    const read = await three.ctl(['get', 'after', '--consistency=s'], { at: 1 });
    expect(read.stdout).toBe('after\nx\n');
  }, 60_000);

  test('a full database refuses writes until space is made and the alarm is disarmed', async () => {
    const one = await start(1, ['--quota-backend-bytes=1000000']);
    const full = 'etcdserver: mvcc: database space exceeded';
    const value = 'x'.repeat(100_000);
    let refused = '';
    for (let at = 0; at < 30 && refused === ''; at++) {
      const { code, stderr } = await one.ctl(['put', 'k', value]);
      if (code !== 0) refused = stderr;
    }
    expect(refused).toContain(full);
    const raised = /^memberID:\d+ alarm:NOSPACE/;
    expect(await ok(one, 'alarm', 'list')).toMatch(raised);
    await one.member(0).stop('SIGTERM');
    one.restart(0);
    await one.healthy();
    expect(await ok(one, 'alarm', 'list')).toMatch(raised);
    expect((await one.ctl(['put', 'small', 'x'])).stderr).toContain(full);
    expect((await one.ctl(['lease', 'grant', '100'])).stderr).toContain(full);
    expect(await ok(one, 'del', 'none')).toBe('0\n');
    const header = JSON.parse(await ok(one, 'get', 'k', '-w', 'json')) as {
      header: { revision: number };
    };
    await ok(one, 'compaction', '--physical', String(header.header.revision));
    await ok(one, 'defrag');
    await ok(one, 'alarm', 'disarm');
    expect(await ok(one, 'put', 'small', 'x')).toBe('OK\n');
    expect(await ok(one, 'alarm', 'list')).toBe('');
  }, 60_000);

  test('a follower whose quota is smaller refuses for all', async () => {
    const three = await start(3);
    const at = ((await three.leader()) + 1) % 3;
    await three.member(at).stop();
    three.restart(at, ['--quota-backend-bytes=400000']);
    await three.healthy([at]);
    const via = (at + 1) % 3;
    const value = 'x'.repeat(150_000);
    await three.put(via, { a: value, b: value });
    // The third exceeds it: acknowledged, since the member that was asked has room.
    await three.put(via, { c: value });
    let alarms = '';
    await waitFor('the alarm is raised', async () => {
      alarms = await ok(three, 'alarm', 'list');
      return alarms !== '';
    });
    const { stdout } = await three.ctl(['member', 'list', '-w', 'json'], { at: via });
    const list = stdout.replaceAll(/"ID":(\d+)/g, '"ID":"$1"');
    const { members } = JSON.parse(list) as { members: { ID: string; name: string }[] };
    const id = members.find(({ name }) => name === three.member(at).name)?.ID;
    expect(alarms).toBe(`memberID:${id} alarm:NOSPACE \n`);
    const { stderr } = await three.ctl(['put', 'd', 'x'], { at: via });
    expect(stderr).toContain('etcdserver: mvcc: database space exceeded');
  }, 120_000);

  test('periodic auto-compaction', async () => {
    const one = await start(1, ['--auto-compaction-retention=1s']);
    await ok(one, 'put', 'k', '1');
    await ok(one, 'put', 'k', '2');
    await waitFor('the first revision is compacted', async () => {
      await ok(one, 'put', 'k', 'more');
      const { stderr } = await one.ctl(['get', 'k', '--rev=2']);
      return stderr.includes('required revision has been compacted');
    });
  }, 60_000);

  test('JWT tokens, made by one member and taken by all', async () => {
    directory = mkdtempSync(join(tmpdir(), 'trireme-jwt-'));
    const [key, pub] = [join(directory, 'key.pem'), join(directory, 'pub.pem')];
    execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
    execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-out', pub], { stdio: 'ignore' });
    const token = `jwt,pub-key=${pub},priv-key=${key},sign-method=RS256,ttl=10m`;
    const three = await start(3, [`--auth-token=${token}`]);
    await ok(three, 'user', 'add', 'root:pw');
    await ok(three, 'role', 'add', 'root');
    await ok(three, 'user', 'grant-role', 'root', 'root');
    await ok(three, 'auth', 'enable');
    for (const at of [0, 1, 2]) {
      const { stdout } = await three.ctl(['--user=root:pw', 'put', 'k', String(at)], { at });
      expect(stdout).toBe('OK\n');
    }
    expect((await three.ctl(['get', 'k'], { at: 1 })).stderr).toContain('user name is empty');
  }, 60_000);

  test('a call that requires a leader fails while there is none', async () => {
    const three = await start(3);
    await Promise.all([1, 2].map((at) => three.member(at).stop()));
    const call = async (): Promise<string> => {
      const response = await fetch(`${three.member(0).clientUrl}/metrics`);
      return response.text();
    };
    await waitFor('the leader is gone', async () =>
      (await call()).includes('etcd_server_has_leader 0\n'),
    );
    const { stderr } = await three.ctl(['watch', 'k'], { at: 0 });
    expect(stderr).toContain('etcdserver: no leader');
  }, 60_000);

  test("metrics carry etcd's names", async () => {
    const one = await start(1);
    await ok(one, 'put', 'k', 'v');
    let text = '';
    // A new member still makes itself known to the cluster meanwhile.
    await waitFor('nothing waits for the log', async () => {
      const response = await fetch(`${one.member(0).clientUrl}/metrics`);
      text = await response.text();
      return text.includes('\netcd_server_proposals_pending 0\n');
    });
    for (const name of [
      'etcd_server_has_leader 1',
      'etcd_server_is_leader 1',
      'etcd_server_leader_changes_seen_total 1',
      'etcd_server_proposals_committed_total',
      'etcd_server_proposals_applied_total',
      'etcd_server_proposals_failed_total 0',
      'etcd_server_quota_backend_bytes 2147483648',
      'etcd_disk_wal_fsync_duration_seconds_count',
      'etcd_disk_backend_commit_duration_seconds_count',
      'etcd_mvcc_db_total_size_in_bytes',
      'etcd_mvcc_db_total_size_in_use_in_bytes',
      'etcd_debugging_mvcc_keys_total 1',
      'etcd_debugging_mvcc_current_revision 2',
      'etcd_debugging_mvcc_watcher_total 0',
    ]) {
      expect(text).toContain(`\n${name}`);
    }
    expect(text).toMatch(
      /grpc_server_handled_total\{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"\} 1/,
    );
  }, 60_000);

  test.each([
    '--enable-v2=true',
    '--enable-pprof=true',
    '--discovery=https://discovery.example',
    '--socket-reuse-port=true',
    '--nonsense=1',
  ])('%s is refused by name', async (flag) => {
    const { code, stderr } = await run(process.execPath, ['bin/trireme', 'etcd', flag]);
    expect(code).toBe(2);
    expect(stderr).toContain(flag.slice(1, flag.indexOf('=')));
  });

  test("settings come from etcd's configuration file", async () => {
    directory = mkdtempSync(join(tmpdir(), 'trireme-config-'));
    const file = join(directory, 'etcd.yml');
    writeFileSync(file, 'name: x\nclient-transport-security:\n  cert-file:\nnonsense: 1\n');
    const refused = await run(process.execPath, ['bin/trireme', 'etcd', '--config-file', file]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('nonsense') });
  });
});
