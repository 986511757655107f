/**
 * The transitions of a member that a person would want to see, told at the moment they happen.
 *
 * The core tells them through an injected sink (`RaftConfig.onEvent`), as it tells its trace, and reads nothing back: a
 * shell that compared states could neither know why a vote was refused nor see the two transitions of one step
 * (pre-candidate to candidate to leader in a quorum of one), and a list in `Ready` would lose the moment.
 */
import { assertNever } from '../lib/assert.js';
import { noNode } from './types.js';
import type { LogIndex, NodeId, Term } from './types.js';

/**
 * Why a vote or a pre-vote is not given: another one was in this term (§5.2), the asker's log lacks entries (§5.4.1), a
 * leader is alive (§6, thesis 4.2.3), a leader of this very term is known, the asked term is over, or the asked member
 * asks as well and has the better claim.
 */
export type VoteRefusal =
  'alreadyVoted' | 'logBehind' | 'leaderAlive' | 'leaderKnown' | 'termOver' | 'ownCandidacy';

/** One transition; `term` is the member's own where an event names none. */
export type RaftEvent =
  /** It follows `leader`, or nobody yet (0). */
  | { readonly kind: 'follower'; readonly leader: NodeId }
  /** It asks `voters` whether they would vote for it in `term` (thesis 9.6). */
  | { readonly kind: 'preCandidate'; readonly term: Term; readonly voters: number }
  /** It asks `voters` for their votes (§5.2). @property transfer on the leader's wish (thesis 3.10) */
  | { readonly kind: 'candidate'; readonly voters: number; readonly transfer: boolean }
  /** It leads; the entry at `index` starts its term. */
  | { readonly kind: 'leader'; readonly index: LogIndex }
  /** An entry of its own term is committed: the leader knows now what is committed (§5.4.2, §8). */
  | { readonly kind: 'firstCommit'; readonly index: LogIndex }
  /** Nothing was heard of `leader` (0: of none) for `ticks`. */
  | { readonly kind: 'electionTimeout'; readonly leader: NodeId; readonly ticks: number }
  /** The connection to `leader` broke. */
  | { readonly kind: 'leaderConnectionLost'; readonly leader: NodeId }
  | {
      readonly kind: 'voteGranted';
      readonly to: NodeId;
      readonly term: Term;
      readonly preVote: boolean;
    }
  | {
      readonly kind: 'voteRefused';
      readonly to: NodeId;
      readonly term: Term;
      readonly preVote: boolean;
      readonly reason: VoteRefusal;
    }
  /** An answer to its own candidacy. */
  | {
      readonly kind: 'voteCounted';
      readonly from: NodeId;
      readonly preVote: boolean;
      readonly granted: boolean;
    }
  | { readonly kind: 'electionLost'; readonly preVote: boolean }
  /** It may not ask for votes: a committed membership change is not applied yet. */
  | { readonly kind: 'candidacyDeferred' }
  /** The leader has heard no quorum for an election timeout and steps down (thesis 6.2). */
  | { readonly kind: 'quorumLost' }
  | { readonly kind: 'transferStarted'; readonly to: NodeId }
  | { readonly kind: 'transferAborted'; readonly to: NodeId }
  /** The leader asks it to campaign at once. */
  | { readonly kind: 'timeoutNow'; readonly from: NodeId }
  | { readonly kind: 'commitLearned'; readonly from: NodeId; readonly index: LogIndex }
  | { readonly kind: 'configChanged'; readonly config: string }
  | { readonly kind: 'snapshotSent'; readonly to: NodeId; readonly index: LogIndex }
  | { readonly kind: 'snapshotRestored'; readonly index: LogIndex; readonly term: Term }
  | { readonly kind: 'snapshotRefused'; readonly index: LogIndex };

const refusals: Readonly<Record<VoteRefusal, string>> = {
  alreadyVoted: 'it has voted for another',
  logBehind: 'the log of the asker is behind',
  leaderAlive: 'a leader is alive',
  leaderKnown: 'the term has a leader',
  termOver: 'the term is over',
  ownCandidacy: 'it asks itself, and goes first',
};

/** An event as a line of the trace; undefined for those whose cause the trace shows anyway. */
export function traceLine(event: RaftEvent): string | undefined {
  switch (event.kind) {
    case 'follower':
      return event.leader === noNode ? 'became follower' : `became follower of ${event.leader}`;
    case 'preCandidate':
      return 'became pre-candidate';
    case 'candidate':
      return 'became candidate';
    case 'leader':
      return 'became leader';
    case 'leaderConnectionLost':
      return `lost its connection to leader ${event.leader}`;
    case 'voteGranted':
      return `grants ${voteName(event)} to ${event.to} for term ${event.term}`;
    case 'voteRefused':
      return `refuses ${voteName(event)} to ${event.to} for term ${event.term}: ${refusals[event.reason]}`;
    case 'candidacyDeferred':
      return 'does not campaign: a committed membership change is not applied yet';
    case 'quorumLost':
      return 'steps down: no quorum was heard for an election timeout';
    case 'transferStarted':
      return `hands over to ${event.to}`;
    case 'commitLearned':
      return `learns from ${event.from} that ${event.index} is committed`;
    case 'configChanged':
      return `configuration ${event.config}`;
    case 'snapshotSent':
      return `sends snapshot ${event.index} to ${event.to}`;
    case 'snapshotRestored':
      return `restores snapshot ${event.index} of term ${event.term}`;
    case 'snapshotRefused':
      return `refuses snapshot ${event.index}: it does not know this member`;
    case 'firstCommit':
    case 'electionTimeout':
    case 'voteCounted':
    case 'electionLost':
    case 'transferAborted':
    case 'timeoutNow':
      return undefined;
    default:
      return assertNever(event, 'event');
  }
}

function voteName(event: { readonly preVote: boolean }): string {
  return event.preVote ? 'pre-vote' : 'vote';
}
