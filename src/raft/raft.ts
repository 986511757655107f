/** The entry to the state machine: a message's term comes first (Raft §5.1), then the role's rules. */
import { assert, assertNever } from '../lib/assert.js';
import { completeConfig } from './config.js';
import type { RaftConfig } from './config.js';
import type { DropReason } from './errors.js';
import { becomeFollower, handleVoteRequest, learnCommit } from './election.js';
import { setConfig } from './membership.js';
import type { Message, MsgPreVote, MsgVote } from './messages.js';
import { stepCandidate, stepFollower, tickElection } from './raft-follower.js';
import { stepLeader, tickLeader } from './raft-leader.js';
import { RaftState } from './raft-state.js';
import { configFromConfState } from './tracker/tracker.js';
import { noNode } from './types.js';

/** A member as its storage remembers it: a follower that knows no leader. */
export function startRaft(options: RaftConfig): RaftState {
  const r = new RaftState(completeConfig(options));
  const { hardState, confState } = r.config.storage.initialState();
  assert(hardState.commit <= r.log.lastIndex(), 'what was committed is stored');
  setConfig(r, configFromConfState(confState));
  r.term = hardState.term;
  r.vote = hardState.vote;
  // The state machine may have become durable before the hard state that says so: what is applied is committed.
  r.log.commitTo(Math.max(hardState.commit, r.config.applied));
  r.log.appliedTo(r.config.applied);
  becomeFollower(r, r.term, noNode);
  return r;
}

/** Advances time by one tick. */
export function tickRaft(r: RaftState): void {
  r.tickCount++;
  if (r.role === 'leader') tickLeader(r);
  else tickElection(r);
}

/** Handles one message from another member, or from this one to itself. */
export function stepRaft(r: RaftState, m: Message): DropReason | undefined {
  // A committed entry is committed in any term: even an otherwise outdated answer may tell of it.
  if ('commitTerm' in m) learnCommit(r, m);
  if (m.term > r.term) {
    if (!acceptHigherTerm(r, m)) return undefined;
  } else if (m.term !== 0 && m.term < r.term) {
    answerLowerTerm(r, m);
    return undefined;
  }
  if (m.type === 'MsgVote' || m.type === 'MsgPreVote') {
    handleVoteRequest(r, m);
    return undefined;
  }
  switch (r.role) {
    case 'leader':
      return stepLeader(r, m);
    case 'follower':
      return stepFollower(r, m);
    case 'candidate':
    case 'preCandidate':
      return stepCandidate(r, m);
    default:
      return assertNever(r.role, 'role');
  }
}

/** Moves to the message's term where that is called for. @returns whether the message is to be handled */
function acceptHigherTerm(r: RaftState, m: Message): boolean {
  switch (m.type) {
    case 'MsgVote':
    case 'MsgPreVote':
      // While a leader is known to be alive nobody may depose it, be it a partitioned member that comes back or a
      // removed one (§6, thesis 4.2.3), unless the leader itself wants it.
      if (!m.transfer && r.inLease()) {
        r.tell({ ...answered(m), reason: 'leaderAlive' });
        return false;
      }
      if (m.type === 'MsgVote') becomeFollower(r, m.term, noNode);
      return true;
    case 'MsgPreVoteResp':
      // Granted: the term asked about, to which nobody has moved yet. Refused: the other's term.
      if (m.reject) becomeFollower(r, m.term, noNode);
      return m.reject || m.term === r.term + 1;
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      becomeFollower(r, m.term, m.from);
      return true;
    default:
      becomeFollower(r, m.term, noNode);
      return true;
  }
}

/** A refusal of what `m` asks for, without its reason. */
function answered({ type, from, term }: MsgVote | MsgPreVote) {
  return { kind: 'voteRefused', to: from, term, preVote: type === 'MsgPreVote' } as const;
}

/** An outdated message: ignored, but where silence would keep its sender stuck. */
function answerLowerTerm(r: RaftState, m: Message): void {
  const isFromLeader = m.type === 'MsgApp' || m.type === 'MsgHeartbeat' || m.type === 'MsgSnap';
  if (isFromLeader && (r.config.checkQuorum || r.config.preVote)) {
    // We got to this term while cut off, and by PreVote and leases our vote requests are ignored: only this answer can
    // make the leader step down and elections go on, after which we are part of it again.
    r.messagesAfterAppend.push({
      type: 'MsgAppResp',
      to: m.from,
      from: r.id,
      term: r.term,
      index: 0,
      reject: false,
      rejectHint: 0,
      logTerm: 0,
    });
  } else if (m.type === 'MsgPreVote') {
    r.tell({ ...answered(m), reason: 'termOver' });
    r.messages.push({
      type: 'MsgPreVoteResp',
      to: m.from,
      from: r.id,
      term: r.term,
      reject: true,
      commit: r.log.committed,
      commitTerm: r.log.committedTerm(),
    });
  }
}
