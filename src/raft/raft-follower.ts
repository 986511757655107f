/**
 * The steps of followers and candidates (Raft §5.2, §5.3, §7): take the leader's log, pass requests on, count votes.
 */
import { assert } from '../lib/assert.js';
import type { DropReason } from './errors.js';
import { becomeFollower, recordVote, startElection } from './election.js';
import { restoreSnapshot } from './membership.js';
import type { Message, MsgApp, MsgHeartbeat, MsgProp, MsgSnap } from './messages.js';
import type { RaftState } from './raft-state.js';
import { noNode } from './types.js';

/** A message for a candidate or pre-candidate, of its term (or answering its pre-vote) or of none. */
export function stepCandidate(r: RaftState, m: Message): DropReason | undefined {
  switch (m.type) {
    case 'MsgProp':
      return 'noLeader';
    case 'MsgApp':
    case 'MsgHeartbeat':
    case 'MsgSnap':
      // Somebody else has won this term (§5.2).
      becomeFollower(r, m.term, m.from);
      return stepFollower(r, m);
    case 'MsgPreVoteResp':
      // A grant for the present term answers an earlier round of asking.
      if (r.role === 'preCandidate' && (m.reject || m.term > r.term))
        recordVote(r, m.from, !m.reject);
      return undefined;
    case 'MsgVoteResp':
      if (r.role === 'candidate') recordVote(r, m.from, !m.reject);
      return undefined;
    default:
      return undefined;
  }
}

/** A message for a follower, of its term or of none. */
export function stepFollower(r: RaftState, m: Message): DropReason | undefined {
  switch (m.type) {
    case 'MsgProp':
      return forwardProposal(r, m);
    case 'MsgReadIndex':
    case 'MsgTransferLeader':
      if (r.leader !== noNode && r.leader !== m.from) r.messages.push({ ...m, to: r.leader });
      return undefined;
    case 'MsgReadIndexResp':
      r.readStates.push({ index: m.index, context: m.context });
      return undefined;
    case 'MsgApp':
      hear(r, m);
      handleAppend(r, m);
      return undefined;
    case 'MsgHeartbeat':
      hear(r, m);
      handleHeartbeat(r, m);
      return undefined;
    case 'MsgSnap':
      hear(r, m);
      handleSnapshot(r, m);
      return undefined;
    case 'MsgTimeoutNow':
      r.tell({ kind: 'timeoutNow', from: m.from });
      startElection(r, 'transfer');
      return undefined;
    default:
      return undefined;
  }
}

function forwardProposal(r: RaftState, m: MsgProp): DropReason | undefined {
  if (r.leader === noNode || r.leader === m.from) return 'noLeader';
  if (r.config.disableProposalForwarding) return 'forwardingDisabled';
  // What comes from elsewhere and is meant for another term is nobody's here.
  if (m.onlyInTerm !== 0 && m.onlyInTerm !== r.term) return 'otherTerm';
  r.messages.push({ ...m, to: r.leader, onlyInTerm: r.term });
  return undefined;
}

function hear(r: RaftState, m: MsgApp | MsgHeartbeat | MsgSnap): void {
  assert(r.leader === noNode || r.leader === m.from, 'a term has one leader');
  r.heardFromLeader(m.from);
}

function handleAppend(r: RaftState, m: MsgApp): void {
  if (m.index < r.log.committed) {
    // Delayed: what is committed here is in every leader's log.
    if (!m.quiet) r.sendAppendAck(m.from, r.log.committed);
    return;
  }
  const last = r.log.maybeAppend({ index: m.index, term: m.logTerm }, m.entries, m.commit);
  if (last !== undefined) {
    if (!m.quiet) r.sendAppendAck(m.from, last);
    return;
  }
  // The hint: our last entry that may match, skipping all of terms above the one that was tried.
  const hint = r.log.findConflictByTerm(Math.min(m.index, r.log.lastIndex()), m.logTerm);
  r.messagesAfterAppend.push({
    type: 'MsgAppResp',
    to: m.from,
    from: r.id,
    term: r.term,
    index: m.index,
    reject: true,
    rejectHint: hint.index,
    logTerm: hint.term,
  });
}

function handleHeartbeat(r: RaftState, m: MsgHeartbeat): void {
  r.log.commitTo(m.commit);
  const { round } = m;
  r.messages.push({ type: 'MsgHeartbeatResp', to: m.from, from: r.id, term: r.term, round });
}

function handleSnapshot(r: RaftState, m: MsgSnap): void {
  const restored = restoreSnapshot(r, m.snapshot);
  r.sendAppendAck(m.from, restored ? r.log.lastIndex() : r.log.committed);
}

/** A tick on anybody but the leader. */
export function tickElection(r: RaftState): void {
  r.electionElapsed++;
  if (r.electionElapsed < r.electionTimeout || !r.promotable) return;
  r.tell({ kind: 'electionTimeout', leader: r.leader, ticks: r.electionElapsed });
  r.electionElapsed = 0;
  startElection(r, r.config.preVote ? 'preElection' : 'election');
}
