/**
 * The same `etcdctl` calls against a real etcd and against ours print the same, ids and times apart. The test compares
 * with the etcd that is first in the path (`PATH=/where/it/is:$PATH`), and leaves out what differs between versions.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hasProgram, TestCluster } from './etcd-processes.js';

const possible = hasProgram('etcd') && hasProgram('etcdctl');

/** Calls in order; a line with `<` has standard input behind it. */
const calls: readonly (readonly [args: string, input?: string])[] = [
  ...[1, 2, 3, 4, 5].map((at) => [`put key${at} v${6 - at}`] as const),
  ['put key3 second'],
  ['put other x'],
  ['get key --prefix'],
  ['get key --prefix --sort-by=VALUE --order=DESCEND'],
  ['get key --prefix --sort-by=MODIFY'],
  ['get key --prefix --sort-by=VERSION --order=ASCEND'],
  ['get key --prefix --limit 2'],
  ['get key --prefix --keys-only'],
  ['get key --prefix --print-value-only'],
  ['get key2 key4'],
  ['get key2 --from-key'],
  ['get --rev 3 key --prefix'],
  ['get --rev 999 key1'],
  ['get none'],
  ['get key1 -w json'],
  ['get key1 -w fields'],
  ['get key --prefix --consistency=s'],
  ['put key1 new --prev-kv'],
  ['put key1 --ignore-value'],
  ['put nope --ignore-value'],
  ['put --ignore-lease nope v'],
  ['put --lease=123 foo bar'],
  ['del key2'],
  ['del key2'],
  ['del key --prefix --prev-kv'],
  ['put a 1'],
  ['put b 2'],
  ['txn', 'value("a") = "1"\nversion("b") > "0"\n\nput c 3\nget a\ndel b\n\nput d 4\n\n'],
  ['txn -w json', 'mod("a") = "0"\n\nput c 3\n\nput d 4\nget a\n\n'],
  ['txn', 'mod("a") = "0"\n\nput c 3\nput c 4\n\nget c\n\n'],
  ['txn', 'value("zz") = "0"\n\nput c 3\n\nget c\n\n'],
  ['txn', 'create("zz") = "0"\n\nput zz 3\n\nget zz\n\n'],
  // A deletion with an open end does not count as an overlap, and takes what the same transaction has put.
  ['txn -w json', 'create("zy") = "0"\n\nput zx 3\ndel zw --from-key\nget z --prefix\n\n\n'],
  ['put zx 4 --prev-kv -w json'],
  ['txn', 'create("zy") = "0"\n\nput zx 3\ndel zx --from-key\n\n\n'],
  ['put zz 3'],
  ['watch --rev 3 zz --command-timeout=1s', ''],
  ['compaction 5'],
  ['compaction 5'],
  ['compaction 1000'],
  ['get --rev 3 a'],
  ['compaction --physical 10'],
  ['lease list'],
  ['lease timetolive 1234abcd'],
  ['lease revoke 1234abcd'],
  ['lease keep-alive --once 1234abcd'],
  ['lease grant 99999999999'],
  ['alarm list'],
  ['alarm disarm'],
  ['defrag'],
  ['member remove 1234'],
  ['member promote 1234'],
  ['member update 1234 --peer-urls http://127.0.0.1:1'],
  ['move-leader 1234'],
  ['role add r1'],
  ['role add r1'],
  ['role grant-permission r1 readwrite foo fox'],
  ['role grant-permission r1 read x --prefix'],
  ['role get r1'],
  ['role get none'],
  ['role revoke-permission r1 nope'],
  ['role list'],
  ['user add u1:pw'],
  ['user add u1:pw'],
  ['user add u2 --no-password'],
  ['user grant-role u1 r1'],
  ['user grant-role u1 none'],
  ['user get u1 --detail'],
  ['user revoke-role u1 none'],
  ['auth enable'],
  ['user add root:pw'],
  ['role add root'],
  ['user grant-role root root'],
  ['auth enable'],
  ['get a'],
  ['user list'],
  ['member add x --peer-urls=http://127.0.0.1:1'],
  ['--user u1:bad get a'],
  ['--user u1:pw get a'],
  ['--user u1:pw put fop 1'],
  ['--user u1:pw get fop'],
  ['--user u1:pw user list'],
  ['--user u1:pw user get u1'],
  ['--user u2:pw get a'],
  ['--user root:pw role get root'],
  ['--user u1:pw defrag'],
  ['--user u1:pw member remove 1234'],
  ['--user root:pw get a'],
  ['--user root:pw user delete root'],
  ['--user root:pw role delete r1'],
  ['--user root:pw auth disable'],
  ['--user root:pw get a'],
];

