/** The metrics that etcd 3.6 has added; a member that answers as 3.5 does not show them. */
import type { Clock } from '../../lib/clock.js';
import { Gauge } from '../../lib/metrics.js';
import { exponential } from './metric-set.js';
import type { MetricSet } from './metric-set.js';

/** The members of a cluster as one of them knows them. */
export interface KnownMembers {
  readonly localId: bigint;
  readonly members: readonly { readonly id: bigint }[];
  /** Members that have been removed; their ids never come back. */
  readonly removedIds: readonly bigint[];
}

/** Shows the members, the local one among them, by 1, and by 0 those that have been removed. Called once. */
export function observeKnownPeers(set: MetricSet, known: KnownMembers): void {
  const labelNames = ['Local', 'Remote'] as const;
  const collect = (metric: Gauge<'Local' | 'Remote'>): void => {
    const show = (id: bigint, value: number): void =>
      metric.set({ Local: known.localId.toString(16), Remote: id.toString(16) }, value);
    for (const { id } of known.members) show(id, 1);
    for (const id of known.removedIds) show(id, 0);
  };
  const name = 'etcd_network_known_peers';
  const help = 'The current number of known peers.';
  set.registry.registerMetric(new Gauge({ name, help, labelNames, collect }));
}

/** Runs a range and counts its time, by whether it succeeds. */
export type TimedRange = <T>(read: () => T) => T;

/** Shows how long ranges take from now on; called once. */
export function timedRanges(set: MetricSet, clock: Clock): TimedRange {
  const seconds = set.histogram(
    'etcd_server_range_duration_seconds',
    'The latency distributions of txn.Range',
    exponential(0.0001, 20),
    'success',
  );
  return (read) => {
    const startMs = clock.monotonicMs();
    let success = false;
    try {
      const result = read();
      success = true;
      return result;
    } finally {
      seconds.observe({ success: String(success) }, (clock.monotonicMs() - startMs) / 1000);
    }
  };
}
