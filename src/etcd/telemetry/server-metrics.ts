/** The counters of a member, under etcd's names where they mean the same. */
import type { Clock } from '../../lib/clock.js';
import type { CompactionObserver } from '../mvcc/types.js';
import { LoopStalls } from './loop-stalls.js';
import { exponential } from './metric-set.js';
import type { MetricSet } from './metric-set.js';

/** An apply that takes longer is counted as slow: etcd's default of `--experimental-warning-apply-duration`. */
const slowApplyMs = 100;

/** Counts proposals, syncs, leader changes, compactions, health checks of one member. */
export class ServerMetrics {
  readonly #raft: ReturnType<typeof raftMetrics>;
  readonly #cluster: ReturnType<typeof clusterMetrics>;
  readonly #disk: ReturnType<typeof diskMetrics>;
  readonly #health: ReturnType<typeof healthMetrics>;
  readonly #compaction: ReturnType<typeof compactionMetrics>;
  readonly #stalls: LoopStalls;
  #lastLeader = 0n;

  constructor(set: MetricSet) {
    this.#raft = raftMetrics(set);
    this.#cluster = clusterMetrics(set);
    this.#disk = diskMetrics(set);
    this.#health = healthMetrics(set);
    this.#compaction = compactionMetrics(set);
    this.#stalls = new LoopStalls(set);
  }

