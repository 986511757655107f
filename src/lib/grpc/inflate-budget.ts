import type { Clock } from '../clock.js';

/** How many bytes may come out of compressed messages: so many at once, and after that so many a second. */
export interface InflateLimits {
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/**
 * Bounds the time that messages cost which inflate: a few kilobytes become megabytes on the event loop. A message is
 * counted when it is known what came of it, so the one that passes the bound is still taken, and those after it are
 * not.
 */
export class InflateBudget {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #limits: InflateLimits;
  #leftBytes: number;
  #atMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: InflateLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#leftBytes = limits.burstBytes;
    this.#atMs = clock.monotonicMs();
  }

  /** Nothing more may be inflated for now. */
  get isSpent(): boolean {
    const { burstBytes, bytesPerSecond } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#atMs) / 1000) * bytesPerSecond;
    this.#atMs = nowMs;
    this.#leftBytes = Math.min(burstBytes, this.#leftBytes + earned);
    return this.#leftBytes <= 0;
  }

  spend(bytes: number): void {
    this.#leftBytes -= bytes;
  }
}
