/**
 * Elections (Raft §5.2, §5.4.1; thesis 9.6 PreVote, 4.2.3 leases, 3.10 transfer) and the changes of role.
 *
 * Fast fail-over: a follower whose stream to the leader broke does not wait for the election timeout. It stops counting
 * the leader's lease and asks for pre-votes at once. Pre-votes disturb nobody: members that still hear the leader
 * refuse, and nothing has changed. Only when a quorum has lost the leader does a real election start. While it hurries,
 * a member asks again after a few ticks instead of an election timeout, because the others may learn of the loss a
 * little later; and of two that ask at the same time the one with the better log (then the lower id) goes first,
 * because two candidates would split the votes. Safety rests on votes alone and is not touched; what is given up is the
 * lease, see `RaftConfig.readMode`.
 */
import { assert } from '../lib/assert.js';
import type { VoteRefusal } from './events.js';
import type { MsgPreVote, MsgPreVoteResp, MsgVote, MsgVoteResp } from './messages.js';
import type { RaftState } from './raft-state.js';
import { appendProposals } from './replication.js';
import { noNode } from './types.js';
import type { NodeId, Term } from './types.js';

/** The kinds of elections: with a pre-vote first, at once, or on the leader's wish. */
export type CampaignKind = 'preElection' | 'election' | 'transfer';

const emptyData = new Uint8Array(0);

/** Follows `leader` (or nobody yet) in `term`. */
export function becomeFollower(r: RaftState, term: Term, leader: NodeId): void {
  r.reset(term);
  r.role = 'follower';
  r.leader = leader;
  r.hurryUntilTick = 0;
  r.tell({ kind: 'follower', leader });
}

/** Asks for pre-votes: neither term nor vote changes. */
function becomePreCandidate(r: RaftState): void {
  assert(r.role !== 'leader', 'a leader does not campaign');
  r.role = 'preCandidate';
  r.leader = noNode;
  r.leaderLost = false;
  r.tracker.resetVotes();
  r.tell({ kind: 'preCandidate', term: r.term + 1, voters: r.tracker.voterIds().length });
}

function becomeCandidate(r: RaftState, transfer: boolean): void {
  assert(r.role !== 'leader', 'a leader does not campaign');
  r.reset(r.term + 1);
  r.role = 'candidate';
  r.vote = r.id;
  r.tell({ kind: 'candidate', voters: r.tracker.voterIds().length, transfer });
}

function becomeLeader(r: RaftState): void {
  assert(r.role !== 'follower', 'a follower is elected first');
  r.reset(r.term);
  r.role = 'leader';
  r.leader = r.id;
  r.hurryUntilTick = 0;
  const self = r.mustSelf();
  self.becomeReplicate();
  self.recentActive = true;
  // Membership changes of earlier terms may lie unapplied in the log; waiting for all of it is simplest.
  r.pendingConfIndex = r.log.lastIndex();
  const dropped = appendProposals(r, [{ type: 'normal', data: emptyData }]);
  assert(dropped === undefined, 'the entry that starts a term is always taken');
  r.tell({ kind: 'leader', index: r.log.lastIndex() });
}

/** Starts an election, unless this member leads, may not, or has a membership change to apply first. */
export function startElection(r: RaftState, kind: CampaignKind): void {
  if (r.role === 'leader' || !r.promotable) return;
  if (hasConfChangeToApply(r)) {
    r.tell({ kind: 'candidacyDeferred' });
    // A leader that was voted out asks just when it has told us of that.
    if (kind === 'transfer') r.transferDeferred = true;
    return;
  }
  campaign(r, kind);
}

function hasConfChangeToApply(r: RaftState): boolean {
  const { log } = r;
  return log.applied < log.committed && log.someUnapplied((entry) => entry.type !== 'normal');
}

/** More is applied: an election that waited for that starts. */
export function resumeElection(r: RaftState): void {
  if (!r.transferDeferred || hasConfChangeToApply(r)) return;
  r.transferDeferred = false;
  startElection(r, 'transfer');
}

/** The answerer or asker of a vote knows something to be committed; if we have that entry, we know it too. */
export function learnCommit(
  r: RaftState,
  m: MsgVote | MsgPreVote | MsgVoteResp | MsgPreVoteResp,
): void {
  if (r.role === 'leader' || m.commit <= r.log.committed) return;
  if (!r.log.matches(m.commit, m.commitTerm)) return;
  r.log.commitTo(m.commit);
  r.tell({ kind: 'commitLearned', from: m.from, index: m.commit });
  // The set of voters is about to change: no candidacy under the old configuration.
  if (r.role !== 'follower' && hasConfChangeToApply(r)) becomeFollower(r, r.term, noNode);
}

function campaign(r: RaftState, kind: CampaignKind): void {
  const preVote = kind === 'preElection';
  const hurry = r.tickCount < r.hurryUntilTick;
  if (preVote) becomePreCandidate(r);
  else becomeCandidate(r, kind === 'transfer');
  if (hurry) hurryTimeout(r);
  if (preVote) {
    // Its own pre-vote promises nothing and waits for no disk.
    recordVote(r, r.id, true);
    if (r.role !== 'preCandidate') return;
  } else {
    const { id, term } = r;
    const hint = { commit: 0, commitTerm: 0 };
    r.selfAfterAppend.push({ type: 'MsgVoteResp', to: id, from: id, term, reject: false, ...hint });
  }
  for (const id of r.tracker.voterIds()) {
    if (id !== r.id) sendVoteRequest(r, id, kind);
  }
}

