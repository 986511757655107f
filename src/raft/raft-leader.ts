/** The leader's rules (Raft §5.3, §5.4.2, §6, §8; thesis 3.10, 6.4). */
import { changeConfig, leavesJoint, toConfChangeV2 } from './confchange/changer.js';
import { decodeConfChange } from './confchange/codec.js';
import { ConfChangeError } from './errors.js';
import type { DropReason } from './errors.js';
import { becomeFollower } from './election.js';
import type { Message, MsgAppResp, MsgHeartbeatResp } from './messages.js';
import type { RaftState } from './raft-state.js';
import type { ReadRequest } from './read-rounds.js';
import { appendProposals, broadcastHeartbeat, maybeCommit, sendTimeoutNow } from './replication.js';
import type { Progress } from './tracker/progress.js';
import { noNode } from './types.js';
import type { NodeId, Proposal } from './types.js';

/** A message for the leader, of its term or of none. */
export function stepLeader(r: RaftState, m: Message): DropReason | undefined {
  switch (m.type) {
    case 'MsgProp':
      if (m.onlyInTerm !== 0 && m.onlyInTerm !== r.term) return 'otherTerm';
      return proposeAtLeader(r, m.entries);
    case 'MsgReadIndex':
      readAtLeader(r, m);
      return undefined;
    case 'MsgTransferLeader':
      transferFromLeader(r, m.transferee);
      return undefined;
    case 'MsgAppResp':
    case 'MsgHeartbeatResp': {
      const member = r.tracker.get(m.from);
      if (member === undefined) return undefined;
      member.recentActive = true;
      if (m.type === 'MsgHeartbeatResp') handleHeartbeatResp(r, member, m);
      else if (m.reject) handleRejection(r, member, m);
      else handleAck(r, member, m);
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Takes proposals, all or none. */
export function proposeAtLeader(
  r: RaftState,
  proposals: readonly Proposal[],
): DropReason | undefined {
  if (proposals.length === 0) return undefined;
  if (r.self === undefined) return 'removed';
  if (r.leadTransferee !== noNode) return 'transferring';
  let confChanges = 0;
  for (const proposal of proposals) {
    if (proposal.type === 'normal') continue;
    confChanges++;
    const refused = refuseConfChange(r, proposal);
    if (refused !== undefined) return refused;
  }
  if (confChanges > 1) return 'confChangePending';
  const before = r.log.lastIndex();
  const dropped = appendProposals(r, proposals);
  if (dropped !== undefined || confChanges === 0) return dropped;
  const position = proposals.findIndex((proposal) => proposal.type !== 'normal');
  r.pendingConfIndex = before + 1 + position;
  return undefined;
}

/** Admits one membership change at a time, and only a possible one: entries in the log will be applied. */
function refuseConfChange(r: RaftState, proposal: Proposal): DropReason | undefined {
  if (r.pendingConfIndex > r.log.applied) return 'confChangePending';
  try {
    const change = toConfChangeV2(decodeConfChange(proposal));
    if (r.tracker.joint && !leavesJoint(change)) return 'confChangeIllegal';
    changeConfig(r.tracker.config, change);
    return undefined;
  } catch (error) {
    if (error instanceof ConfChangeError) return 'confChangeIllegal';
    throw error;
  }
}

function handleAck(r: RaftState, member: Progress, m: MsgAppResp): void {
  const probing = member.state === 'probe';
  if (!member.maybeUpdate(m.index) && !(probing && member.match === m.index)) return;
  if (probing) {
    member.becomeReplicate();
  } else if (member.state === 'snapshot') {
    // It may have caught up with what the log still holds without the snapshot that was sent.
    if (member.match + 1 >= r.log.firstIndex()) {
      member.becomeProbe();
      member.becomeReplicate();
    }
  } else {
    member.inflights.freeTo(m.index);
  }
  r.appendsDue = true;
  if (maybeCommit(r)) afterCommit(r);
  if (r.leadTransferee === member.id && member.match === r.log.lastIndex()) sendTimeoutNow(r);
}

/** The commit index rose: reads that waited for the first commit of the term go on. */
export function afterCommit(r: RaftState): void {
  if (!r.committedInTerm) return;
  if (!r.firstCommitTold) {
    r.firstCommitTold = true;
    r.tell({ kind: 'firstCommit', index: r.log.committed });
  }
  for (const request of r.reads.takeEarly()) startRead(r, request);
}

/**
 * The logs do not match at the index that was tried. The hint leads to the next try in one step per term that differs,
 * from either side: the follower has skipped its entries of later terms than the tried one, here the leader skips its
 * own of later terms than the hint's (§5.3, "can be optimized to reduce the number of rejected AppendEntries RPCs").
 */
function handleRejection(r: RaftState, member: Progress, m: MsgAppResp): void {
  const hint =
    m.logTerm > 0 ? r.log.findConflictByTerm(m.rejectHint, m.logTerm).index : m.rejectHint;
  if (!member.maybeDecrTo(m.index, hint)) return;
  if (member.state === 'replicate') member.becomeProbe();
  member.wantsEmpty = true;
  r.appendsDue = true;
}

function handleHeartbeatResp(r: RaftState, member: Progress, m: MsgHeartbeatResp): void {
  if (member.state === 'probe') member.flowPaused = false;
  const lagging = member.match < r.log.lastIndex() || member.state === 'probe';
  if (lagging && member.mayNudge) {
    // Earlier appends may have been lost; one more, even an empty one, makes the follower report its log.
    member.mayNudge = false;
    member.wantsEmpty = true;
    r.appendsDue = true;
  }
  if (m.round <= member.ackedRound) return;
  member.ackedRound = m.round;
  confirmReads(r);
}

function confirmReads(r: RaftState): void {
  for (const { from, context, index } of r.reads.confirm(r.tracker.confirmedRound())) {
    answerRead(r, { from, context }, index);
  }
}

function answerRead(r: RaftState, { from, context }: ReadRequest, index: number): void {
  if (from === r.id) r.readStates.push({ index, context });
  else {
    r.messages.push({
      type: 'MsgReadIndexResp',
      to: from,
      from: r.id,
      term: r.term,
      index,
      context,
    });
  }
}

/** A read asked here or forwarded by a follower. @returns false if too many wait already */
export function readAtLeader(r: RaftState, { from, context }: ReadRequest): boolean {
  if (r.reads.count >= r.config.maxPendingReads) return false;
  // A new leader does not know what its predecessors have committed until it has committed itself (§8).
  if (!r.committedInTerm) r.reads.holdBack({ from, context });
  else startRead(r, { from, context });
  return true;
}

function startRead(r: RaftState, request: ReadRequest): void {
  if (leaseHolds(r)) {
    answerRead(r, request, r.log.committed);
    return;
  }
  if (!r.reads.joinable) {
    r.reads.start(r.tickCount);
    broadcastHeartbeat(r, false);
  }
  r.reads.add(request, r.log.committed);
  // A quorum of one needs no answers.
  confirmReads(r);
}

/**
 * Tells whether no other leader can have been elected yet: followers refuse votes for electionTicks after a heartbeat,
 * which they got no sooner than it was sent. etcd-io/raft trusts the quorum check alone, whose age may be up to two
 * election timeouts.
 */
function leaseHolds(r: RaftState): boolean {
  const { electionTicks, leaseMarginTicks, readMode } = r.config;
  if (readMode !== 'lease' || r.leaseForfeited) return false;
  return r.tickCount - r.reads.leaseStart < electionTicks - leaseMarginTicks;
}

/** Starts handing over to `transferee`: at once if its log is complete, else when it is. */
export function transferFromLeader(r: RaftState, transferee: NodeId): void {
  const member = r.tracker.get(transferee);
  if (member === undefined || !r.tracker.isVoter(transferee)) return;
  if (r.leadTransferee === transferee) return;
  r.leadTransferee = noNode;
  if (transferee === r.id) return;
  r.leadTransferee = transferee;
  // It must be done within an election timeout, else the next quorum check gives it up.
  r.electionElapsed = 0;
  r.tell({ kind: 'transferStarted', to: transferee });
  if (member.match === r.log.lastIndex()) {
    sendTimeoutNow(r);
    return;
  }
  member.wantsEmpty = true;
  r.appendsDue = true;
}

/** A tick on the leader: quorum check once an election timeout, heartbeats. */
export function tickLeader(r: RaftState): void {
  r.heartbeatElapsed++;
  r.electionElapsed++;
  if (r.electionElapsed >= r.config.electionTicks) {
    r.electionElapsed = 0;
    if (r.config.checkQuorum && !checkQuorum(r)) return;
    abortTransfer(r);
  }
  if (r.heartbeatElapsed < r.config.heartbeatTicks) return;
  r.heartbeatElapsed = 0;
  r.reads.start(r.tickCount);
  broadcastHeartbeat(r, true);
}

function abortTransfer(r: RaftState): void {
  if (r.leadTransferee === noNode) return;
  r.tell({ kind: 'transferAborted', to: r.leadTransferee });
  r.leadTransferee = noNode;
}

/** Steps down unless a quorum was heard since the last check (thesis 6.2). */
function checkQuorum(r: RaftState): boolean {
  if (r.self !== undefined) r.self.recentActive = true;
  if (!r.tracker.quorumActive()) {
    r.tell({ kind: 'quorumLost' });
    becomeFollower(r, r.term, noNode);
    return false;
  }
  for (const member of r.tracker.members) {
    if (member.id !== r.id) member.recentActive = false;
  }
  return true;
}

/** The leader's own log is durable further than before: it counts itself now. */
export function ackOwnAppend(r: RaftState): void {
  const self = r.self;
  if (self === undefined || !self.maybeUpdate(r.log.stableIndex)) return;
  if (maybeCommit(r)) afterCommit(r);
}

/** A message to `id` did not get through: what followed it probably did not either. */
export function reportUnreachable(r: RaftState, id: NodeId): void {
  const member = r.tracker.get(id);
  if (member?.state === 'replicate') member.becomeProbe();
}

/**
 * The snapshot sent to `id` arrived or failed. Either way the next try waits for an answer: the ack, or a heartbeat's.
 */
export function reportSnapshot(r: RaftState, id: NodeId, status: 'finished' | 'failed'): void {
  const member = r.tracker.get(id);
  if (member?.state !== 'snapshot') return;
  if (status === 'failed') member.pendingSnapshot = 0;
  member.becomeProbe();
  member.flowPaused = true;
}
