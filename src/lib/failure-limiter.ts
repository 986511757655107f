/** Guesses are slowed: who fails often is not asked any more for a while. */
import type { Clock } from './clock.js';
import { failureLimits } from './net-limits.js';

interface Failures {
  count: number;
  readonly sinceMs: number;
}

/**
 * Counts failed attempts by what they have in common, such as the address that they come from. Only what can be guessed
 * should be limited so: others behind the same address wait with the one who guesses.
 */
export class FailureLimiter {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #limits: typeof failureLimits;
  /** Oldest first. */
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: typeof failureLimits = failureLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** @returns false when a key has failed too often within the window: the attempt is not to be made */
  allows(key: string): boolean {
    return (this.#current(key)?.count ?? 0) < this.#limits.perKey;
  }

  failed(key: string): void {
    const failures = this.#current(key);
    if (failures !== undefined) {
      failures.count++;
      return;
    }
    const [oldest] = this.#failures.keys();
    if (this.#failures.size >= this.#limits.keys && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
    this.#failures.set(key, { count: 1, sinceMs: this.#clock.monotonicMs() });
  }

  #current(key: string): Failures | undefined {
    const failures = this.#failures.get(key);
    if (failures === undefined) return undefined;
    if (this.#clock.monotonicMs() - failures.sinceMs < this.#limits.windowMs) return failures;
    this.#failures.delete(key);
    return undefined;
  }
}