  leaderChanged(leader: bigint, local: boolean): void {
    this.#raft.hasLeader.set(leader === 0n ? 0 : 1);
    this.#raft.isLeader.set(local ? 1 : 0);
    if (leader !== 0n && leader !== this.#lastLeader) this.#raft.leaderChanges.inc();
    if (leader !== 0n) this.#lastLeader = leader;
  }

  progress(at: {
    readonly committed: number;
    readonly applied: number;
    readonly pending: number;
  }): void {
    this.#raft.proposalsCommitted.set(at.committed);
    this.#raft.proposalsApplied.set(at.applied);
    this.#raft.proposalsPending.set(at.pending);
  }

  proposalFailed(): void {
    this.#raft.proposalsFailed.inc();
  }

  backendCommitted(durationMs: number): void {
    this.#disk.backendCommit.observe(durationMs / 1000);
    this.#stalls.ran('commit', durationMs);
  }

  walSynced(durationMs: number, bytes: number): void {
    this.#disk.walSync.observe(durationMs / 1000);
    this.#disk.walBytes.inc(bytes);
  }

  heartbeatFailed(): void {
    this.#raft.heartbeatFailures.inc();
  }

  /** An entry was applied. */
  applied(durationMs: number): void {
    if (durationMs > slowApplyMs) this.#raft.slowApply.inc();
    this.#stalls.ran('apply', durationMs);
  }

  /** The thread's garbage was collected. */
  collected(durationMs: number): void {
    this.#stalls.ran('gc', durationMs);
  }

  slowReadIndex(): void {
    this.#raft.slowReadIndexes.inc();
  }

  readIndexFailed(): void {
    this.#raft.readIndexesFailed.inc();
  }

  leaseGranted(ttlSeconds: number): void {
    this.#cluster.leaseTtls.observe(ttlSeconds);
  }

  leaseExpired(): void {
    this.#cluster.leasesExpired.inc();
  }

  applyingSnapshot(isApplying: boolean): void {
    this.#disk.snapshotApplying.set(isApplying ? 1 : 0);
  }

  promoted(): void {
    this.#cluster.promotions.inc();
  }

  promotionFailed(reason: string): void {
    this.#cluster.failedPromotions.inc({ Reason: reason });
  }

  /** `/health` was asked. */
  healthAnswered(isHealthy: boolean): void {
    (isHealthy ? this.#health.healthSuccess : this.#health.healthFailures).inc();
  }

  /** Records one check of `/livez` or `/readyz`. */
  healthChecked(type: string, name: string, isHealthy: boolean): void {
    this.#health.healthCheck.set({ name, type }, isHealthy ? 1 : 0);
    this.#health.healthChecks.inc({ name, status: isHealthy ? 'success' : 'error', type });
  }

  /** @returns to be called at its end */
  defragStarted(): () => void {
    this.#disk.defragInflight.set(1);
    const stop = this.#disk.defragSeconds.startTimer();
    return () => {
      this.#disk.defragInflight.set(0);
      stop();
    };
  }

  /** Each returns a function to be called at its end. */
  snapshotStarted(): () => void {
    return this.#disk.snapshotSeconds.startTimer();
  }

  hashStarted(): () => void {
    return this.#disk.hashSeconds.startTimer();
  }

  hashRevStarted(): () => void {
    return this.#disk.hashRevSeconds.startTimer();
  }

  /** Counts compactions of the store. */
  compactions(clock: Clock): CompactionObserver {
    return {
      indexPaused: (ms) => this.#compaction.indexPauses.observe(ms),
      rowsDeleted: (count, ms) => {
        this.#compaction.compactedRows.inc(count);
        this.#compaction.rowPauses.observe(ms);
      },
      finished: (ms) => {
        this.#compaction.compactionMs.observe(ms);
        this.#compaction.lastCompaction.set(Math.floor(clock.nowMs() / 1000));
      },
    };
  }
}

function raftMetrics(set: MetricSet) {
  return {
    hasLeader: set.gauge(
      'etcd_server_has_leader',
      'Whether or not a leader exists. 1 is existence, 0 is not.',
    ),
    isLeader: set.gauge(
      'etcd_server_is_leader',
      'Whether or not this member is a leader. 1 if is, 0 otherwise.',
    ),
    leaderChanges: set.counter(
      'etcd_server_leader_changes_seen_total',
      'The number of leader changes seen.',
    ),
    proposalsCommitted: set.gauge(
      'etcd_server_proposals_committed_total',
      'The total number of consensus proposals committed.',
    ),
    proposalsApplied: set.gauge(
      'etcd_server_proposals_applied_total',
      'The total number of consensus proposals applied.',
    ),
    proposalsPending: set.gauge(
      'etcd_server_proposals_pending',
      'The current number of pending proposals to commit.',
    ),
    proposalsFailed: set.counter(
      'etcd_server_proposals_failed_total',
      'The total number of failed proposals seen.',
    ),
    heartbeatFailures: set.counter(
      'etcd_server_heartbeat_send_failures_total',
      'The total number of leader heartbeat send failures (likely overloaded from slow disk).',
    ),
    slowApply: set.counter(
      'etcd_server_slow_apply_total',
      'The total number of slow apply requests (likely overloaded from slow disk).',
    ),
    slowReadIndexes: set.counter(
      'etcd_server_slow_read_indexes_total',
      "The total number of pending read indexes not in sync with leader's or timed out read index requests.",
    ),
    readIndexesFailed: set.counter(
      'etcd_server_read_indexes_failed_total',
      'The total number of failed read indexes seen.',
    ),
  };
}

function clusterMetrics(set: MetricSet) {
  return {
    promotions: set.counter(
      'etcd_server_learner_promote_successes',
      'The total number of successful learner promotions while this member is leader.',
    ),
    failedPromotions: set.counter(
      'etcd_server_learner_promote_failures',
      'The total number of failed learner promotions (likely learner not ready) while this member is leader.',
      'Reason',
    ),
    leasesExpired: set.counter(
      'etcd_debugging_server_lease_expired_total',
      'The total number of expired leases.',
    ),
    leaseTtls: set.histogram(
      'etcd_debugging_lease_ttl_total',
      'Bucketed histogram of lease TTLs.',
      exponential(1, 24),
    ),
  };
}

function healthMetrics(set: MetricSet) {
  return {
    healthSuccess: set.counter(
      'etcd_server_health_success',
      'The total number of successful health checks',
    ),
    healthFailures: set.counter(
      'etcd_server_health_failures',
      'The total number of failed health checks',
    ),
    healthCheck: set.gauge(
      'etcd_server_healthcheck',
      'The result of each kind of healthcheck.',
      'type',
      'name',
    ),
    healthChecks: set.counter(
      'etcd_server_healthchecks_total',
      'The total number of each kind of healthcheck.',
      'type',
      'name',
      'status',
    ),
  };
}

function diskMetrics(set: MetricSet) {
  return {
    walSync: set.histogram(
      'etcd_disk_wal_fsync_duration_seconds',
      'The latency distributions of fsync called by WAL.',
      exponential(0.001, 14),
    ),
    walBytes: set.gauge('etcd_disk_wal_write_bytes_total', 'Total number of bytes written in WAL.'),
    backendCommit: set.histogram(
      'etcd_disk_backend_commit_duration_seconds',
      'The latency distributions of commit called by backend.',
      exponential(0.001, 14),
    ),
    snapshotApplying: set.gauge(
      'etcd_server_snapshot_apply_in_progress_total',
      '1 if the server is applying the incoming snapshot. 0 if none.',
    ),
    defragInflight: set.gauge(
      'etcd_disk_defrag_inflight',
      'Whether or not defrag is active on the member. 1 means active, 0 means not.',
    ),
    defragSeconds: set.histogram(
      'etcd_disk_backend_defrag_duration_seconds',
      'The latency distribution of backend defragmentation.',
      exponential(0.1, 13),
    ),
    snapshotSeconds: set.histogram(
      'etcd_disk_backend_snapshot_duration_seconds',
      'The latency distribution of backend snapshots.',
      exponential(0.01, 17),
    ),
    hashSeconds: set.histogram(
      'etcd_mvcc_hash_duration_seconds',
      'The latency distribution of storage hash operation.',
      exponential(0.01, 15),
    ),
    hashRevSeconds: set.histogram(
      'etcd_mvcc_hash_rev_duration_seconds',
      'The latency distribution of storage hash by revision operation.',
      exponential(0.01, 15),
    ),
  };
}

function compactionMetrics(set: MetricSet) {
  return {
    indexPauses: set.histogram(
      'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
      'Bucketed histogram of index compaction pause duration.',
      exponential(0.5, 14),
    ),
    rowPauses: set.histogram(
      'etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds',
      'Bucketed histogram of db compaction pause duration.',
      exponential(1, 13),
    ),
    compactionMs: set.histogram(
      'etcd_debugging_mvcc_db_compaction_total_duration_milliseconds',
      'Bucketed histogram of db compaction total duration.',
      exponential(100, 14),
    ),
    compactedRows: set.counter(
      'etcd_debugging_mvcc_db_compaction_keys_total',
      'Total number of db keys compacted.',
    ),
    lastCompaction: set.gauge(
      'etcd_debugging_mvcc_db_compaction_last',
      'The unix time of the last db compaction. Resets to 0 on start.',
    ),
  };
}
