/** Taking on a configuration: from the log, from a snapshot, from the disk at start (Raft §6, §7; thesis 4). */
import { changeConfig, describeConfig } from './confchange/changer.js';
import type { ConfChange, ConfChangeV2 } from './confchange/types.js';
import { becomeFollower, resumeElection } from './election.js';
import { afterCommit, proposeAtLeader } from './raft-leader.js';
import type { RaftState } from './raft-state.js';
import { flushAppends, maybeCommit, sendTimeoutNow } from './replication.js';
import type { Progress } from './tracker/progress.js';
import { configFromConfState, confStateFromConfig } from './tracker/tracker.js';
import type { TrackerConfig } from './tracker/tracker.js';
import { noNode } from './types.js';
import type { ConfState, Snapshot } from './types.js';

const leaveJointProposal = [{ type: 'confChangeV2', data: new Uint8Array(0) }] as const;

/** Applies a committed change. @throws ConfChangeError, with nothing changed */
export function applyConfChange(r: RaftState, change: ConfChange | ConfChangeV2): ConfState {
  if (r.overtakenConfig !== undefined) {
    r.overtakenConfig = changeConfig(r.overtakenConfig, change);
    return confStateFromConfig(r.overtakenConfig);
  }
  setConfig(r, changeConfig(r.tracker.config, change));
  return confStateFromConfig(r.tracker.config);
}

/** Makes `config` the active one and draws the consequences for a leader. */
export function setConfig(r: RaftState, config: TrackerConfig): void {
  // Next must exceed match, which is 0; probing starts with the last entry, so that there is one to send.
  r.tracker.setConfig(config, Math.max(r.log.lastIndex(), 1));
  r.tell({ kind: 'configChanged', config: describeConfig(config) });
  if (r.role !== 'leader') return;
  if (!r.tracker.isVoter(r.id) && r.config.stepDownOnRemoval) {
    resign(r);
    return;
  }
  r.appendsDue = true;
  if (maybeCommit(r)) afterCommit(r);
  if (!r.tracker.isVoter(r.leadTransferee)) r.leadTransferee = noNode;
}

/** A leader that is no voter any more tells the others so, and the most advanced of them to take over. */
function resign(r: RaftState): void {
  r.appendsDue = true;
  flushAppends(r);
  let heir: Progress | undefined;
  for (const member of r.tracker.members) {
    if (member.id === r.id || !r.tracker.config.voters.incoming.has(member.id)) continue;
    if (heir === undefined || member.match > heir.match) heir = member;
  }
  if (heir !== undefined) {
    r.leadTransferee = heir.id;
    sendTimeoutNow(r);
  }
  becomeFollower(r, r.term, noNode);
}

/** The state machine has applied up to `index`; a joint configuration that asks for it is left. */
export function appliedTo(r: RaftState, index: number): void {
  r.log.appliedTo(index);
  resumeElection(r);
  if (r.role !== 'leader' || !r.tracker.config.autoLeave) return;
  if (r.log.applied < r.pendingConfIndex) return;
  // Refused while leadership is being handed over; then the next leader does it, or we at the next report.
  proposeAtLeader(r, leaveJointProposal);
}

/**
 * Replaces log and configuration by a snapshot. @returns false where it is not needed or not for us; the log may then
 * still have learnt that it is committed up to there
 */
export function restoreSnapshot(r: RaftState, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.metadata;
  if (index <= r.log.committed) return false;
  const members = [...confState.voters, ...confState.learners, ...confState.votersOutgoing];
  if (!members.includes(r.id)) {
    r.tell({ kind: 'snapshotRefused', index });
    return false;
  }
  if (r.log.matches(index, term)) {
    r.log.commitTo(index);
    return false;
  }
  r.overtakenConfig ??= r.tracker.config;
  r.log.restore(snapshot);
  setConfig(r, configFromConfState(confState));
  r.tell({ kind: 'snapshotRestored', index, term });
  return true;
}
