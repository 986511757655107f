import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { observeKnownPeers, timedRanges } from './added-in-36.js';
import { Telemetry } from './telemetry.js';

/** The lines of a metric. */
function shown({ registry }: Telemetry, name: string): string[] {
  return registry
    .metrics()
    .split('\n')
    .filter((line) => line.startsWith(name));
}

test('members are known until they are removed', () => {
  const telemetry = new Telemetry();
  const known = { localId: 10n, members: [{ id: 10n }, { id: 11n }], removedIds: [] as bigint[] };
  observeKnownPeers(telemetry.set, known);
  const both = (): string[] => shown(telemetry, 'etcd_network_known_peers');
  expect(both()).toEqual([
    'etcd_network_known_peers{Local="a",Remote="a"} 1',
    'etcd_network_known_peers{Local="a",Remote="b"} 1',
  ]);
  known.members.pop();
  known.removedIds.push(11n);
  expect(both()[1]).toBe('etcd_network_known_peers{Local="a",Remote="b"} 0');
});

test('ranges are timed by their outcome', () => {
  const telemetry = new Telemetry();
  const clock = new ManualClock();
  const timed = timedRanges(telemetry.set, clock);
  const read = timed(() => {
    clock.advance(500);
    return 'pairs';
  });
  expect(read).toBe('pairs');
  const refused = new Error('compacted');
  const refuse = (): never => {
    throw refused;
  };
  expect(() => timed(refuse)).toThrow(refused);
  const lines = shown(telemetry, 'etcd_server_range_duration_seconds');
  expect(lines).toEqual(
    expect.arrayContaining([
      'etcd_server_range_duration_seconds_bucket{le="0.4096",success="true"} 0',
      'etcd_server_range_duration_seconds_bucket{le="0.8192",success="true"} 1',
      'etcd_server_range_duration_seconds_bucket{le="52.4288",success="true"} 1',
      'etcd_server_range_duration_seconds_sum{success="true"} 0.5',
      'etcd_server_range_duration_seconds_count{success="true"} 1',
      'etcd_server_range_duration_seconds_count{success="false"} 1',
    ]),
  );
});
