/** Syncs of which a percentile is taken. */
const kept = 512;

/** Syncs that took too long since the last time somebody was told. */
export interface SlowSyncs {
  readonly count: number;
  readonly worstMs: number;
}

/** Remembers how long the latest syncs of the raft log took, and says when they are slow. */
export class SyncTimes {
  readonly #times = new Float64Array(kept);
  readonly #slowMs: number;
  readonly #everyMs: number;
  #count = 0;
  #slow = 0;
  #worstMs = 0;
  #toldMs = -Infinity;

  /** @param slowMs a sync that takes so long is slow @param everyMs slow ones are told of no more often */
  constructor(slowMs: number, everyMs: number) {
    this.#slowMs = slowMs;
    this.#everyMs = everyMs;
  }

  /** @returns the slow ones since the last time, when it is time to tell of them */
  add(durationMs: number, nowMs: number): SlowSyncs | undefined {
    this.#times[this.#count++ % kept] = durationMs;
    if (durationMs < this.#slowMs) return undefined;
    this.#slow++;
    this.#worstMs = Math.max(this.#worstMs, durationMs);
    if (nowMs - this.#toldMs < this.#everyMs) return undefined;
    const told = { count: this.#slow, worstMs: this.#worstMs };
    this.#toldMs = nowMs;
    this.#slow = 0;
    this.#worstMs = 0;
    return told;
  }

  /** The time that 99 of 100 of the latest syncs did not exceed; 0: there was none. */
  p99Ms(): number {
    const count = Math.min(this.#count, kept);
    if (count === 0) return 0;
    const sorted = this.#times.slice(0, count).sort();
    return sorted[Math.ceil(count * 0.99) - 1] ?? 0;
  }
}
