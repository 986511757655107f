import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';

/** Says on stderr what goes on, and how long each step took. */
export class Progress {
  readonly #clock: Clock;
  readonly #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  say(message: string): void {
    const seconds = (this.#clock.monotonicMs() - this.#startMs) / 1000;
    process.stderr.write(`${seconds.toFixed(1).padStart(6)}s  ${message}\n`);
  }

  /**
   * Asks until `holds` gives a value.
   * @throws Error after `patienceMs`, with the last failure in it
   */
  async until<T>(
    what: string,
    patienceMs: number,
    holds: () => Promise<T | undefined>,
  ): Promise<T> {
    return await untilValue(what, holds, { clock: this.#clock, patienceMs, everyMs: 50 });
  }
}

/**
 * Asks until `holds` gives a value. A failure that is `final` ends the waiting: nothing mends it.
 * @throws Error after `patienceMs`, with the last failure in it
 */
export async function untilValue<T>(
  what: string,
  holds: () => Promise<T | undefined>,
  times: { readonly clock: Clock; readonly patienceMs: number; readonly everyMs: number },
): Promise<T> {
  const { clock, patienceMs, everyMs } = times;
  const giveUpMs = clock.monotonicMs() + patienceMs;
  let last: unknown = 'not yet';
  while (clock.monotonicMs() < giveUpMs) {
    try {
      const value = await holds();
      if (value !== undefined) return value;
    } catch (error) {
      if ((error as { final?: unknown }).final === true) throw error;
      last = error;
    }
    await delay(clock, everyMs);
  }
  throw new Error(`${what}: not within ${patienceMs / 1000} s (${errorMessage(last)})`);
}
