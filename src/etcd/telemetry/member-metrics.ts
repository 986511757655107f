/** The metrics that are read from a member when it is scraped, and cost nothing before. Names as etcd's. */
import { fileLimit, observeProcess, openFiles } from '../../lib/process-metrics.js';
import type { StoreCounts } from '../mvcc/types.js';
import type { MetricSet } from './metric-set.js';

/** The values that a scrape reads from a member. */
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
    readonly behindWatcherCount: number;
    readonly counts: Readonly<StoreCounts>;
  };
  readonly watches: {
    readonly streamCount: number;
    readonly eventCount: number;
    readonly pendingEventCount: number;
  };
  readonly backend: { sizeBytes(): number; sizeInUseBytes(): number };
  readonly leaseCount: number;
  readonly leases: { readonly granted: number; readonly revoked: number; readonly renewed: number };
  readonly authRevision: number;
  /** True when the member cannot write its own disk. */
  readonly diskFull: boolean;
  /** Through the client ports. */
  readonly traffic: { readonly receivedBytes: number; readonly sentBytes: number };
}

/** Shows a member from now on; called once. */
export function observeMember(set: MetricSet, member: ObservedMember): void {
  observeIdentity(set, member);
  observeStore(set, member);
  observeWatches(set, member);
  observeLeases(set, member);
  observeProcess(set.registry);
  observeFiles(set);
}

function observeIdentity(set: MetricSet, member: ObservedMember): void {
  const labelled = (name: string, help: string, label: string, value: string): void => {
    set.gauge(name, help, label).set({ [label]: value }, 1);
  };
  const { server, cluster } = member.version;
  labelled(
    'etcd_server_id',
    "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
    'server_id',
    member.memberId.toString(16),
  );
  labelled(
    'etcd_server_version',
    "Which version is running. 1 for 'server_version' label with current version.",
    'server_version',
    server,
  );
  labelled(
    'etcd_cluster_version',
    "Which version is running. 1 for 'cluster_version' label with current cluster version",
    'cluster_version',
    cluster.replace(/^(\d+\.\d+).*$/, '$1'),
  );
  set.readGauge(
    'etcd_server_is_learner',
    'Whether or not this member is a learner. 1 if is, 0 otherwise.',
    () => (member.isLearner ? 1 : 0),
  );
  set.readGauge(
    'trireme_etcd_disk_full',
    'Whether there is no room for the raft log or the database: the member takes no part until there is. 1 if so.',
    () => (member.diskFull ? 1 : 0),
  );
  set.readGauge(
    'etcd_debugging_auth_revision',
    'The current revision of auth store.',
    () => member.authRevision,
  );
  set.readCounter(
    'etcd_network_client_grpc_received_bytes_total',
    'The total number of bytes received from grpc clients.',
    () => member.traffic.receivedBytes,
  );
  set.readCounter(
    'etcd_network_client_grpc_sent_bytes_total',
    'The total number of bytes sent to grpc clients.',
    () => member.traffic.sentBytes,
  );
}

function observeStore(set: MetricSet, member: ObservedMember): void {
  const { store } = member;
  const { counts } = store;
  set.readGauge(
    'etcd_server_quota_backend_bytes',
    'Current backend storage quota size in bytes.',
    () => member.quotaBytes,
  );
  set.readGauge(
    'etcd_mvcc_db_total_size_in_bytes',
    'Total size of the underlying database physically allocated in bytes.',
    () => member.backend.sizeBytes(),
  );
  set.readGauge(
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Total size of the underlying database logically in use in bytes.',
    () => member.backend.sizeInUseBytes(),
  );
  const rangeHelp = 'Total number of ranges seen by this member.';
  set.readCounter('etcd_mvcc_range_total', rangeHelp, () => counts.ranges);
  set.readCounter('etcd_debugging_mvcc_range_total', rangeHelp, () => counts.ranges);
  set.readCounter(
    'etcd_mvcc_put_total',
    'Total number of puts seen by this member.',
    () => counts.puts,
  );
  set.readCounter(
    'etcd_mvcc_delete_total',
    'Total number of deletes seen by this member.',
    () => counts.deletes,
  );
  set.readCounter(
    'etcd_mvcc_txn_total',
    'Total number of txns seen by this member.',
    () => counts.txns,
  );
  set.readGauge(
    'etcd_debugging_mvcc_total_put_size_in_bytes',
    'The total size of put kv pairs seen by this member.',
    () => counts.putBytes,
  );
  set.readGauge('etcd_debugging_mvcc_keys_total', 'Total number of keys.', () => store.keyCount);
  set.readGauge(
    'etcd_debugging_mvcc_current_revision',
    'The current revision of store.',
    () => store.rev,
  );
  set.readGauge(
    'etcd_debugging_mvcc_compact_revision',
    'The revision of the last compaction in store.',
    () => store.compactRev,
  );
}

function observeWatches(set: MetricSet, { store, watches }: ObservedMember): void {
  set.readGauge(
    'etcd_debugging_mvcc_watch_stream_total',
    'Total number of watch streams.',
    () => watches.streamCount,
  );
  set.readGauge(
    'etcd_debugging_mvcc_watcher_total',
    'Total number of watchers.',
    () => store.watcherCount,
  );
  set.readGauge(
    'etcd_debugging_mvcc_slow_watcher_total',
    'Total number of unsynced slow watchers.',
    () => store.behindWatcherCount,
  );
  set.readCounter(
    'etcd_debugging_mvcc_events_total',
    'Total number of events sent by this member.',
    () => watches.eventCount,
  );
  set.readGauge(
    'etcd_debugging_mvcc_pending_events_total',
    'Total number of pending events to be sent.',
    () => watches.pendingEventCount,
  );
}

function observeLeases(set: MetricSet, member: ObservedMember): void {
  const { leases } = member;
  set.readGauge('etcd_debugging_server_lease_total', 'Number of leases.', () => member.leaseCount);
  set.readCounter(
    'etcd_debugging_lease_granted_total',
    'The total number of granted leases.',
    () => leases.granted,
  );
  set.readCounter(
    'etcd_debugging_lease_revoked_total',
    'The total number of revoked leases.',
    () => leases.revoked,
  );
  set.readCounter(
    'etcd_debugging_lease_renewed_total',
    'The number of renewed leases seen by the leader.',
    () => leases.renewed,
  );
}

/** etcd's own names for two of them. */
function observeFiles(set: MetricSet): void {
  set.readGauge('os_fd_used', 'The number of used file descriptors.', openFiles);
  set.readGauge('os_fd_limit', 'The file descriptor limit.', fileLimit);
}
