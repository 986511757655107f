import type { MemberState, PeerState } from '../../gen/telemetry.js';
import type { Clock } from '../../lib/clock.js';
import type { RaftEvent, RaftNode } from '../../raft/index.js';
import type { DiskShortage } from '../guards/disk-room.js';
import { eventsKept, slowSyncEveryMs, slowSyncMs } from '../guards/limits.js';
import { EventJournal } from '../telemetry/event-journal.js';
import { raftEvent, shellEvent } from '../telemetry/member-events.js';
import type { ShellEvent } from '../telemetry/member-events.js';
import type { NetworkMetrics } from '../telemetry/network-metrics.js';
import { SyncTimes } from '../telemetry/sync-times.js';
import type { LoopLog } from './raft-loop.js';

/** The member, as far as it reports on itself. */
export interface ReportingMember {
  readonly config: { readonly telemetry: { readonly network: NetworkMetrics } };
  readonly node: Pick<
    RaftNode,
    'term' | 'leader' | 'role' | 'commitIndex' | 'appliedIndex' | 'lastIndex' | 'status'
  >;
  readonly isLearner: boolean;
  readonly membership: {
    readonly members: readonly { readonly id: bigint }[];
  };
  readonly memberId: bigint;
  readonly peers: { isOpen(id: bigint): boolean };
  readonly requests: { readonly pendingCount: number };
  readonly room: { readonly shortage: DiskShortage | undefined };
}

/** A member's report of itself: its events, and the times that Raft, which knows ticks alone, does not see. */
export class SelfReport {
  readonly journal: EventJournal;
  readonly #clock: Clock;
  readonly #syncs = new SyncTimes(slowSyncMs, slowSyncEveryMs);
  /** When the last message of each peer came. */
  readonly #heardMs = new Map<bigint, number>();
  readonly #connected = new Set<bigint>();
  /** The member's term, for events that name none. */
  #term: () => number = () => 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.journal = new EventJournal(clock, eventsKept);
  }

  /** Events before this are told as of term 0: the node is being made. */
  follow(node: Pick<RaftNode, 'term'>): void {
    this.#term = () => node.term;
  }

  raft(event: RaftEvent): void {
    this.journal.record(raftEvent(event, this.#term()));
  }

  tell(event: ShellEvent): void {
    this.journal.record(shellEvent(event, this.#term()));
  }

  /** A message of a peer has come. */
  heard(peer: bigint): void {
    this.#heardMs.set(peer, this.#clock.monotonicMs());
  }

  /** Told at each attempt; a change is an event. */
  peerConnected(peer: bigint): void {
    if (this.#connected.has(peer)) return;
    this.#connected.add(peer);
    this.tell({ kind: 'peerConnected', peer });
  }

  peerLost(peer: bigint): void {
    if (this.#connected.delete(peer)) this.tell({ kind: 'peerLost', peer });
  }

  /** Lets go of what is known of members that have been removed. */
  forgetRemoved(isRemoved: (id: bigint) => boolean): void {
    for (const id of this.#heardMs.keys()) if (isRemoved(id)) this.#heardMs.delete(id);
    for (const id of this.#connected) if (isRemoved(id)) this.#connected.delete(id);
  }

  /** The log, with its syncs timed. */
  timed(log: LoopLog): LoopLog {
    return {
      append: (hardState, entries) => log.append(hardState, entries),
      sync: () => {
        const beganMs = this.#clock.monotonicMs();
        return log.sync().then(() => this.#synced(beganMs));
      },
    };
  }

  #synced(beganMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const slow = this.#syncs.add(nowMs - beganMs, nowMs);
    if (slow === undefined) return;
    this.tell({ kind: 'diskSlow', count: slow.count, durationMs: slow.worstMs });
  }

  /** The member's state of now. */
  state(member: ReportingMember): MemberState {
    const { node, requests, room } = member;
    const { vote, progress } = node.status();
    return {
      role: node.role,
      learner: member.isLearner,
      term: node.term,
      vote,
      leader: node.leader,
      commit: node.commitIndex,
      applied: node.appliedIndex,
      lastIndex: node.lastIndex,
      peers: member.membership.members
        .map(({ id }) => id)
        .filter((id) => id !== member.memberId)
        .toSorted((a, b) => (a < b ? -1 : 1))
        .map((id) => this.#peer(member, id, progress)),
      syncP99Ms: this.#syncs.p99Ms(),
      pendingWrites: requests.pendingCount,
      trouble: room.shortage?.message ?? '',
    };
  }

  #peer(
    member: ReportingMember,
    id: bigint,
    progress: readonly { readonly id: bigint; readonly match: number; readonly state: string }[],
  ): PeerState {
    const heard = this.#heardMs.get(id);
    const known = progress.find((one) => one.id === id);
    return {
      id,
      connected: member.peers.isOpen(id),
      heardMsAgo: heard === undefined ? -1 : this.#clock.monotonicMs() - heard,
      roundTripMs: member.config.telemetry.network.lastRoundTripMs(id) ?? -1,
      match: known?.match ?? 0,
      progress: known?.state ?? '',
    };
  }
}