/** Takes out what differs from run to run: ids, times, and the client library's own log lines' heads. */
function settled(text: string): string {
  return text
    .replaceAll(/"(cluster_id|member_id)":\d+/g, '"$1":0')
    .replaceAll(/"(ClusterID|MemberID)" : \d+/g, '"$1" : 0')
    .replaceAll(/"ts":"[^"]*"/g, '"ts":""')
    .replaceAll(/endpoint:\/\/client-[0-9a-f-]+\/[0-9.:]+/g, 'endpoint')
    .replaceAll(/etcd-endpoints:\/\/0x[0-9a-f]+\/[0-9.:]+/g, 'endpoint')
    .replaceAll(/Addr: '127\.0\.0\.1:\d+'/g, 'Addr')
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'endpoint');
}

(possible ? describe : describe.skip)('etcdctl prints the same as against a real etcd', () => {
  let ours: TestCluster;
  let real: TestCluster;

  beforeAll(async () => {
    [ours, real] = await Promise.all([
      TestCluster.start(1),
      TestCluster.start(1, { program: ['etcd', '--logger=zap'] }),
    ]);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([ours?.stop(), real?.stop()]);
  });

  test('call by call', async () => {
    const differences: unknown[] = [];
    for (const [line, input] of calls) {
      const args = line.split(' ');
      const options = input === undefined ? {} : { input };
      const [mine, theirs] = await Promise.all([ours.ctl(args, options), real.ctl(args, options)]);
      const got = { line, code: mine.code, out: settled(mine.stdout), err: settled(mine.stderr) };
      const want = {
        line,
        code: theirs.code,
        out: settled(theirs.stdout),
        err: settled(theirs.stderr),
      };
      if (JSON.stringify(got) !== JSON.stringify(want)) differences.push({ got, want });
    }
    expect(differences).toEqual([]);
  }, 180_000);

  test('the metrics that both show are of the same types, and count the same', async () => {
    const [mine, theirs] = await Promise.all([metricsOf(ours), metricsOf(real)]);
    const shared = [...theirs.types].filter(([name]) => mine.types.has(name));
    expect(shared.filter(([name, type]) => mine.types.get(name) !== type)).toEqual([]);
    const missing = [...theirs.types.keys()].filter((name) => !mine.types.has(name));
    expect(missing.filter((name) => !notShown.some((part) => name.startsWith(part)))).toEqual([]);
    const counted = [
      'etcd_mvcc_put_total',
      'etcd_mvcc_delete_total',
      'etcd_debugging_mvcc_keys_total',
      'etcd_debugging_mvcc_current_revision',
      'etcd_debugging_mvcc_total_put_size_in_bytes',
      'etcd_debugging_lease_granted_total',
    ];
    const values = (from: ReadonlyMap<string, number>): unknown[] =>
      counted.map((name) => [name, from.get(name)]);
    expect(values(mine.values)).toEqual(values(theirs.values));
    // Labels and all: there are those who look for a whole line.
    const calls = [...theirs.values.keys()].filter((name) =>
      /^(?:grpc_server_(?:started|handled)|etcd_server_client_requests)_total/.test(name),
    );
    expect(calls).not.toEqual([]);
    expect(calls.filter((name) => !mine.values.has(name))).toEqual([]);
  });
});

/**
 * Names, or how they begin, of what only a Go program, bbolt or etcd's v2 store has, or what docs/ETCD-API.md says is
 * missing.
 */
const notShown = [
  'go_',
  'promhttp_',
  'process_virtual_memory_max_bytes',
  'process_network_',
  'grpc_server_msg_',
  'etcd_grpc_proxy_',
  'etcd_debugging_disk_backend_commit_',
  'etcd_debugging_snap_',
  'etcd_debugging_store_',
  'etcd_debugging_mvcc_put_total',
  'etcd_debugging_mvcc_delete_total',
  'etcd_debugging_mvcc_txn_total',
  'etcd_debugging_mvcc_db_total_size_in_bytes',
  'etcd_disk_wal_write_duration_seconds',
  'etcd_mvcc_db_open_read_transactions',
  'etcd_server_apply_duration_seconds',
  'etcd_server_go_version',
  'etcd_snap_',
];

async function metricsOf(
  cluster: TestCluster,
): Promise<{ readonly types: Map<string, string>; readonly values: Map<string, number> }> {
  const answer = await fetch(`${cluster.member(0).clientUrl}/metrics`);
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of (await answer.text()).split('\n')) {
    const [first = '', second = '', name = '', type = ''] = line.split(' ');
    if (first === '#' && second === 'TYPE') types.set(name, type);
    else if (first !== '#') values.set(first, Number(second));
  }
  return { types, values };
}
