/** The server's Prometheus metrics, under etcd's names where they mean the same. One process runs one member. */
import type { Clock } from '../../lib/clock.js';
import { Counter, Gauge, Histogram, Registry } from '../../lib/metrics.js';
import type { CompactionObserver } from '../mvcc/types.js';

/** What `/metrics` shows. */
export const metricsRegistry = new Registry();
const registers = [metricsRegistry];

/** Upper bounds of a histogram, each twice the one before. */
export function exponential(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first * 2 ** at);
}

const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
  new Counter({ name, help, labelNames, registers });
const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
const histogram = (name: string, help: string, buckets: number[]): Histogram =>
  new Histogram({ name, help, buckets, registers });

const hasLeader = new Gauge({
  name: 'etcd_server_has_leader',
  help: 'Whether or not a leader exists. 1 is existence, 0 is not.',
  registers,
});
const isLeader = new Gauge({
  name: 'etcd_server_is_leader',
  help: 'Whether or not this member is a leader. 1 if is, 0 otherwise.',
  registers,
});
const leaderChanges = new Counter({
  name: 'etcd_server_leader_changes_seen_total',
  help: 'The number of leader changes seen.',
  registers,
});
const proposalsCommitted = new Gauge({
  name: 'etcd_server_proposals_committed_total',
  help: 'The total number of consensus proposals committed.',
  registers,
});
const proposalsApplied = new Gauge({
  name: 'etcd_server_proposals_applied_total',
  help: 'The total number of consensus proposals applied.',
  registers,
});
const proposalsPending = new Gauge({
  name: 'etcd_server_proposals_pending',
  help: 'The current number of pending proposals to commit.',
  registers,
});
const walSync = new Histogram({
  name: 'etcd_disk_wal_fsync_duration_seconds',
  help: 'The latency distributions of fsync called by WAL.',
  buckets: exponential(0.001, 14),
  registers,
});

const proposalsFailed = new Counter({
  name: 'etcd_server_proposals_failed_total',
  help: 'The total number of failed proposals seen.',
  registers,
});
const backendCommit = new Histogram({
  name: 'etcd_disk_backend_commit_duration_seconds',
  help: 'The latency distributions of commit called by backend.',
  buckets: exponential(0.001, 14),
  registers,
});
/**
 * Counts of the hot paths are plain numbers, and become the metric's when it is read: the library's own counting costs more than
 * what is counted.
 */
export class PlainCounts<Labels extends string> {
  readonly #labelNames: readonly Labels[];
  readonly #counts = new Map<string, { readonly labels: Record<Labels, string>; count: number }>();

  constructor(name: string, help: string, labelNames: readonly Labels[]) {
    this.#labelNames = labelNames;
    const counts = this.#counts;
    const collect = (metric: Counter<Labels>): void => {
      metric.reset();
      for (const { labels, count } of counts.values()) metric.inc(labels, count);
    };
    metricsRegistry.registerMetric(new Counter({ name, help, labelNames, collect }));
  }

