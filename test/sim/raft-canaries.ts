/** Known mistakes, put back into a member's Raft core. */
import type { RaftState } from '../../src/raft/raft-state.js';
import type { Canary } from './raft-options.js';

/** Puts a known mistake back into one member's core. */
export function putBugBack(state: RaftState, canary: Canary): void {
  const { log, tracker, reads } = state;
  if (canary === 'commitOldTerm') {
    const matches = log.matches.bind(log);
    log.matches = (index, term) =>
      state.role === 'leader' && index > log.committed ? true : matches(index, term);
  } else if (canary === 'voteForStaleLog') {
    log.isUpToDate = () => true;
  } else if (canary === 'readWithoutQuorum') {
    tracker.confirmedRound = () => Infinity;
  } else if (canary === 'leaseNeverEnds') {
    Object.defineProperty(reads, 'leaseStart', { get: () => state.tickCount });
  }
}
