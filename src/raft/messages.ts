/**
 * The messages between members: a union discriminated by `type`, the only thing that crosses the wire. Local inputs
 * (ticks, proposals, completions, connection reports) are methods of `RawNode` and no messages, so nothing that comes
 * from the network can pretend to be one. All messages may be lost, repeated, delayed and reordered.
 */
import type { DropReason } from './errors.js';
import type { LogIndex, Entry, NodeId, Proposal, Snapshot, Term } from './types.js';

interface Envelope {
  readonly to: NodeId;
  readonly from: NodeId;
  /** The sender's term, or the term it asks votes for. 0 on forwarded requests, which are valid in any term. */
  readonly term: Term;
}

/** Log entries forwarded to the leader. Term 0. */
export interface MsgProp extends Envelope {
  readonly type: 'MsgProp';
  /**
   * Only the leader of that term may append them; 0: any, as earlier builds send it. So a member that has applied the
   * first entry of a later term knows that those it has not met by then are in no log that counts:
   * 1. Member 2 forwards a proposal to 1, which leads term 5; the message is slow.
   * 2. Member 3 wins term 6. Member 2 applies 3's first entry, takes its proposal back and gives it to 3.
   * 3. Member 1 wins term 7, and now the message of step 1 arrives. Appended, it would be carried out twice.
   */
  readonly onlyInTerm: Term;
  readonly entries: readonly Proposal[];
}

/**
 * Not taken by whom they were forwarded to, and in no log: they may be proposed again. Sent and taken by shells, from
 * what `step` returns; the core does not look at it. Term 0.
 */
export interface MsgPropDropped extends Envelope {
  readonly type: 'MsgPropDropped';
  readonly entries: readonly Proposal[];
  readonly reason: DropReason;
}

/** AppendEntries: the entries after `index`, whose own term is `logTerm`. May carry no entries (probe, new commit). */
export interface MsgApp extends Envelope {
  readonly type: 'MsgApp';
  readonly index: LogIndex;
  readonly logTerm: Term;
  readonly commit: LogIndex;
  readonly entries: readonly Entry[];
  /** Only to tell of the commit: an ack would tell the leader nothing new, and is not sent. A refusal is. */
  readonly quiet: boolean;
}

/**
 * Answer to MsgApp and MsgSnap. Not rejected: the log is durable and matches the leader's up to `index`. Rejected: the
 * entry at `index` did not match; the follower's log may match at `rejectHint`, where its term is `logTerm`.
 */
export interface MsgAppResp extends Envelope {
  readonly type: 'MsgAppResp';
  readonly index: LogIndex;
  readonly reject: boolean;
  readonly rejectHint: LogIndex;
  readonly logTerm: Term;
}

/**
 * The last entry that the sender knows to be committed. A member that has this very entry may count it as committed.
 * Without the hint a group could get stuck: a voter that did not learn that a membership change was committed needs the
 * vote of a member that did, and is no voter any more.
 */
interface CommitHint {
  readonly commit: LogIndex;
  /** Term of the entry at `commit`. */
  readonly commitTerm: Term;
}

interface VoteRequest extends Envelope, CommitHint {
  /** Index and term of the candidate's last entry. */
  readonly index: LogIndex;
  readonly logTerm: Term;
  /** The election was asked for by the leader (leadership transfer): leases do not count. */
  readonly transfer: boolean;
}

/** RequestVote; `term` is the candidate's. */
export interface MsgVote extends VoteRequest {
  readonly type: 'MsgVote';
}

/** Would you vote for me in `term`? The asker has not moved to that term, and nor does the asked (thesis 9.6). */
export interface MsgPreVote extends VoteRequest {
  readonly type: 'MsgPreVote';
}

interface VoteResponse extends Envelope, CommitHint {
  readonly reject: boolean;
}

/** A vote, durable before it leaves, or its refusal. */
export interface MsgVoteResp extends VoteResponse {
  readonly type: 'MsgVoteResp';
}

/** Granted: `term` is the asked term. Rejected: `term` is the answerer's own. */
export interface MsgPreVoteResp extends VoteResponse {
  readonly type: 'MsgPreVoteResp';
}

/**
 * InstallSnapshot. The shell may carry `snapshot.data` by other means; the follower steps the message when it has all.
 */
export interface MsgSnap extends Envelope {
  readonly type: 'MsgSnap';
  readonly snapshot: Snapshot;
}

/** Sign of life; commits at most what the follower is known to have. */
export interface MsgHeartbeat extends Envelope {
  readonly type: 'MsgHeartbeat';
  readonly commit: LogIndex;
  /** The leader's count of heartbeat rounds in this term; echoed. A quorum of echoes confirms reads and the lease. */
  readonly round: number;
}

/** Answers a heartbeat. */
export interface MsgHeartbeatResp extends Envelope {
  readonly type: 'MsgHeartbeatResp';
  readonly round: number;
}

/** The leader tells `to` to campaign at once (leadership transfer, thesis 3.10). */
export interface MsgTimeoutNow extends Envelope {
  readonly type: 'MsgTimeoutNow';
}

/** A follower passes on the wish that `transferee` shall lead. Term 0. */
export interface MsgTransferLeader extends Envelope {
  readonly type: 'MsgTransferLeader';
  readonly transferee: NodeId;
}

/** A follower asks the leader for a read index. Term 0. */
export interface MsgReadIndex extends Envelope {
  readonly type: 'MsgReadIndex';
  readonly context: Uint8Array;
}

/** Answers a read index: the commit index when the leader was sure of its lead. */
export interface MsgReadIndexResp extends Envelope {
  readonly type: 'MsgReadIndexResp';
  readonly index: LogIndex;
  readonly context: Uint8Array;
}

/** Everything that members say to each other. */
export type Message =
  | MsgProp
  | MsgApp
  | MsgAppResp
  | MsgVote
  | MsgVoteResp
  | MsgPreVote
  | MsgPreVoteResp
  | MsgSnap
  | MsgHeartbeat
  | MsgHeartbeatResp
  | MsgTimeoutNow
  | MsgTransferLeader
  | MsgReadIndex
  | MsgReadIndexResp
  | MsgPropDropped;

/** A message by its name. */
export type MessageType = Message['type'];
