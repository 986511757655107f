/** The server's Prometheus metrics, under etcd's names where they mean the same. One process runs one member. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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

let lastLeader = 0n;

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
  walSynced(durationMs: number): void {
    walSync.observe(durationMs / 1000);
  },
} as const;
