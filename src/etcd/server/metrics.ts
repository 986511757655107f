/** The server's Prometheus metrics, under etcd's names where they mean the same. One process runs one member. */
import { readFileSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from '../../lib/metrics.js';

/** What `/metrics` shows. */
export const metricsRegistry = new Registry();
const registers = [metricsRegistry];

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
  buckets: Array.from({ length: 14 }, (_, at) => 0.001 * 2 ** at),
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
  buckets: Array.from({ length: 14 }, (_, at) => 0.001 * 2 ** at),
  registers,
});
/**
 * Counts of the hot paths are plain numbers, and become the metric's when it is read: the library's own counting costs more than
 * what is counted.
 */
class PlainCounts<Labels extends string> {
  readonly #counts: { readonly labels: Record<Labels, string>; count: number }[] = [];

  constructor(name: string, help: string, labelNames: readonly Labels[]) {
    const counts = this.#counts;
    const collect = function (this: Counter<Labels>): void {
      this.reset();
      for (const { labels, count } of counts) if (count > 0) this.inc(labels, count);
    };
    metricsRegistry.registerMetric(
      new Counter({ name, help, labelNames: [...labelNames], registers: [], collect }),
    );
  }

  /** @returns a count of its own, to be added to */
  of(labels: Record<Labels, string>): { count: number } {
    const known = this.#counts.find((one) =>
      Object.entries(labels).every(([name, value]) => one.labels[name as Labels] === value),
    );
    if (known !== undefined) return known;
    const made = { labels, count: 0 };
    this.#counts.push(made);
    return made;
  }
}

const peerSentBytes = new PlainCounts(
  'etcd_network_peer_sent_bytes_total',
  'The total number of bytes sent to peers.',
  ['To'],
);
const peerReceivedBytes = new PlainCounts(
  'etcd_network_peer_received_bytes_total',
  'The total number of bytes received from peers.',
  ['From'],
);
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

let lastLeader = 0n;
const hex = (id: bigint): string => id.toString(16);

/** What a member shows when it is looked at; read at each scrape. */
export interface ObservedMember {
  readonly memberId: bigint;
  readonly isLearner: boolean;
  readonly quotaBytes: number;
  readonly version: { readonly server: string; readonly cluster: string };
  readonly store: {
    readonly rev: number;
    readonly compactRev: number;
    readonly keyCount: number;
    readonly watcherCount: number;
  };
  readonly backend: { sizeBytes(): number; sizeInUseBytes(): number };
  readonly leaseCount: number;
}

/** Shows a member from now on; called once. */
export function observeMember(member: ObservedMember): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    metricsRegistry.registerMetric(new Gauge({ name, help, registers: [], collect }));
  };
  const labelled = (name: string, help: string, label: string, value: string): void => {
    const one = new Gauge({ name, help, labelNames: [label], registers });
    one.set({ [label]: value }, 1);
  };
  labelled(
    'etcd_server_id',
    'Server or member ID in hexadecimal format.',
    'server_id',
    hex(member.memberId),
  );
  labelled(
    'etcd_server_version',
    'Which version is running.',
    'server_version',
    member.version.server,
  );
  labelled(
    'etcd_cluster_version',
    'Which version is running.',
    'cluster_version',
    member.version.cluster,
  );
  gauge('etcd_server_is_learner', 'Whether or not this member is a learner.', () =>
    member.isLearner ? 1 : 0,
  );
  gauge(
    'etcd_server_quota_backend_bytes',
    'Current backend storage quota size in bytes.',
    () => member.quotaBytes,
  );
  gauge(
    'etcd_mvcc_db_total_size_in_bytes',
    'Total size of the underlying database physically allocated in bytes.',
    () => member.backend.sizeBytes(),
  );
  gauge(
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Total size of the underlying database logically in use in bytes.',
    () => member.backend.sizeInUseBytes(),
  );
  gauge('etcd_debugging_mvcc_keys_total', 'Total number of keys.', () => member.store.keyCount);
  gauge(
    'etcd_debugging_mvcc_current_revision',
    'The current revision of store.',
    () => member.store.rev,
  );
  gauge(
    'etcd_debugging_mvcc_compact_revision',
    'The revision of the last compaction in store.',
    () => Math.max(0, member.store.compactRev),
  );
  gauge(
    'etcd_debugging_mvcc_watcher_total',
    'Total number of watchers.',
    () => member.store.watcherCount,
  );
  gauge('etcd_debugging_server_lease_total', 'Number of leases.', () => member.leaseCount);
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () =>
    process.memoryUsage.rss(),
  );
  gauge('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('os_fd_limit', 'The file descriptor limit.', () => fileDescriptorLimit());
}

/** From Linux; 0 where it cannot be told. */
function fileDescriptorLimit(): number {
  try {
    return Number(
      /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0,
    );
  } catch {
    return 0;
  }
}

/** The name of each gRPC code, as the label has it. */
const codeNames = [
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

/** Calls by method. */
export const grpcMetrics = {
  method(labels: { readonly service: string; readonly method: string; readonly type: string }): {
    started(): void;
    handled(code: number): void;
  } {
    const { service, method, type } = labels;
    const own = { grpc_type: type, grpc_service: service, grpc_method: method };
    const started = grpcStarted.of(own);
    const handled = codeNames.map(() => undefined as { count: number } | undefined);
    return {
      started: () => {
        started.count += 1;
      },
      handled(code) {
        const one = (handled[code] ??= grpcHandled.of({
          ...own,
          grpc_code: codeNames[code] ?? 'Unknown',
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
  /** @returns where bytes to the peer are counted */
  sentTo(peer: bigint): (bytes: number) => void {
    const sent = peerSentBytes.of({ To: hex(peer) });
    return (bytes) => {
      sent.count += bytes;
    };
  },
  receivedFrom(peer: bigint): (bytes: number) => void {
    const received = peerReceivedBytes.of({ From: hex(peer) });
    return (bytes) => {
      received.count += bytes;
    };
  },
  walSynced(durationMs: number): void {
    walSync.observe(durationMs / 1000);
  },
} as const;
