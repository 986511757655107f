/**
 * The leader's knowledge of one member, and the state machine of sending to it:
 *
 *           +--------- ack ----------------+
 *           |                              v
 *         probe <--- reject, unreachable-- replicate
 *          | ^                             |
 *   log    | | snapshot done or failed     | log truncated
 *   gone   v |                             v
 *         snapshot <-----------------------+
 *
 * probe: one append at a time, paced by heartbeats, until the point where the logs match is found. replicate: appends
 * stream ahead of their acks, bounded by `inflights`. snapshot: nothing is sent until the snapshot has arrived or
 * failed.
 */
import { assert } from '../../lib/assert.js';
import type { LogIndex, NodeId } from '../types.js';
import { Inflights } from './inflights.js';

/** The ways of sending to a member. */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** Bounds of the in-flight window. */
export interface InflightLimits {
  readonly maxInflightMsgs: number;
  readonly maxInflightBytes: number;
}

/** The replication state of one member; of use on the leader only. */
export class Progress {
  readonly id: NodeId;
  readonly inflights: Inflights;
  /** The log is known to match, durably, up to here. Invariant: 0 <= match < next. */
  match: LogIndex = 0;
  /** The next entry to send. Entries between match and next are on their way. */
  next: LogIndex;
  /** The highest commit index that left for it; bounds what an empty append could still tell. */
  sentCommit: LogIndex = 0;
  state: ProgressState = 'probe';
  /** Index of the snapshot on its way; 0 outside of state snapshot. */
  pendingSnapshot: LogIndex = 0;
  /** Something was heard since the last quorum check. */
  recentActive = false;
  /** No append leaves until something is heard: in probe after each append. */
  flowPaused = false;
  /** An append is to leave even if it carries no entry. */
  wantsEmpty = false;
  /** Lets one heartbeat answer per heartbeat interval ask for `wantsEmpty`: keeps read rounds cheap. */
  mayNudge = false;
  isLearner = false;
  /** The latest heartbeat round it has answered. */
  ackedRound = 0;

  constructor(id: NodeId, next: LogIndex, limits: InflightLimits) {
    this.id = id;
    this.next = next;
    this.inflights = new Inflights(limits.maxInflightMsgs, limits.maxInflightBytes);
  }

  /** As new, for a new leader. */
  reset(next: LogIndex, match: LogIndex): void {
    this.match = match;
    this.next = next;
    this.sentCommit = 0;
    this.#change('probe');
    this.recentActive = false;
    this.wantsEmpty = false;
    this.mayNudge = false;
    this.ackedRound = 0;
  }

  #change(state: ProgressState): void {
    this.state = state;
    this.pendingSnapshot = 0;
    this.flowPaused = false;
    this.inflights.reset();
  }

  /** Looks for the matching point again: after match, or after the snapshot that was sent. */
  becomeProbe(): void {
    const sent = this.state === 'snapshot' ? this.pendingSnapshot : 0;
    this.#change('probe');
    this.next = Math.max(this.match, sent) + 1;
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  /** Streams from match on. */
  becomeReplicate(): void {
    this.#change('replicate');
    this.next = this.match + 1;
    this.sentCommit = Math.min(this.sentCommit, this.match);
  }

  /** Waits for the snapshot at `index`. */
  becomeSnapshot(index: LogIndex): void {
    this.#change('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** An append with `count` entries of `sizeBytes` in all, from `next` on, has left. */
  sentEntries(count: number, sizeBytes: number): void {
    assert(this.state !== 'snapshot', 'nothing is sent while a snapshot is on its way');
    if (this.state === 'probe') {
      this.flowPaused = true;
      return;
    }
    if (count === 0) return;
    this.next += count;
    this.inflights.add(this.next - 1, sizeBytes);
  }

  /** An ack of `index` has come. @returns false if it told nothing new */
  maybeUpdate(index: LogIndex): boolean {
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    this.flowPaused = false;
    return true;
  }

  /**
   * An append after `rejected` was refused, and the logs may match at `matchHint`. @returns false if the refusal is
   * stale: it answers an append that was sent before something already learned.
   */
  maybeDecrTo(rejected: LogIndex, matchHint: LogIndex): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
    } else {
      if (this.next - 1 !== rejected) return false;
      this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1);
      this.flowPaused = false;
    }
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    return true;
  }

  /** No entries may leave now. */
  get paused(): boolean {
    if (this.state === 'replicate') return this.inflights.full;
    return this.state === 'snapshot' || this.flowPaused;
  }

  /** An empty append would raise the member's commit index. */
  canRaiseCommit(commit: LogIndex): boolean {
    return (
      this.state === 'replicate' && commit > this.sentCommit && this.sentCommit < this.next - 1
    );
  }
}
