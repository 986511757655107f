/**
 * The state of one member and the steps that every role shares. The roles' rules stand in functions over this state,
 * one file a role, which see each other in one direction only: replication <- election <- leader, candidate, follower
 * <- raft.
 */
import { mustExist } from '../lib/assert.js';
import type { FullRaftConfig } from './config.js';
import { traceLine } from './events.js';
import type { RaftEvent } from './events.js';
import { RaftLog } from './log.js';
import type { Message, MsgAppResp } from './messages.js';
import { ReadRounds } from './read-rounds.js';
import type { Progress } from './tracker/progress.js';
import { Tracker } from './tracker/tracker.js';
import type { TrackerConfig } from './tracker/tracker.js';
import { noNode } from './types.js';
import type { LogIndex, NodeId, ReadState, Role, Term } from './types.js';

/** Everything a member knows. */
export class RaftState {
  readonly id: NodeId;
  readonly config: FullRaftConfig;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly reads: ReadRounds;

  term: Term = 0;
  vote: NodeId = noNode;
  role: Role = 'follower';
  leader: NodeId = noNode;

  /** Told by the shell to start no election. */
  abstains = false;

  /** Ticks since start. */
  tickCount = 0;
  /**
   * Follower, candidate: ticks since the leader was heard or the election began. Leader: since the last quorum check.
   */
  electionElapsed = 0;
  /** Leader: ticks since the last heartbeat. */
  heartbeatElapsed = 0;
  /** The election starts when electionElapsed gets here. */
  electionTimeout: number;
  /** The stream to the leader is reported broken: its lease no longer counts here. */
  leaderLost = false;
  /** Elections are retried fast up to this tick: a leader's death was reported, not guessed. */
  hurryUntilTick = 0;

  /**
   * While a received snapshot is not installed: the configuration as of the entries that were handed out before it,
   * which the shell may still be applying. The snapshot's own is in force already.
   */
  overtakenConfig: TrackerConfig | undefined = undefined;
  /** Leader: an entry of its term is committed. */
  firstCommitTold = false;
  /** Told to campaign, but a membership change has to be applied first. */
  transferDeferred = false;

  /** Leader: whom it hands over to. */
  leadTransferee: NodeId = noNode;
  /** Leader: it has told somebody in this term to campaign regardless of leases. */
  leaseForfeited = false;
  /** Leader: no membership change may be proposed until this index is applied. */
  pendingConfIndex: LogIndex = 0;
  /** Leader: data bytes of entries proposed and not handed out as committed. */
  uncommittedBytes = 0;
  /** Leader: followers may have something to be sent; looked at once a Ready. */
  appendsDue = false;

  messages: Message[] = [];
  messagesAfterAppend: Message[] = [];
  /** To be stepped by this member itself when the writes of the next Ready are durable. */
  selfAfterAppend: Message[] = [];
  readStates: ReadState[] = [];

  constructor(config: FullRaftConfig) {
    this.id = config.id;
    this.config = config;
    this.log = new RaftLog(config.storage, config);
    this.tracker = new Tracker(config);
    this.reads = new ReadRounds(config.readMode === 'lease');
    this.electionTimeout = this.#drawElectionTimeout();
  }

  /** This member's own progress; undefined where it is not part of the configuration. */
  get self(): Progress | undefined {
    return this.tracker.get(this.id);
  }

  /** True when this member may start elections: a voter that can write, without a snapshot on its way to the disk. */
  get promotable(): boolean {
    if (this.abstains) return false;
    return this.tracker.isVoter(this.id) && this.log.pendingSnapshot === undefined;
  }

  /**
   * True when this member has committed an entry of its term; before that a leader does not know what is committed
   * (§8).
   */
  get committedInTerm(): boolean {
    return this.log.matches(this.log.committed, this.term);
  }

  /** The own progress, on a leader that has one. */
  mustSelf(): Progress {
    return mustExist(this.self, 'progress of the leader itself');
  }

  /** Tells the shell of a transition, and the trace. */
  tell(event: RaftEvent): void {
    this.config.onEvent?.(event);
    if (this.config.trace === undefined) return;
    const line = traceLine(event);
    if (line !== undefined) this.config.trace(`${this.id} [term ${this.term}] ${line}`);
  }

  /** Follower's state in `term`, whatever it was before. */
  reset(term: Term): void {
    if (term !== this.term) {
      this.term = term;
      this.vote = noNode;
    }
    this.leader = noNode;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.electionTimeout = this.#drawElectionTimeout();
    this.leaderLost = false;
    this.transferDeferred = false;
    this.firstCommitTold = false;
    this.leadTransferee = noNode;
    this.leaseForfeited = false;
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.appendsDue = false;
    this.tracker.resetVotes();
    this.reads.reset();
    const next = this.log.lastIndex() + 1;
    for (const member of this.tracker.members) {
      member.reset(next, member.id === this.id ? this.log.stableIndex : 0);
    }
  }

  #drawElectionTimeout(): number {
    const { electionTicks, prng } = this.config;
    return electionTicks + prng.below(electionTicks);
  }

  /** Tells whether this member still believes a leader to be alive, and so refuses votes (thesis 4.2.3). */
  inLease(): boolean {
    const { checkQuorum, electionTicks, readMode } = this.config;
    if (!checkQuorum) return false;
    // A restarted member has forgotten its promise not to vote: with lease reads it refuses votes for as long as such a
    // promise may last.
    if (readMode === 'lease' && this.tickCount < electionTicks) return true;
    return this.leader !== noNode && !this.leaderLost && this.electionElapsed < electionTicks;
  }

  /** A sign of life from the leader of this term. */
  heardFromLeader(leader: NodeId): void {
    this.leader = leader;
    this.electionElapsed = 0;
    if (this.hurryUntilTick === 0) return;
    // The short timeouts of its hurry must not outlive it.
    this.leaderLost = false;
    this.hurryUntilTick = 0;
    this.electionTimeout = this.#drawElectionTimeout();
  }

  /**
   * Acks an append once it is durable. Acks to one leader that follow each other are merged: the highest says it all.
   */
  sendAppendAck(to: NodeId, index: LogIndex): void {
    const previous = this.messagesAfterAppend.at(-1);
    const ack: MsgAppResp = {
      type: 'MsgAppResp',
      to,
      from: this.id,
      term: this.term,
      index,
      reject: false,
      rejectHint: 0,
      logTerm: 0,
    };
    if (
      previous?.type === 'MsgAppResp' &&
      !previous.reject &&
      previous.to === to &&
      previous.term === this.term
    ) {
      if (previous.index < index) {
        this.messagesAfterAppend[this.messagesAfterAppend.length - 1] = ack;
      }
      return;
    }
    this.messagesAfterAppend.push(ack);
  }
}
