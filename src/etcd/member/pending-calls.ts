import { etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';

/** A call that waits for its log entry. */
export interface PendingCall {
  /** Another one for each attempt. */
  sequence: number;
  /** The request as it was decoded from the wire, so that apply need not decode it again. */
  readonly request: unknown;
  readonly deadlineMs: number;
  /** Raft's term when it was handed over; 0 while it still waits for a leader. */
  term: number;
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

  /** The call's proposal has been given to the node. */
  handedOver(sequence: number, term: number): void {
    const call = this.#calls.get(sequence);
    if (call !== undefined) call.term = term;
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
   * Gives up calls of earlier terms, once an entry of `term` has been applied: they were handed to a leader that is
   * gone, and whether their entries will still be applied is unknown.
   */
  loseBefore(term: number): void {
    for (const [sequence, call] of this.#calls) {
      if (call.term === 0 || call.term >= term) continue;
      this.#calls.delete(sequence);
      call.reject(etcdError('timeoutDueToLeaderFail'));
    }
  }

  /** Ends all. */
  failAll(error: () => EtcdError): void {
    for (const call of this.#calls.values()) call.reject(error());
    this.#calls.clear();
  }
}
