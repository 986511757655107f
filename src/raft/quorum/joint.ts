/** Joint quorums (Raft §6): both majorities must agree. Outside of a membership change the outgoing set is empty. */
import type { NodeId } from '../types.js';
import { majorityReached, majorityVote } from './majority.js';
import type { VoteResult } from './majority.js';

/** The voters of a configuration. */
export interface JointVoters {
  readonly incoming: ReadonlySet<NodeId>;
  /** Not empty within a joint configuration only. */
  readonly outgoing: ReadonlySet<NodeId>;
}

/** Returns the index that both halves have reached. Sorts both scratch arrays in place; see `majorityReached`. */
export function jointReached(incoming: number[], outgoing: number[]): number {
  return Math.min(majorityReached(incoming), majorityReached(outgoing));
}

/** Won when both halves are won, lost when either is. */
export function jointVote(voters: JointVoters, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityVote(voters.incoming, votes);
  const outgoing = majorityVote(voters.outgoing, votes);
  if (incoming === outgoing) return incoming;
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return 'pending';
}