/** The next try comes soon: for pre-votes within ticks, for votes, which need everybody's disk, within heartbeats. */
function hurryTimeout(r: RaftState): void {
  const { connectionLostTicks, heartbeatTicks, prng } = r.config;
  const base = r.role === 'preCandidate' ? 0 : heartbeatTicks;
  r.electionElapsed = 0;
  r.electionTimeout = 1 + base + prng.below(base + connectionLostTicks + 1);
}

function sendVoteRequest(r: RaftState, to: NodeId, kind: CampaignKind): void {
  const preVote = kind === 'preElection';
  r.messages.push({
    type: preVote ? 'MsgPreVote' : 'MsgVote',
    to,
    from: r.id,
    term: preVote ? r.term + 1 : r.term,
    index: r.log.lastIndex(),
    logTerm: r.log.lastTerm(),
    transfer: kind === 'transfer',
    commit: r.log.committed,
    commitTerm: r.log.committedTerm(),
  });
}

/** Counts an answer to the running (pre-)election and draws the consequence. */
export function recordVote(r: RaftState, from: NodeId, granted: boolean): void {
  const preVote = r.role === 'preCandidate';
  r.tracker.recordVote(from, granted);
  r.tell({ kind: 'voteCounted', from, preVote, granted });
  const result = r.tracker.voteResult();
  if (result === 'pending') return;
  if (result === 'lost') loseElection(r);
  else if (r.role === 'preCandidate') campaign(r, 'election');
  else becomeLeader(r);
}

function loseElection(r: RaftState): void {
  const { hurryUntilTick } = r;
  r.tell({ kind: 'electionLost', preVote: r.role === 'preCandidate' });
  becomeFollower(r, r.term, noNode);
  if (r.tickCount >= hurryUntilTick) return;
  r.hurryUntilTick = hurryUntilTick;
  hurryTimeout(r);
}

/**
 * A vote request, of this term or, for pre-votes, of a later one. The vote is granted at most once a term, and only to
 * a candidate with an up-to-date log. (Requests that a lease forbids to hear do not get here.)
 */
export function handleVoteRequest(r: RaftState, m: MsgVote | MsgPreVote): void {
  const preVote = m.type === 'MsgPreVote';
  if (preVote && yieldsToUs(r, m)) {
    // It has lost the leader too, or it would not ask: our own request will succeed now.
    sendVoteRequest(r, m.from, 'preElection');
    r.tell({ kind: 'voteRefused', to: m.from, term: m.term, preVote, reason: 'ownCandidacy' });
    return;
  }
  const reason = refusalOf(r, m);
  const reject = reason !== undefined;
  // A granted pre-vote answers in the term that was asked about, else the answer would look stale there.
  const term = reject ? r.term : m.term;
  const commit = r.log.committed;
  const commitTerm = r.log.committedTerm();
  const answer = { to: m.from, from: r.id, term, reject, commit, commitTerm };
  if (preVote) r.messages.push({ type: 'MsgPreVoteResp', ...answer });
  else r.messagesAfterAppend.push({ type: 'MsgVoteResp', ...answer });
  const answered = { to: m.from, term: m.term, preVote };
  if (reject) r.tell({ kind: 'voteRefused', ...answered, reason });
  else r.tell({ kind: 'voteGranted', ...answered });
  if (reject || preVote) return;
  r.electionElapsed = 0;
  r.vote = m.from;
}

/** Why the asker does not get this member's vote, if so. */
function refusalOf(r: RaftState, m: MsgVote | MsgPreVote): VoteRefusal | undefined {
  const isLaterTerm = m.type === 'MsgPreVote' && m.term > r.term;
  if (r.vote !== m.from && !isLaterTerm) {
    if (r.vote !== noNode) return 'alreadyVoted';
    if (r.leader !== noNode) return 'leaderKnown';
  }
  return r.log.isUpToDate(m.index, m.logTerm) ? undefined : 'logBehind';
}

/** Both of us hurry to be elected to the same term, and we are the better choice. */
function yieldsToUs(r: RaftState, m: MsgPreVote): boolean {
  if (r.role !== 'preCandidate' || r.tickCount >= r.hurryUntilTick) return false;
  if (m.term !== r.term + 1) return false;
  const lastTerm = r.log.lastTerm();
  if (m.logTerm !== lastTerm) return m.logTerm < lastTerm;
  const lastIndex = r.log.lastIndex();
  return m.index === lastIndex ? r.id < m.from : m.index < lastIndex;
}

function mayHurry(r: RaftState): boolean {
  const { checkQuorum, preVote, readMode } = r.config;
  return preVote && checkQuorum && readMode !== 'lease';
}

/** A member has started and nobody leads yet. @returns whether it may ask for votes */
export function hurryFirstElection(r: RaftState): boolean {
  if (r.role !== 'follower' || r.leader !== noNode) return false;
  if (mayHurry(r)) r.hurryUntilTick = r.tickCount + r.config.electionTicks;
  return true;
}

/** The leader's stream broke: see the head of this file. */
export function loseLeader(r: RaftState, leader: NodeId): void {
  if (r.role !== 'follower' || r.leader !== leader || leader === noNode) return;
  if (r.leaderLost || !mayHurry(r)) return;
  const { connectionLostTicks, electionTicks, prng } = r.config;
  r.leaderLost = true;
  r.hurryUntilTick = r.tickCount + electionTicks;
  r.tell({ kind: 'leaderConnectionLost', leader });
  const wait = prng.below(connectionLostTicks + 1);
  r.electionTimeout = Math.min(r.electionTimeout, r.electionElapsed + wait);
  if (wait === 0) startElection(r, 'preElection');
}
