/** Every bound of the server in one place. */
import { assert } from '../../lib/assert.js';

/** Etcd's default for `--max-request-bytes`. */
export const maxRequestBytesDefault = 1.5 * 1024 * 1024;
/** Above a request: keys of its envelope, as etcd allows. */
export const grpcOverheadBytes = 512 * 1024;
/** Etcd's default for `--max-txn-ops`. */
export const maxTxnOpsDefault = 128;
/** Etcd's default for `--quota-backend-bytes`: 2 GiB. */
export const quotaBytesDefault = 2 * 1024 * 1024 * 1024;
/** Keys of an index, deleted ones included: V8's maps hold 2^24, and some room is left for what is under way. */
export const indexKeysMax = 2 ** 24 - 2 ** 17;
/** The share of the heap that the index of keys may take. */
export const indexHeapShare = 0.75;
/** Writes are refused while so many committed entries wait to be applied. */
export const maxGapCommittedApplied = 5000;
/** Calls that wait for the log at once; more are refused. */
export const maxPendingProposals = 65_536;
/**
 * Of those, proposals that wait for a leader or for room in its log; more are refused. They are handed over, and passed
 * on to the leader, in pieces.
 */
export const proposalBounds = {
  maxCount: maxPendingProposals,
  maxBytes: 64 * 1024 * 1024,
  batchBytes: 4 * 1024 * 1024,
};
/** Snapshots for clients that are under way at once; more are refused. */
export const maxSnapshotCalls = 8;
/** Linearizable reads that wait at once; more are refused. */
export const maxPendingReads = 65_536;
/** A turn of the loop applies entries for at most this long, then lets other work run. */
export const applySliceMs = 10;
/** A turn of the loop serves reads for at most this long and one read more, then lets other work run. */
export const readSliceMs = 10;
/** Entries that stay in the log behind a snapshot, for followers that lag a little, and how many bytes of them. */
export const catchUpEntriesDefault = 5000;
export const catchUpBytes = 8 * 1024 * 1024;
/** More stay, up to this, while a follower that catches up needs them: a snapshot would cost it more. */
export const catchUpBytesMax = 64 * 1024 * 1024;
/**
 * After so many bytes of entries the log is truncated, however few they are: the log in memory is bounded by bytes.
 * About what SQLite writes between two checkpoints, so truncating seldom makes one of its own necessary.
 */
export const snapshotBytes = 12 * 1024 * 1024;
/** Etcd's default for `--snapshot-count`. */
export const snapshotCountDefault = 100_000;
/** A read index that was not answered is asked for again after so long. */
export const readIndexRetryMs = 500;
/** Etcd's Config.ReqTimeout: 5 s for the queue and the disk, and two election timeouts. */
export const requestBaseTimeoutMs = 5000;
/** Leases that are revoked at once. */
export const revokeBatch = 1000;
/** Messages and bytes that wait for one peer; more are dropped. */
export const peerQueueMessages = 4096;
export const peerQueueBytes = 64 * 1024 * 1024;
/** A snapshot travels in pieces of this size. */
export const snapshotChunkBytes = 64 * 1024;
/** Events that a member remembers of itself: many elections, and about half a megabyte. */
export const eventsKept = 2048;
/** Of those, how many one report holds. */
export const eventsPerReport = 256;
/** Calls that watch a member's events at once; more are refused. */
export const maxTelemetryStreams = 64;
/** Between two reports of a member's state, as asked for. */
export const stateIntervalMs = { min: 100, default: 500, max: 10_000 };
/** A sync of the raft log that takes longer is told of, and how often. */
export const slowSyncMs = 250;
export const slowSyncEveryMs = 5000;
/** A gap in which writes wait and none is done is told of from this length on. */
export const writeStallMs = 100;
/** Etcd's default for `--experimental-compact-hash-check-time`. */
export const compactHashCheckMsDefault = 60_000;
/** Default for `--backup-interval`. */
export const backupIntervalMsDefault = 4 * 3_600_000;
/** Default for `--backup-keep-count`: two days at the default interval. */
export const backupKeepCountDefault = 12;
/** Etcd's default for `--experimental-max-learners`. */
export const maxLearnersDefault = 1;

assert(maxRequestBytesDefault < proposalBounds.batchBytes, 'a piece holds at least one request');
assert(proposalBounds.batchBytes < peerQueueBytes, 'a piece fits into the queue of a peer');
assert(snapshotChunkBytes < maxRequestBytesDefault, 'a chunk fits into a message');
assert(catchUpBytes < snapshotBytes, 'what stays is less than what asks for a truncation');
assert(eventsPerReport < eventsKept, 'a slow reader misses events in reports, not all of them');
assert(maxGapCommittedApplied < maxPendingProposals, 'the gap is met before the queue is full');

/** `--grpc-keepalive-min-time`, and what Go's gRPC takes where that is 0. */
export const keepAliveMinMsDefault = 5000;
export const keepAliveMinMsUnset = 5 * 60_000;
/** `--grpc-keepalive-interval`; gRPC takes no less than the other. */
export const keepAliveIntervalMsDefault = 2 * 3_600_000;
export const keepAliveIntervalMsMin = 1000;
/** `--grpc-keepalive-timeout`. */
export const keepAliveTimeoutMsDefault = 20_000;
