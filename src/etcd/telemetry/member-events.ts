/** The events that a member tells of itself: Raft's, and those of its connections, disk and writers. */
import type { MemberEvent } from '../../gen/telemetry.js';
import { assertNever } from '../../lib/assert.js';
import type { RaftEvent } from '../../raft/index.js';

/** The events of a member beside those of Raft. */
export type ShellEvent =
  | { readonly kind: 'started' | 'stopping' }
  | { readonly kind: 'peerConnected' | 'peerLost'; readonly peer: bigint }
  /** A snapshot has reached a follower, or has not. */
  | {
      readonly kind: 'snapshotDelivered' | 'snapshotFailed';
      readonly peer: bigint;
      readonly index: number;
      readonly durationMs: number;
    }
  /** `count` syncs of the raft log took too long; the worst of them so long. */
  | { readonly kind: 'diskSlow'; readonly count: number; readonly durationMs: number }
  /** No write was done for so long, and then `count` that had waited. */
  | { readonly kind: 'writesWaited'; readonly count: number; readonly durationMs: number }
  /** `count` writes were given up, after no write was done for so long. */
  | { readonly kind: 'writesFailed'; readonly count: number; readonly durationMs: number };

/** An event before the journal has given it its number and time. */
export type UnnumberedEvent = Omit<MemberEvent, 'sequence' | 'atMs' | 'monotonicMs'>;

const empty: UnnumberedEvent = {
  kind: '',
  term: 0,
  peer: 0n,
  index: 0,
  preVote: false,
  granted: false,
  reason: '',
  durationMs: 0,
  count: 0,
  transfer: false,
  detail: '',
};

/** @param term the member's @returns the event in the form that is told */
export function shellEvent(event: ShellEvent, term: number): UnnumberedEvent {
  return { ...empty, term, ...event };
}

/** @param term the member's @returns the event in the form that is told */
export function raftEvent(event: RaftEvent, term: number): UnnumberedEvent {
  const told = { ...empty, kind: event.kind, term };
  switch (event.kind) {
    case 'follower':
      return { ...told, peer: event.leader };
    case 'electionTimeout':
      return { ...told, peer: event.leader, count: event.ticks };
    case 'leaderConnectionLost':
      return { ...told, peer: event.leader };
    case 'preCandidate':
      return { ...told, term: event.term, count: event.voters };
    case 'candidate':
      return { ...told, count: event.voters, transfer: event.transfer };
    case 'voteGranted':
      return { ...told, term: event.term, peer: event.to, preVote: event.preVote, granted: true };
    case 'voteRefused': {
      const { to, preVote, reason } = event;
      return { ...told, term: event.term, peer: to, preVote, reason };
    }
    case 'voteCounted':
      return { ...told, peer: event.from, preVote: event.preVote, granted: event.granted };
    case 'electionLost':
      return { ...told, preVote: event.preVote };
    case 'leader':
    case 'firstCommit':
    case 'snapshotRefused':
      return { ...told, index: event.index };
    case 'snapshotRestored':
      return { ...told, index: event.index, detail: `of term ${event.term}` };
    case 'snapshotSent':
      return { ...told, peer: event.to, index: event.index };
    case 'commitLearned':
      return { ...told, peer: event.from, index: event.index };
    case 'transferStarted':
    case 'transferAborted':
      return { ...told, peer: event.to };
    case 'timeoutNow':
      return { ...told, peer: event.from };
    case 'configChanged':
      return { ...told, detail: event.config };
    case 'candidacyDeferred':
    case 'quorumLost':
      return told;
    default:
      return assertNever(event, 'event');
  }
}
