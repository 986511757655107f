/** The active configuration, the progress of every member and the votes of the running election. */
import { jointReached, jointVote } from '../quorum/joint.js';
import type { JointVoters } from '../quorum/joint.js';
import type { VoteResult } from '../quorum/majority.js';
import type { ConfState, LogIndex, NodeId } from '../types.js';
import { Progress } from './progress.js';
import type { InflightLimits } from './progress.js';

/** A membership: immutable, a change makes a new one. */
export interface TrackerConfig {
  readonly voters: JointVoters;
  /** Disjoint from both halves of `voters`. */
  readonly learners: ReadonlySet<NodeId>;
  /** Part of the outgoing voters; become learners when the joint configuration is left. */
  readonly learnersNext: ReadonlySet<NodeId>;
  readonly autoLeave: boolean;
}

/** Nobody. */
export const emptyTrackerConfig: TrackerConfig = {
  voters: { incoming: new Set(), outgoing: new Set() },
  learners: new Set(),
  learnersNext: new Set(),
  autoLeave: false,
};

/** Ascending order of ids. */
export function compareIds(a: NodeId, b: NodeId): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The configuration that a ConfState describes. */
export function configFromConfState(state: ConfState): TrackerConfig {
  return {
    voters: { incoming: new Set(state.voters), outgoing: new Set(state.votersOutgoing) },
    learners: new Set(state.learners),
    learnersNext: new Set(state.learnersNext),
    autoLeave: state.autoLeave,
  };
}

/** The ConfState that describes a configuration, ids sorted. */
export function confStateFromConfig(config: TrackerConfig): ConfState {
  const sorted = (ids: ReadonlySet<NodeId>): readonly NodeId[] => [...ids].sort(compareIds);
  return {
    voters: sorted(config.voters.incoming),
    learners: sorted(config.learners),
    votersOutgoing: sorted(config.voters.outgoing),
    learnersNext: sorted(config.learnersNext),
    autoLeave: config.autoLeave,
  };
}

/**
 * Members and their progress. Arrays derived from the configuration are kept, so that the hot path looks nothing up.
 */
export class Tracker {
  readonly #limits: InflightLimits;
  readonly #progress = new Map<NodeId, Progress>();
  readonly #votes = new Map<NodeId, boolean>();
  #config: TrackerConfig = emptyTrackerConfig;
  #members: readonly Progress[] = [];
  #incoming: readonly Progress[] = [];
  #outgoing: readonly Progress[] = [];
  #incomingScratch: number[] = [];
  #outgoingScratch: number[] = [];

  constructor(limits: InflightLimits) {
    this.#limits = limits;
  }

  get config(): TrackerConfig {
    return this.#config;
  }

  /** Every member with a progress, sorted by id. */
  get members(): readonly Progress[] {
    return this.#members;
  }

  /** In a joint configuration. */
  get joint(): boolean {
    return this.#config.voters.outgoing.size > 0;
  }

  get(id: NodeId): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Tells whether `id` votes, in either half. */
  isVoter(id: NodeId): boolean {
    return this.#config.voters.incoming.has(id) || this.#config.voters.outgoing.has(id);
  }

  /** The voters of both halves, sorted. */
  voterIds(): NodeId[] {
    return this.#members.filter((member) => !member.isLearner).map((member) => member.id);
  }

  /** Makes `config` the active one. New members start probing at `next` and count as active. */
  setConfig(config: TrackerConfig, next: LogIndex): void {
    this.#config = config;
    const { incoming, outgoing } = config.voters;
    const ids = new Set([...incoming, ...outgoing, ...config.learners]);
    for (const id of this.#progress.keys()) if (!ids.has(id)) this.#progress.delete(id);
    for (const id of ids) {
      let progress = this.#progress.get(id);
      if (progress === undefined) {
        progress = new Progress(id, next, this.#limits);
        // Else the next quorum check could depose the leader before the newcomer had a chance to speak.
        progress.recentActive = true;
        this.#progress.set(id, progress);
      }
      progress.isLearner = config.learners.has(id);
    }
    this.#members = [...this.#progress.values()].sort((a, b) => compareIds(a.id, b.id));
    this.#incoming = this.#members.filter((member) => incoming.has(member.id));
    this.#outgoing = this.#members.filter((member) => outgoing.has(member.id));
    this.#incomingScratch = this.#incoming.map(() => 0);
    this.#outgoingScratch = this.#outgoing.map(() => 0);
  }

  /** The highest index that a quorum has durably. */
  committed(): LogIndex {
    for (let i = 0; i < this.#incoming.length; i++) {
      this.#incomingScratch[i] = (this.#incoming[i] as Progress).match;
    }
    for (let i = 0; i < this.#outgoing.length; i++) {
      this.#outgoingScratch[i] = (this.#outgoing[i] as Progress).match;
    }
    return jointReached(this.#incomingScratch, this.#outgoingScratch);
  }

  /** The latest heartbeat round that a quorum has answered. */
  confirmedRound(): number {
    for (let i = 0; i < this.#incoming.length; i++) {
      this.#incomingScratch[i] = (this.#incoming[i] as Progress).ackedRound;
    }
    for (let i = 0; i < this.#outgoing.length; i++) {
      this.#outgoingScratch[i] = (this.#outgoing[i] as Progress).ackedRound;
    }
    return jointReached(this.#incomingScratch, this.#outgoingScratch);
  }

  /** Tells whether a quorum of the voters was heard from since the flags were cleared. */
  quorumActive(): boolean {
    const heard = new Map<NodeId, boolean>();
    for (const member of this.#members) heard.set(member.id, member.recentActive);
    return jointVote(this.#config.voters, heard) === 'won';
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** Notes a vote; the first one of a member counts. */
  recordVote(id: NodeId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  voteResult(): VoteResult {
    return jointVote(this.#config.voters, this.#votes);
  }
}
