import type { Clock } from '../clock.js';

/** Limits the frames of a costly kind that a peer may send: so many at once, and after that so many a second. */
export class FrameBudget {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(clock: Clock, limits: { readonly burst: number; readonly perSecond: number }) {
    this.#clock = clock;
    this.#burst = limits.burst;
    this.#perSecond = limits.perSecond;
    this.#left = limits.burst;
    this.#atMs = clock.monotonicMs();
  }

  /**
   * @param extra frames that the peer has earned otherwise
   * @returns false when the peer has sent too many
   */
  take(extra = 0): boolean {
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#atMs) / 1000) * this.#perSecond;
    this.#atMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + earned + extra) - 1;
    return this.#left >= 0;
  }
}
