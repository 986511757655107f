/**
 * The leader's work on its followers' logs (Raft §5.3, §5.4.2, §7). Appends are not sent when a cause for them comes up
 * but once a Ready, by `flushAppends`: however many proposals and acks a turn of the shell's loop brought, a follower
 * gets them in one message.
 */
import { assert } from '../lib/assert.js';
import type { DropReason } from './errors.js';
import type { RaftState } from './raft-state.js';
import type { Progress } from './tracker/progress.js';
import { entrySizeBytes, noNode } from './types.js';
import type { Entry, Proposal } from './types.js';

/** Appends `proposals` to the leader's own log. @returns why not */
export function appendProposals(
  r: RaftState,
  proposals: readonly Proposal[],
): DropReason | undefined {
  let sizeBytes = 0;
  for (const proposal of proposals) sizeBytes += proposal.data.byteLength;
  // A single proposal gets through however large, and empty ones always do: the entry that starts a term must.
  const tooMuch = r.uncommittedBytes + sizeBytes > r.config.maxUncommittedBytes;
  if (tooMuch && r.uncommittedBytes > 0 && sizeBytes > 0) return 'uncommittedLimit';
  r.uncommittedBytes += sizeBytes;
  const entries: Entry[] = [];
  let index = r.log.lastIndex();
  for (const { type, data } of proposals)
    entries.push({ term: r.term, index: ++index, type, data });
  r.log.append(entries);
  r.appendsDue = true;
  return undefined;
}

/** Committed entries were handed out: as many bytes may be proposed again. */
export function releaseUncommitted(r: RaftState, entries: readonly Entry[]): void {
  if (r.uncommittedBytes === 0) return;
  let sizeBytes = 0;
  for (const entry of entries) sizeBytes += entry.data.byteLength;
  // Entries of earlier terms were never counted.
  r.uncommittedBytes = Math.max(0, r.uncommittedBytes - sizeBytes);
}

/**
 * Commits what a quorum has, if it is of this term: entries of earlier terms count as committed only along with one of
 * this (§5.4.2, figure 8).
 * @returns whether the commit index rose
 */
export function maybeCommit(r: RaftState): boolean {
  const reached = r.tracker.committed();
  if (reached <= r.log.committed || !r.log.matches(reached, r.term)) return false;
  r.log.commitTo(reached);
  r.appendsDue = true;
  return true;
}

/** Sends each follower what it lacks and may be sent. */
export function flushAppends(r: RaftState): void {
  if (!r.appendsDue) return;
  r.appendsDue = false;
  if (r.role !== 'leader') return;
  for (const member of r.tracker.members) {
    if (member.id === r.id) continue;
    while (sendAppend(r, member));
  }
}

/** Sends one append or snapshot, if there is cause for one. @returns whether a further one may follow at once */
function sendAppend(r: RaftState, member: Progress): boolean {
  const { log } = r;
  const { paused } = member;
  // A full window still takes an append without entries: if all that filled it was lost, its refusal is how we learn of
  // that.
  if (paused && !(member.wantsEmpty && member.state === 'replicate')) return false;
  const withEntries = !paused && member.next <= log.lastIndex();
  if (!withEntries && !member.wantsEmpty && !member.canRaiseCommit(log.committed)) return false;
  const index = member.next - 1;
  const logTerm = log.term(index);
  const entries = withEntries ? log.entries(member.next, r.config.maxSizePerMsg) : [];
  if (typeof logTerm !== 'number' || typeof entries === 'string') {
    sendSnapshot(r, member);
    return false;
  }
  let sizeBytes = 0;
  for (const entry of entries) sizeBytes += entrySizeBytes(entry);
  const commit = log.committed;
  const quiet = !withEntries && !member.wantsEmpty;
  r.messages.push({
    type: 'MsgApp',
    to: member.id,
    from: r.id,
    term: r.term,
    index,
    logTerm,
    commit,
    entries,
    quiet,
  });
  member.sentEntries(entries.length, sizeBytes);
  member.sentCommit = commit;
  member.wantsEmpty = false;
  return withEntries && member.state === 'replicate';
}

/** Sends the latest snapshot, if there is one and the member answers at all. */
function sendSnapshot(r: RaftState, member: Progress): void {
  if (!member.recentActive) return;
  const snapshot = r.log.pendingSnapshot ?? r.log.storage.snapshot();
  if (snapshot === undefined) return;
  const { index } = snapshot.metadata;
  assert(index > 0, 'a truncated log has a snapshot');
  assert(index >= r.log.firstIndex() - 1, 'the snapshot reaches the log');
  r.messages.push({ type: 'MsgSnap', to: member.id, from: r.id, term: r.term, snapshot });
  member.becomeSnapshot(index);
  member.wantsEmpty = false;
  r.tell({ kind: 'snapshotSent', to: member.id, index });
}

/** Sends every other member a heartbeat of the latest round. @param nudge their answers may cause an empty append */
export function broadcastHeartbeat(r: RaftState, nudge: boolean): void {
  const { round } = r.reads;
  for (const member of r.tracker.members) {
    if (member.id === r.id) {
      member.ackedRound = round;
      continue;
    }
    if (nudge) member.mayNudge = true;
    // Never beyond what the follower is known to have: it could not tell whether its own entries there are the
    // committed ones.
    const commit = Math.min(member.match, r.log.committed);
    r.messages.push({
      type: 'MsgHeartbeat',
      to: member.id,
      from: r.id,
      term: r.term,
      commit,
      round,
    });
  }
}

/** Tells the transferee to campaign. Leases are void from now on: it may be elected while we still believe in ours. */
export function sendTimeoutNow(r: RaftState): void {
  assert(r.leadTransferee !== noNode, 'a transfer is under way');
  r.leaseForfeited = true;
  r.messages.push({ type: 'MsgTimeoutNow', to: r.leadTransferee, from: r.id, term: r.term });
}
