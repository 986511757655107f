/** The interface of the core to a shell: its inputs, the work it hands out, its status. `RawNode` implements it. */
import type { ConfChange, ConfChangeV2 } from './confchange/types.js';
import type { DropReason } from './errors.js';
import type { Message } from './messages.js';
import type {
  ConfState,
  Entry,
  HardState,
  LogGap,
  LogIndex,
  NodeId,
  Proposal,
  ReadState,
  Role,
  Snapshot,
  SoftState,
  Term,
} from './types.js';

/**
 * A piece of work for the shell. `ready()` hands out nothing twice; the shell may take the next Ready while this one is
 * still being written, as long as writes reach the disk in order of `number`.
 */
export interface Ready {
  /** Counts up by one. */
  readonly number: number;
  /** Set when leader or role changed. Needs no disk. */
  readonly softState: SoftState | undefined;
  /** To be durable before `messagesAfterAppend` leave. Set when term, vote or commit changed. */
  readonly hardState: HardState | undefined;
  /** To be durable before `messagesAfterAppend` leave. They replace whatever is stored at their indexes and after. */
  readonly entries: readonly Entry[];
  /**
   * To be stored and put into the state machine before `onAppendDone`; comes before `entries`, and counts as applied
   * then.
   */
  readonly snapshot: Snapshot | undefined;
  /**
   * To be applied, in order, then reported by `appliedTo`. Durable here already (but see `RaftConfig.applyUnstable`).
   */
  readonly committedEntries: readonly Entry[];
  /** May leave at once, before anything is written (the leader's appends: thesis 10.2.1). */
  readonly messages: readonly Message[];
  /** Votes and acks: leave when this Ready and every one before it is durable. */
  readonly messagesAfterAppend: readonly Message[];
  /** Reads that may be served once the state machine has applied `index`. */
  readonly readStates: readonly ReadState[];
  /** False where only the commit index changed: then the hard state may be written without a sync. */
  readonly mustSync: boolean;
}

/** One member as its leader sees it. */
export interface ProgressStatus {
  readonly id: NodeId;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly recentActive: boolean;
  readonly isLearner: boolean;
  readonly pendingSnapshot: LogIndex;
  readonly inflightMsgs: number;
  readonly paused: boolean;
}

/** A copy of the node's state. */
export interface Status {
  readonly id: NodeId;
  readonly term: Term;
  readonly vote: NodeId;
  readonly leader: NodeId;
  readonly role: Role;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** Entries up to here are durable on this member. */
  readonly stableIndex: LogIndex;
  readonly leadTransferee: NodeId;
  /** Index of a received snapshot that is accepted and not installed yet; 0: none. */
  readonly pendingSnapshot: LogIndex;
  readonly confState: ConfState;
  /** Sorted by id; empty unless this member leads. */
  readonly progress: readonly ProgressStatus[];
}

/** The node. Every method is synchronous; none waits, none does IO. */
export interface RaftNode {
  readonly id: NodeId;
  /** Cheap reads for the hot path. */
  readonly term: Term;
  readonly leader: NodeId;
  readonly role: Role;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;

  /** The term of the entry at `index`, stored or not. */
  termAt(index: LogIndex): Term | LogGap;

  /** Advances the node's time by one tick. */
  tick(): void;
  /** Starts an election now (with a pre-vote where configured). */
  campaign(): void;
  /**
   * The same for a member that has just started and can reach a quorum: while nobody leads it asks again within ticks,
   * and of two that ask at the same time one steps aside, as after `leaderConnectionLost`. Nothing where a leader is
   * known.
   */
  campaignEarly(): void;
  /** Appends `data` at the leader or forwards it to it. @throws ProposalDroppedError */
  propose(data: Uint8Array): void;
  /**
   * As `propose`, several at once: all are taken, next to each other and in order, or none.
   * @throws ProposalDroppedError
   */
  proposeBatch(proposals: readonly Proposal[]): void;
  /**
   * Proposes a membership change: one at a time, and none that is impossible. @throws ProposalDroppedError, with reason
   * `confChangePending` or `confChangeIllegal` where the leader refuses it
   */
  proposeConfChange(change: ConfChange | ConfChangeV2): void;
  /**
   * Must be called for every committed entry of type confChange or confChangeV2, in order, before `appliedTo` reports
   * it; where the application refuses the change, with `refusedConfChange`. @returns the new membership, to be stored
   * with the applied index.
   * @throws ConfChangeError, with nothing changed, where the change is impossible.
   */
  applyConfChange(change: ConfChange | ConfChangeV2): ConfState;
  /**
   * Takes a message from another member.
   * @returns why a forwarded proposal was dropped. Messages for others are ignored.
   */
  step(message: Message): DropReason | undefined;
  /** Tells whether `ready()` would return work. */
  hasReady(): boolean;
  /** Takes the work that has come up since the last call. */
  ready(): Ready;
  /** `ready` and all before it are durable. Call for each Ready, in order, before or after its entries are applied. */
  onAppendDone(ready: Ready): void;
  /** The state machine has applied everything up to `index`. */
  appliedTo(index: LogIndex): void;
  /** `onAppendDone` and `appliedTo` in one, for a shell that does one Ready after the other. */
  advance(ready: Ready): void;
  /**
   * Asks for a read index; the answer comes as `Ready.readStates` with the same context. The answer may never come
   * (messages lost, leader changed): ask again after a while. @returns false where it was dropped at once: no leader is
   * known, or too many wait.
   */
  readIndex(context: Uint8Array): boolean;
  /**
   * The leader hands over to `transferee` (a voter); a follower asks the leader to. Given up after an election timeout.
   */
  transferLeader(transferee: NodeId): void;
  /**
   * While on, this member starts no election and gives up one that it has started: it could not write its own vote. It
   * goes on voting and following as its disk allows; a leader goes on leading until it hands over.
   */
  abstain(on: boolean): void;
  /** A message to `id` could not be sent: the leader probes instead of streaming. */
  reportUnreachable(id: NodeId): void;
  /** Reports the outcome of sending a snapshot to `id`. */
  reportSnapshot(id: NodeId, status: 'finished' | 'failed'): void;
  /**
   * The stream to or from `leader` broke and could not be opened again. Call it after what had still arrived was
   * stepped, and again on each further failure to open it. A pre-vote starts within `connectionLostTicks`; ignored
   * unless `leader` is the leader followed.
   */
  leaderConnectionLost(leader: NodeId): void;
  /** Forgets the leader without a change of term, so that this member may grant votes. No-op on the leader. */
  forgetLeader(): void;
  status(): Status;
}
