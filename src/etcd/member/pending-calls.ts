import { etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import type { QueuedProposal } from './proposal-queue.js';

/** A call that waits for its log entry. */
export interface PendingCall {
  /** Another one for each attempt. */
  sequence: number;
  /** The request as it was decoded from the wire, so that apply need not decode it again. */
  readonly request: unknown;
  readonly deadlineMs: number;
  /** What goes into the log for it. */
  proposal: QueuedProposal;
  /** Raft's term when it was handed over; 0 while it still waits for a leader. */
  term: number;
  /**
   * True while the call would be answered should its entry be applied, and no leader of another term than {@link term}
   * can append it.
   */
  isBound: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The calls that wait, by sequence. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();

  get size(): number {
    return this.#calls.size;
  }

  add(call: PendingCall): void {
    this.#calls.set(call.sequence, call);
  }

  /** Takes the call out. */
  take(sequence: number): PendingCall | undefined {
    const call = this.#calls.get(sequence);
    if (call !== undefined) this.#calls.delete(sequence);
    return call;
  }

  /** The call's proposal has been given to the node. @param isBound to that term */
  handedOver(sequence: number, term: number, isBound: boolean): void {
    const call = this.#calls.get(sequence);
    if (call === undefined) return;
    call.term = term;
    call.isBound = isBound;
  }

  /** Entries have taken effect unseen, with a snapshot: what has been handed over may be among them. */
  skippedEntries(): void {
    for (const call of this.#calls.values()) if (call.term > 0) call.isBound = false;
  }

  /**
   * Takes back a proposal that reached no log: the call waits again, for another attempt.
   * @returns undefined if it does not wait any more
   */
  handedBack(sequence: number, next: number): PendingCall | undefined {
    const call = this.take(sequence);
    if (call === undefined) return undefined;
    call.sequence = next;
    call.term = 0;
    call.isBound = false;
    this.add(call);
    return call;
  }

  /** Ends calls whose time is over. */
  expire(nowMs: number, error: () => EtcdError): void {
    for (const [sequence, call] of this.#calls) {
      if (call.deadlineMs > nowMs) continue;
      this.#calls.delete(sequence);
      call.reject(error());
    }
  }

  /**
   * The first entry of `term` has been applied. Calls of earlier terms whose entries have not come by now were handed
   * to a leader that is gone. Bound to its term, such an entry is in no log that counts, nor ever will be (Raft §5.4,
   * leader completeness): it may be proposed again. Of the others nobody knows, and they are given up.
   * @returns those that may be proposed again, which still wait
   */
  startTerm(term: number): readonly PendingCall[] {
    const again: PendingCall[] = [];
    for (const [sequence, call] of this.#calls) {
      if (call.term === 0 || call.term >= term) continue;
      if (call.isBound) {
        again.push(call);
        continue;
      }
      this.#calls.delete(sequence);
      call.reject(etcdError('timeoutDueToLeaderFail'));
    }
    return again;
  }

  /** Ends all. */
  failAll(error: () => EtcdError): void {
    for (const call of this.#calls.values()) call.reject(error());
    this.#calls.clear();
  }
}
