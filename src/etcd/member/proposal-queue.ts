import { assert } from '../../lib/assert.js';
import { entrySizeBytes, ProposalDroppedError } from '../../raft/index.js';
import type { DropReason, MsgPropDropped, Proposal, RaftNode } from '../../raft/index.js';

/** A proposal with the number of the call that waits for it. */
export interface QueuedProposal extends Proposal {
  readonly sequence: number;
  /**
   * When the call is told that its time is over, on the monotonic clock. A proposal that still waits then is never
   * made.
   */
  readonly deadlineMs: number;
  /** Only this member may append it, as the leader of this term: it is refused, never passed on, once another leads. */
  readonly onlyInTerm?: number | undefined;
}

/** Events of the queue. */
export interface ProposalEvents {
  /** Proposals that cannot be made: they wait no longer. */
  onProposalsRefused(proposals: readonly QueuedProposal[], reason: string): void;
  /** The node has taken the proposals, in its present term. */
  onProposed(proposals: readonly QueuedProposal[]): void;
}

/** Bounds. A single proposal gets through however large. */
export interface ProposalBounds {
  readonly maxCount: number;
  readonly maxBytes: number;
  /** Proposals are handed over in pieces of about this size, so that one can be taken while there is little room. */
  readonly batchBytes: number;
}

/** The member that refused proposals, and its reason. */
type Refusal = Pick<MsgPropDropped, 'from' | 'reason'>;

type Target = Pick<RaftNode, 'leader' | 'role' | 'term' | 'proposeBatch'>;

/** Reasons that go away by themselves. */
const waitable: ReadonlySet<string> = new Set<DropReason>([
  'noLeader',
  'transferring',
  'uncommittedLimit',
  'confChangePending',
  'otherTerm',
]);

/**
 * Proposals that wait for a leader, for room in its log, or for this turn's end; in order, within bounds, up to their
 * deadlines.
 */
export class ProposalQueue {
  readonly #node: Target;
  readonly #events: ProposalEvents;
  readonly #bounds: ProposalBounds;
  #waiting: QueuedProposal[] = [];
  #bytes = 0;
  /** This leader does not take any: not asked again before the next tick. */
  #refusedBy: { readonly leader: bigint; readonly term: number } | undefined;

  constructor(node: Target, events: ProposalEvents, bounds: ProposalBounds) {
    this.#node = node;
    this.#events = events;
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** @returns false when too many wait */
  add(proposal: QueuedProposal): boolean {
    const sizeBytes = entrySizeBytes(proposal);
    if (this.#waiting.length >= this.#bounds.maxCount) return false;
    if (this.#bytes > 0 && this.#bytes + sizeBytes > this.#bounds.maxBytes) return false;
    this.#waiting.push(proposal);
    this.#bytes += sizeBytes;
    return true;
  }

  /** Once a tick: drops those whose calls wait no longer. */
  tick(nowMs: number): void {
    this.#refusedBy = undefined;
    if (!this.#waiting.some(({ deadlineMs }) => deadlineMs <= nowMs)) return;
    this.#replace(this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs));
  }

  /** Hands over what a leader may take. */
  flush(): void {
    if (this.#waiting.length === 0 || this.#node.leader === 0n || this.#isHeld()) return;
    const batch = this.#withoutLate(this.#waiting);
    this.#replace([]);
    const kept: QueuedProposal[] = [];
    for (let at = 0; at < batch.length;) {
      const piece = this.#pieceOf(batch, at);
      at += piece.length;
      const refused = this.#propose(piece);
      for (const proposal of refused) kept.push(proposal);
      // When a normal proposal is refused, all later ones wait with it; a refused membership change lets others pass.
      if (refused.every(({ type }) => type !== 'normal')) continue;
      for (; at < batch.length; at++) kept.push(batch[at] as QueuedProposal);
    }
    if (kept.length > 0) this.#replace(kept);
  }

  /**
   * What was handed over is in no log that counts, and waits again. Bounds are not asked: what is
   * under way to a member is bounded.
   */
  takeBack(proposals: readonly QueuedProposal[], { from, reason }: Refusal): void {
    if (!waitable.has(reason)) {
      this.#events.onProposalsRefused(proposals, reason);
      return;
    }
    if (from === this.#node.leader) this.#hold();
    this.#replace([...proposals, ...this.#waiting]);
  }

  #hold(): void {
    const { leader, term } = this.#node;
    this.#refusedBy = { leader, term };
  }

  #isHeld(): boolean {
    const { leader, term } = this.#node;
    return this.#refusedBy?.leader === leader && this.#refusedBy.term === term;
  }

  #replace(waiting: QueuedProposal[]): void {
    this.#waiting = waiting;
    this.#bytes = 0;
    for (const proposal of waiting) this.#bytes += entrySizeBytes(proposal);
  }

  #withoutLate(proposals: QueuedProposal[]): QueuedProposal[] {
    const { role, term } = this.#node;
    const isLate = ({ onlyInTerm }: QueuedProposal): boolean =>
      onlyInTerm !== undefined && (role !== 'leader' || term !== onlyInTerm);
    if (!proposals.some(isLate)) return proposals;
    this.#events.onProposalsRefused(proposals.filter(isLate), 'not the leader any more');
    return proposals.filter((proposal) => !isLate(proposal));
  }

  #pieceOf(batch: readonly QueuedProposal[], from: number): readonly QueuedProposal[] {
    let sizeBytes = 0;
    let to = from;
    while (to < batch.length) {
      sizeBytes += entrySizeBytes(batch[to] as QueuedProposal);
      if (sizeBytes > this.#bounds.batchBytes && to > from) break;
      to++;
    }
    assert(to > from, 'a piece holds at least one proposal');
    return from === 0 && to === batch.length ? batch : batch.slice(from, to);
  }

  /** @returns those that go on waiting */
  #propose(batch: readonly QueuedProposal[]): readonly QueuedProposal[] {
    const reason = this.#tryToPropose(batch);
    if (reason === undefined) return [];
    if (reason === 'transferring') this.#hold();
    const isAlone = batch.length === 1;
    if (isAlone || !reason.startsWith('confChange')) {
      if (waitable.has(reason)) return batch;
      this.#events.onProposalsRefused(batch, reason);
      return [];
    }
    // A membership change that is refused must not hold up the others.
    const changes = batch.filter(({ type }) => type !== 'normal');
    const others = batch.filter(({ type }) => type === 'normal');
    const kept = others.length === 0 ? [] : [...this.#propose(others)];
    for (const change of changes) kept.push(...this.#propose([change]));
    return kept;
  }

  #tryToPropose(batch: readonly QueuedProposal[]): DropReason | undefined {
    try {
      this.#node.proposeBatch(batch);
    } catch (error) {
      if (error instanceof ProposalDroppedError) return error.reason;
      throw error;
    }
    this.#events.onProposed(batch);
    return undefined;
  }
}
