/** A copy of a member's state, for people and metrics. */
import type { ProgressStatus, Status } from './node-api.js';
import type { RaftState } from './raft-state.js';
import type { Progress } from './tracker/progress.js';
import { confStateFromConfig } from './tracker/tracker.js';

/** Copies the state of `r`. */
export function statusOf(r: RaftState): Status {
  return {
    id: r.id,
    term: r.term,
    vote: r.vote,
    leader: r.leader,
    role: r.role,
    commit: r.log.committed,
    applied: r.log.applied,
    firstIndex: r.log.firstIndex(),
    lastIndex: r.log.lastIndex(),
    stableIndex: r.log.stableIndex,
    leadTransferee: r.leadTransferee,
    pendingSnapshot: r.log.pendingSnapshot?.metadata.index ?? 0,
    confState: confStateFromConfig(r.tracker.config),
    progress: r.role === 'leader' ? r.tracker.members.map(progressStatus) : [],
  };
}

function progressStatus(member: Progress): ProgressStatus {
  const { id, match, next, state, recentActive, isLearner, pendingSnapshot } = member;
  return {
    id,
    match,
    next,
    state,
    recentActive,
    isLearner,
    pendingSnapshot,
    inflightMsgs: member.inflights.count,
    paused: member.paused,
  };
}
