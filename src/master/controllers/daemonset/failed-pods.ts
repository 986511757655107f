import type { Clock } from '../../../lib/clock.js';

const delayMsInitial = 1000;
const delayMsMax = 15 * 60_000;

/**
 * When failed pods of a node may be replaced again. A worker that refuses a pod would else be given one after the
 * other.
 * @see kubernetes pkg/controller/daemon failedPodsBackoff
 */
export class FailedPodBackoff {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, { delayMs: number; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: replace it now, and the next one waits twice as long; else the milliseconds to wait. */
  take(key: string): number {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#byKey.get(key);
    const waitMs = known === undefined ? 0 : known.atMs + known.delayMs - nowMs;
    if (waitMs > 0) return waitMs;
    const expired = known === undefined || nowMs - known.atMs > 2 * delayMsMax;
    const delayMs = expired ? delayMsInitial : Math.min(delayMsMax, known.delayMs * 2);
    this.#byKey.set(key, { delayMs, atMs: nowMs });
    return 0;
  }

  /** Forgets the back-offs of keys that begin so. */
  forget(prefix: string): void {
    for (const key of this.#byKey.keys()) if (key.startsWith(prefix)) this.#byKey.delete(key);
  }
}
