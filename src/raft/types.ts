/**
 * The data that crosses the border of the Raft core: log entries, persistent state, snapshots. Names follow
 * the paper and etcd-io/raft. Everything here is read-only: the core never changes what it was handed, and the shell
 * must not change what it got.
 */

/**
 * A Raft term; 0 means "none". A number that is a safe integer. The mark keeps terms and indexes apart at compile time
 * while plain arithmetic still works: a `LogIndex` is no `Term`, a bare `number` may become either.
 */
export type Term = number & { readonly unit?: 'term' };

/** A position in the log; the first entry has index 1, and 0 means "before the log". A safe integer. */
export type LogIndex = number & { readonly unit?: 'logIndex' };

/**
 * A member's 64-bit id, as etcd's member ids. Compared by value (`===`, `Map` keys), never computed with; the core
 * looks ids up once a message and once a membership change, never once an entry.
 */
export type NodeId = bigint;

/** The id that means "no member". */
export const noNode: NodeId = 0n;

/** The kinds of entries. `normal` data belongs to the state machine; the others decode by `decodeConfChange`. */
export type EntryType = 'normal' | 'confChange' | 'confChangeV2';

/** One entry of the replicated log. An entry of type `normal` with empty data starts a term: skip it when applying. */
export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly type: EntryType;
  /** Owned by the log from the moment it is proposed or stepped: not to be reused as a buffer. */
  readonly data: Uint8Array;
}

/** An entry before the leader has given it a term and an index. */
export interface Proposal {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** The membership as of some applied index. Lists are sorted by id. */
export interface ConfState {
  /** The voters; in a joint configuration the incoming ones. */
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** The outgoing voters of a joint configuration, else empty. */
  readonly votersOutgoing: readonly NodeId[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly NodeId[];
  /** The leader leaves the joint configuration by itself once it is applied. */
  readonly autoLeave: boolean;
}

/** The position of a snapshot in the log, and the membership at that point. */
export interface SnapshotMetadata {
  readonly index: LogIndex;
  readonly term: Term;
  readonly confState: ConfState;
}

/** A state machine's image as of `metadata.index`. The core never looks into `data`. */
export interface Snapshot {
  readonly data: Uint8Array;
  readonly metadata: SnapshotMetadata;
}

/**
 * The state besides entries and snapshot that must survive a crash (Raft figure 2); the commit index is a mere help.
 */
export interface HardState {
  readonly term: Term;
  /** The candidate that got this member's vote in `term`, or `noNode`. */
  readonly vote: NodeId;
  readonly commit: LogIndex;
}

/** A member's part in the protocol. */
export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Volatile state worth a log line or a metric when it changes. */
export interface SoftState {
  /** The leader of the current term as far as known, or `noNode`. */
  readonly leader: NodeId;
  readonly role: Role;
}

/**
 * The answer to a `readIndex`: once the state machine has applied up to `index`, a read is linearizable with respect to
 * the moment at which `readIndex` was called.
 */
export interface ReadState {
  readonly index: LogIndex;
  /** The bytes handed to `readIndex`. */
  readonly context: Uint8Array;
}

/** Returned by `Storage` where it cannot answer: the position was truncated away, or is not there yet. */
export type LogGap = 'compacted' | 'unavailable';

/** Bytes that an entry is counted with above its data, wherever sizes in bytes are limited. */
export const entryOverheadBytes = 16;

/** The size that limits count an entry with. */
export function entrySizeBytes(entry: Proposal): number {
  return entry.data.byteLength + entryOverheadBytes;
}

/** The empty ConfState: no members. */
export const emptyConfState: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** The state of a member that has never run. */
export const emptyHardState: HardState = { term: 0, vote: noNode, commit: 0 };
