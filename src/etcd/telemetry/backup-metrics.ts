/** The metrics of scheduled snapshots; registered only where snapshots are scheduled. */
import type { Gauge } from '../../lib/metrics.js';
import type { MetricSet } from './metric-set.js';

/** Records the events that the metrics show. */
export interface BackupMetrics {
  /** Records the newest snapshot. */
  found(newest: {
    readonly takenMs: number;
    readonly sizeBytes: number;
    readonly revision: number;
  }): void;
  taken(durationMs: number): void;
  failed(): void;
  /** Records the number of snapshots after retention. */
  kept(count: number): void;
}

/** Registers the metrics; called once. */
export function backupMetrics(set: MetricSet): BackupMetrics {
  const gauge = (name: string, help: string): Gauge =>
    set.gauge(`trireme_etcd_backup_${name}`, help);
  const lastSuccess = gauge(
    'last_success_timestamp_seconds',
    'When the newest scheduled snapshot was taken; 0: there is none.',
  );
  const lastSize = gauge('last_size_bytes', 'Size of the newest scheduled snapshot.');
  const lastRevision = gauge('last_revision', 'Revision of the newest scheduled snapshot.');
  const lastDuration = gauge('last_duration_seconds', 'How long it took to take it.');
  const files = gauge('files', 'Scheduled snapshots of this member that are kept.');
  const failures = set.counter(
    'trireme_etcd_backup_failures_total',
    'Scheduled snapshots that could not be taken.',
  );
  return {
    found(newest) {
      lastSuccess.set(newest.takenMs / 1000);
      lastSize.set(newest.sizeBytes);
      lastRevision.set(newest.revision);
    },
    taken: (durationMs) => lastDuration.set(durationMs / 1000),
    failed: () => failures.inc(),
    kept: (count) => files.set(count),
  };
}
