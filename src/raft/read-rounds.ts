/**
 * Reads that wait for a quorum (thesis 6.4). A read notes the commit index and the next heartbeat round; when a quorum
 * of voters has answered that round, this member was still the leader after the read was asked, so the noted index
 * covers every write that was acknowledged before it. etcd-io/raft matches context bytes; a counter does the same with
 * one number per member.
 */
import type { LogIndex, NodeId } from './types.js';

/** A read and the member that asked for it. `from` is the leader's own id for its own reads. */
export interface ReadRequest {
  readonly from: NodeId;
  readonly context: Uint8Array;
}

/** A read with the commit index that it must see. */
export interface PendingRead extends ReadRequest {
  readonly index: LogIndex;
  readonly round: number;
}

/** The leader's reads of one term. */
export class ReadRounds {
  /** Rounds started in this term. */
  #round = 0;
  /** The latest round's heartbeats have not been handed out: further reads may join it. */
  #open = false;
  /** Waiting for their round, oldest first. */
  #pending: PendingRead[] = [];
  /** Waiting for this term's first commit. */
  #early: ReadRequest[] = [];
  /** Start ticks of rounds that no quorum has answered yet, oldest first; kept for leases only. */
  #starts: { readonly round: number; readonly tick: number }[] = [];
  #leaseStart = -Infinity;
  readonly #keepsStarts: boolean;

  /** @param keepsStarts whether leases are wanted */
  constructor(keepsStarts: boolean) {
    this.#keepsStarts = keepsStarts;
  }

  /** The latest round. */
  get round(): number {
    return this.#round;
  }

  /** The number of reads that wait. */
  get count(): number {
    return this.#pending.length + this.#early.length;
  }

  /** The last tick, by its own count, at which a quorum followed this member; -Infinity before a confirmed round. */
  get leaseStart(): number {
    return this.#leaseStart;
  }

  /** Starts afresh, for a new term. */
  reset(): void {
    this.#round = 0;
    this.#open = false;
    this.#pending = [];
    this.#early = [];
    this.#starts = [];
    this.#leaseStart = -Infinity;
  }

  /** Holds a read back until an entry of this term is committed. */
  holdBack(request: ReadRequest): void {
    this.#early.push(request);
  }

  /** Takes the reads that were held back. */
  takeEarly(): readonly ReadRequest[] {
    const early = this.#early;
    this.#early = [];
    return early;
  }

  /** Starts a round at `tick`. */
  start(tick: number): number {
    this.#round++;
    this.#open = true;
    if (this.#keepsStarts) this.#starts.push({ round: this.#round, tick });
    return this.#round;
  }

  /** The latest round's heartbeats are leaving. */
  close(): void {
    this.#open = false;
  }

  /** True when a read may join the latest round. */
  get joinable(): boolean {
    return this.#open;
  }

  /** Lets a read wait for the latest round. */
  add(request: ReadRequest, index: LogIndex): void {
    const { from, context } = request;
    this.#pending.push({ from, context, index, round: this.#round });
  }

  /** A quorum has answered `round`. @returns the reads that are confirmed by that, oldest first */
  confirm(round: number): readonly PendingRead[] {
    const started = countUpTo(this.#starts, round);
    if (started > 0) {
      this.#leaseStart = (this.#starts[started - 1] as { tick: number }).tick;
      this.#starts.splice(0, started);
    }
    const confirmed = countUpTo(this.#pending, round);
    return confirmed === 0 ? [] : this.#pending.splice(0, confirmed);
  }
}

/** Counts the items of `list`, which is sorted by round, that are of `round` or before. */
function countUpTo(list: readonly { readonly round: number }[], round: number): number {
  const after = list.findIndex((item) => item.round > round);
  return after < 0 ? list.length : after;
}
