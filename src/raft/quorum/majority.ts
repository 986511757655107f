/** Majorities of one set of voters: what has a quorum reached, how does a vote stand. */
import type { NodeId } from '../types.js';

/** The state of a vote: `pending` while either outcome is possible. */
export type VoteResult = 'won' | 'lost' | 'pending';

/** Returns the size of a majority of `count` voters. */
export function quorumSize(count: number): number {
  return (count >> 1) + 1;
}

/**
 * The largest value that a majority has reached (indexes, rounds). Sorts `reached` in place: it is the caller's scratch
 * array, one value per voter. No voters at all agree to anything (`Infinity`), which makes half of a joint quorum
 * vanish.
 */
export function majorityReached(reached: number[]): number {
  const count = reached.length;
  if (count === 0) return Infinity;
  // Insertion sort: at most a handful of voters, and almost sorted.
  for (let i = 1; i < count; i++) {
    const value = reached[i] as number;
    let j = i - 1;
    while (j >= 0 && (reached[j] as number) > value) {
      reached[j + 1] = reached[j] as number;
      j--;
    }
    reached[j + 1] = value;
  }
  return reached[count - quorumSize(count)] as number;
}

/** Counts the vote of `voters`. Without any voters it is won. */
export function majorityVote(
  voters: ReadonlySet<NodeId>,
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  if (voters.size === 0) return 'won';
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const needed = quorumSize(voters.size);
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
}
