import type { ByteBudget } from '../byte-budget.js';
import type { BytePool } from '../byte-pool.js';

/** The bounds of the memory that a peer may make a connection hold. */
export interface ConnectionBounds {
  /** Data that it has sent and that no owner of a stream has taken. */
  readonly receivedBytes: number;
  /** Answers that no window limits and that it does not read. */
  readonly unreadBytes: number;
  /** Blanks at the ends of field values are let pass: Go's servers end status messages with them. */
  readonly allowsOuterBlanks: boolean;
  /** The memory that connections share; each takes what it receives from it. */
  readonly pool?: BytePool;
  /** The budget of time for received bytes that connections share; one that finds it spent is not read for a while. */
  readonly budget?: ByteBudget;
}

/** Counts what all streams of a connection have got and their owners have not taken. */
export class ReceiveAccount {
  readonly #bounds: ConnectionBounds;
  #bytes = 0;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param bytes negative when they are given away @returns false when it would be too much: nothing is counted */
  add(bytes: number): boolean {
    const { pool, receivedBytes } = this.#bounds;
    if (bytes > 0) {
      if (this.#bytes + bytes > receivedBytes) return false;
      if (pool?.take(bytes) === false) return false;
    } else pool?.give(-bytes);
    this.#bytes += bytes;
    return true;
  }
}
