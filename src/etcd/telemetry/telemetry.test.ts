import { expect, test } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Telemetry } from './telemetry.js';

/** The lines of a metric that are not 0. */
function counted(telemetry: Telemetry, name: string): string[] {
  return telemetry.registry
    .metrics()
    .split('\n')
    .filter((line) => line.startsWith(name) && !line.endsWith(' 0'));
}

test('two members in one process do not mix', () => {
  const [one, other] = [new Telemetry(), new Telemetry()];
  one.server.proposalFailed();
  one.server.leaderChanged(7n, true);
  one.grpc.unary('3.5');
  one.grpc.method({ service: 'etcdserverpb.KV', method: 'Put', type: 'unary' }).started();
  one.network.peer(1n, 2n).sent(100);
  one.network.receivedFrom(2n).bytes(50);
  const names = [
    'etcd_server_proposals_failed_total',
    'etcd_server_is_leader',
    'etcd_server_leader_changes_seen_total',
    'etcd_server_client_requests_total',
    'grpc_server_started_total',
    'etcd_network_peer_sent_bytes_total',
    'etcd_network_peer_received_bytes_total',
  ];
  expect(names.map((name) => counted(one, name).length)).toEqual(names.map(() => 1));
  expect(names.flatMap((name) => counted(other, name))).toEqual([]);
  other.server.leaderChanged(7n, false);
  expect(counted(other, 'etcd_server_leader_changes_seen_total')).toHaveLength(1);
  expect(counted(other, 'etcd_server_is_leader')).toEqual([]);
});

test('no module of the store keeps metrics of its own', () => {
  const root = join(process.cwd(), 'src/etcd');
  const keeping = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      return /^(?:export )?const \w+ = new (?:Registry|Counter|Gauge|Histogram|Telemetry)\b/m.test(
        text,
      );
    });
  expect(keeping).toEqual([]);
});
