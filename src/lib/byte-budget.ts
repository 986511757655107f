import type { Clock } from './clock.js';

/** A limit of bytes: so many at once, and after that so many a second. */
export interface ByteRate {
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/**
 * Bounds what costs time by its bytes, such as messages that inflate. Bytes are counted when they are known, so the
 * one that passes the bound is still taken, and those after it are not.
 */
export class ByteBudget {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'schedule'>;
  readonly #rate: ByteRate;
  #leftBytes: number;
  #atMs: number;
  #waiting: (() => void)[] = [];

  constructor(clock: Pick<Clock, 'monotonicMs' | 'schedule'>, rate: ByteRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#leftBytes = rate.burstBytes;
    this.#atMs = clock.monotonicMs();
  }

  /** Nothing more may be spent for now. */
  get isSpent(): boolean {
    const { burstBytes, bytesPerSecond } = this.#rate;
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#atMs) / 1000) * bytesPerSecond;
    this.#atMs = nowMs;
    this.#leftBytes = Math.min(burstBytes, this.#leftBytes + earned);
    return this.#leftBytes <= 0;
  }

  /** @param bytes negative when they turn out to be no cost */
  spend(bytes: number): void {
    this.#leftBytes -= bytes;
  }

  /** Calls back once, when something may be spent again; all who wait at the same time. */
  whenEarned(resume: () => void): void {
    this.#waiting.push(resume);
    if (this.#waiting.length > 1) return;
    const waitMs = Math.ceil((-this.#leftBytes / this.#rate.bytesPerSecond) * 1000) + 1;
    this.#clock.schedule(Math.max(1, waitMs), () => {
      for (const waiting of this.#waiting.splice(0)) waiting();
    });
  }
}
