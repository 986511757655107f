import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Registry } from '../../lib/metrics.js';
import type { ProxyMode } from '../types.js';
import { ProxyMetrics } from './proxy-metrics.js';

function set(mode: ProxyMode = 'iptables'): {
  readonly clock: ManualClock;
  readonly metrics: ProxyMetrics;
  readonly read: (name: string) => number | undefined;
} {
  const [clock, registry] = [new ManualClock(1_800_000_000_000), new Registry()];
  const metrics = new ProxyMetrics(registry, clock, mode);
  const read = (name: string): number | undefined => {
    const found = new RegExp(`^kubeproxy_sync_proxy_rules_${name} (.*)$`, 'm').exec(
      registry.metrics(),
    );
    return found === null ? undefined : Number(found[1]);
  };
  return { clock, metrics, read };
}

test('changes wait until a sync takes them', () => {
  const { clock, metrics, read } = set();
  for (const what of ['service', 'endpoint', 'endpoint'] as const) metrics.changed(what);
  metrics.queued();
  expect([read('service_changes_pending'), read('endpoint_changes_pending')]).toEqual([1, 2]);
  expect(read('last_queued_timestamp_seconds')).toBe(1_800_000_000);
  expect(read('last_timestamp_seconds')).toBe(0);
  clock.advance(250);
  metrics.began();
  // What comes now is for the next sync.
  metrics.changed('service');
  metrics.queued();
  metrics.synced(250);
  expect([read('service_changes_pending'), read('endpoint_changes_pending')]).toEqual([1, 0]);
  expect([read('service_changes_total'), read('endpoint_changes_total')]).toEqual([2, 2]);
  expect(read('last_queued_timestamp_seconds')).toBe(1_800_000_000.25);
  expect(read('last_timestamp_seconds')).toBe(1_800_000_000.25);
  expect([read('duration_seconds_count'), read('duration_seconds_sum')]).toEqual([1, 0.25]);
  expect(metrics.syncedAtMs).toBe(1_800_000_000_250);
});

test('rules are behind from the oldest change that is not in force', () => {
  const { clock, metrics, read } = set();
  expect(metrics.behindMs).toBe(0);
  metrics.queued();
  clock.advance(1000);
  metrics.queued();
  expect(metrics.behindMs).toBe(1000);
  metrics.began();
  clock.advance(1000);
  expect(metrics.behindMs).toBe(2000);
  // A failure leaves them behind, and a later attempt counts from the first change still.
  metrics.failed();
  metrics.queued();
  clock.advance(1000);
  metrics.began();
  expect(metrics.behindMs).toBe(3000);
  expect(read('iptables_restore_failures_total')).toBe(1);
  expect(metrics.syncedAtMs).toBeUndefined();
  metrics.synced(5);
  expect(metrics.behindMs).toBe(0);
  // A change that came in the midst of a sync waits for the next.
  metrics.queued();
  metrics.began();
  clock.advance(10);
  metrics.queued();
  clock.advance(10);
  metrics.synced(20);
  expect(metrics.behindMs).toBe(10);
});

test('failures are counted under the name of the mode', () => {
  const { metrics, read } = set('nftables');
  metrics.failed();
  expect(read('nftables_sync_failures_total')).toBe(1);
  expect(read('iptables_restore_failures_total')).toBeUndefined();
});