  /** @returns a count of its own, to be added to */
  of(labels: Record<Labels, string>): { count: number } {
    const key = this.#labelNames.map((name) => labels[name]).join('\n');
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { labels, count: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }
}

const grpcStarted = new PlainCounts(
  'grpc_server_started_total',
  'Total number of RPCs started on the server.',
  ['grpc_type', 'grpc_service', 'grpc_method'],
);
const grpcHandled = new PlainCounts(
  'grpc_server_handled_total',
  'Total number of RPCs completed on the server, regardless of success or failure.',
  ['grpc_type', 'grpc_service', 'grpc_method', 'grpc_code'],
);
const clientRequests = new PlainCounts(
  'etcd_server_client_requests_total',
  'The total number of client requests per client version.',
  ['client_api_version', 'type'],
);
/** Versions that are told apart, and how long they may be: clients name them as they like. */
const clientVersionsMax = 32;
const clientVersionLengthMax = 32;
const unknownVersion = 'unknown';

const grpcSeconds = new Histogram({
  name: 'grpc_server_handling_seconds',
  help: 'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.',
  labelNames: ['grpc_type', 'grpc_service', 'grpc_method'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});
const walBytes = gauge('etcd_disk_wal_write_bytes_total', 'Total number of bytes written in WAL.');
const heartbeatFailures = counter(
  'etcd_server_heartbeat_send_failures_total',
  'The total number of leader heartbeat send failures (likely overloaded from slow disk).',
);
const slowApply = counter(
  'etcd_server_slow_apply_total',
  'The total number of slow apply requests (likely overloaded from slow disk).',
);
const slowReadIndexes = counter(
  'etcd_server_slow_read_indexes_total',
  "The total number of pending read indexes not in sync with leader's or timed out read index requests.",
);
const readIndexesFailed = counter(
  'etcd_server_read_indexes_failed_total',
  'The total number of failed read indexes seen.',
);
const leasesExpired = counter(
  'etcd_debugging_server_lease_expired_total',
  'The total number of expired leases.',
);
const leaseTtls = histogram(
  'etcd_debugging_lease_ttl_total',
  'Bucketed histogram of lease TTLs.',
  exponential(1, 24),
);
const snapshotApplying = gauge(
  'etcd_server_snapshot_apply_in_progress_total',
  '1 if the server is applying the incoming snapshot. 0 if none.',
);
const promotions = counter(
  'etcd_server_learner_promote_successes',
  'The total number of successful learner promotions while this member is leader.',
);
const failedPromotions = counter(
  'etcd_server_learner_promote_failures',
  'The total number of failed learner promotions (likely learner not ready) while this member is leader.',
  'Reason',
);
const healthSuccess = counter(
  'etcd_server_health_success',
  'The total number of successful health checks',
);
const healthFailures = counter(
  'etcd_server_health_failures',
  'The total number of failed health checks',
);
const healthCheck = new Gauge({
  name: 'etcd_server_healthcheck',
  help: 'The result of each kind of healthcheck.',
  labelNames: ['type', 'name'],
  registers,
});
const healthChecks = counter(
  'etcd_server_healthchecks_total',
  'The total number of each kind of healthcheck.',
  'type',
  'name',
  'status',
);
const defragInflight = gauge(
  'etcd_disk_defrag_inflight',
  'Whether or not defrag is active on the member. 1 means active, 0 means not.',
);
const defragSeconds = histogram(
  'etcd_disk_backend_defrag_duration_seconds',
  'The latency distribution of backend defragmentation.',
  exponential(0.1, 13),
);
const snapshotSeconds = histogram(
  'etcd_disk_backend_snapshot_duration_seconds',
  'The latency distribution of backend snapshots.',
  exponential(0.01, 17),
);
const hashSeconds = histogram(
  'etcd_mvcc_hash_duration_seconds',
  'The latency distribution of storage hash operation.',
  exponential(0.01, 15),
);
const hashRevSeconds = histogram(
  'etcd_mvcc_hash_rev_duration_seconds',
  'The latency distribution of storage hash by revision operation.',
  exponential(0.01, 15),
);
const indexPauses = histogram(
  'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
  'Bucketed histogram of index compaction pause duration.',
  exponential(0.5, 14),
);
const rowPauses = histogram(
  'etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds',
  'Bucketed histogram of db compaction pause duration.',
  exponential(1, 13),
);
const compactionMs = histogram(
  'etcd_debugging_mvcc_db_compaction_total_duration_milliseconds',
  'Bucketed histogram of db compaction total duration.',
  exponential(100, 14),
);
const compactedRows = counter(
  'etcd_debugging_mvcc_db_compaction_keys_total',
  'Total number of db keys compacted.',
);
const lastCompaction = gauge(
  'etcd_debugging_mvcc_db_compaction_last',
  'The unix time of the last db compaction. Resets to 0 on start.',
);

let lastLeader = 0n;
let isExtensive = false;
/** An apply that takes longer is counted as slow: etcd's default of `--experimental-warning-apply-duration`. */
const slowApplyMs = 100;

/** The name of each gRPC code, as the label has it and as Go writes it. */
export const codeNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/** @returns counts calls of a type by what their client says its version is */
export function clientCalls(type: 'unary' | 'stream'): (version: string | undefined) => void {
  const counts = new Map<string, { count: number }>();
  return (version = unknownVersion) => {
    let one = counts.get(version);
    if (one === undefined) {
      const isTold = counts.size < clientVersionsMax && version.length <= clientVersionLengthMax;
      const label = isTold ? version : unknownVersion;
      one = clientRequests.of({ client_api_version: label, type });
      if (label === version) counts.set(version, one);
    }
    one.count += 1;
  };
}

/** Calls by method. */
export const grpcMetrics = {
  /** `--metrics=extensive`: how long calls take as well. */
  measureTime(): void {
    metricsRegistry.registerMetric(grpcSeconds);
    isExtensive = true;
  },
  method(labels: { readonly service: string; readonly method: string; readonly type: string }): {
    started(): void;
    handled(code: number): void;
    /** @returns to be called at the end; nothing where time is not measured */
    timer(): (() => void) | undefined;
  } {
    const { service, method, type } = labels;
    // In the order of their names, as all of etcd's labels are printed: there are those who look for the whole line.
    const own = { grpc_method: method, grpc_service: service, grpc_type: type };
    const started = grpcStarted.of(own);
    // All of them are shown from the beginning, so that rates can be told.
    const handled = codeNames.map((grpc_code) => grpcHandled.of({ grpc_code, ...own }));
    return {
      timer: () => (isExtensive ? grpcSeconds.startTimer(own) : undefined),
      started: () => {
        started.count += 1;
      },
      handled(code) {
        const one = (handled[code] ??= grpcHandled.of({
          grpc_code: codeNames[code] ?? 'Unknown',
          ...own,
        }));
        one.count += 1;
      },
    };
  },
} as const;

/** Where the server reports what it does. */
export const serverMetrics = {
  leaderChanged(leader: bigint, local: boolean): void {
    hasLeader.set(leader === 0n ? 0 : 1);
    isLeader.set(local ? 1 : 0);
    if (leader !== 0n && leader !== lastLeader) leaderChanges.inc();
    if (leader !== 0n) lastLeader = leader;
  },
  progress(at: { readonly committed: number; readonly applied: number; readonly pending: number }) {
    proposalsCommitted.set(at.committed);
    proposalsApplied.set(at.applied);
    proposalsPending.set(at.pending);
  },
  proposalFailed(): void {
    proposalsFailed.inc();
  },
  backendCommitted(durationMs: number): void {
    backendCommit.observe(durationMs / 1000);
  },
  walSynced(durationMs: number, bytes: number): void {
    walSync.observe(durationMs / 1000);
    walBytes.inc(bytes);
  },
  heartbeatFailed: () => heartbeatFailures.inc(),
  /** An entry was applied. */
  applied(durationMs: number): void {
    if (durationMs > slowApplyMs) slowApply.inc();
  },
  slowReadIndex: () => slowReadIndexes.inc(),
  readIndexFailed: () => readIndexesFailed.inc(),
  leaseGranted: (ttlSeconds: number) => leaseTtls.observe(ttlSeconds),
  leaseExpired: () => leasesExpired.inc(),
  applyingSnapshot: (isApplying: boolean) => snapshotApplying.set(isApplying ? 1 : 0),
  promoted: () => promotions.inc(),
  promotionFailed: (reason: string) => failedPromotions.inc({ Reason: reason }),
  /** `/health` was asked. */
  healthAnswered: (isHealthy: boolean) => (isHealthy ? healthSuccess : healthFailures).inc(),
  /** One check of `/livez` or `/readyz`. */
  healthChecked(type: string, name: string, isHealthy: boolean): void {
    healthCheck.set({ name, type }, isHealthy ? 1 : 0);
    healthChecks.inc({ name, status: isHealthy ? 'success' : 'error', type });
  },
  /** @returns to be called at its end */
  defragStarted(): () => void {
    defragInflight.set(1);
    const stop = defragSeconds.startTimer();
    return () => {
      defragInflight.set(0);
      stop();
    };
  },
  /** Each returns a function to be called at its end. */
  snapshotStarted: (): (() => void) => snapshotSeconds.startTimer(),
  hashStarted: (): (() => void) => hashSeconds.startTimer(),
  hashRevStarted: (): (() => void) => hashRevSeconds.startTimer(),
} as const;

/** Where a store reports its compactions. */
export function compactionMetrics(clock: Clock): CompactionObserver {
  return {
    indexPaused: (ms) => indexPauses.observe(ms),
    rowsDeleted(count, ms) {
      compactedRows.inc(count);
      rowPauses.observe(ms);
    },
    finished(ms) {
      compactionMs.observe(ms);
      lastCompaction.set(Math.floor(clock.nowMs() / 1000));
    },
  };
}
