/** A time in which writes waited and none was done. */
export interface Stall {
  readonly durationMs: number;
  readonly writes: number;
}

/**
 * Measures the gaps that writers feel: from when a write waits, or the last one was done, until the next is done. While
 * nobody writes there is no gap, however long no write was done.
 */
export class WriteStall {
  readonly #minMs: number;
  /** Since when a write has waited and none was done. */
  #sinceMs: number | undefined;

  /** @param minMs shorter ones are none */
  constructor(minMs: number) {
    this.#minMs = minMs;
  }

  /** A write waits. */
  began(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /** A write was done. @param left writes that still wait @returns the gap that this ended */
  done(nowMs: number, left: number): Stall | undefined {
    const since = this.#sinceMs;
    this.#sinceMs = left > 0 ? nowMs : undefined;
    return this.#stall(since, nowMs, left + 1);
  }

  /** Writes were given up. @param left writes that still wait @returns the gap in which they were */
  failed(nowMs: number, count: number, left: number): Stall | undefined {
    const since = this.#sinceMs;
    if (left === 0) this.#sinceMs = undefined;
    return this.#stall(since, nowMs, count);
  }

  #stall(since: number | undefined, nowMs: number, writes: number): Stall | undefined {
    if (since === undefined || nowMs - since < this.#minMs) return undefined;
    return { durationMs: nowMs - since, writes };
  }
}
