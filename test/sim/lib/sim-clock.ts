/** A process' clock in simulated time: it runs fast or slow, its wall time jumps, its timers come late. */
import type { Clock } from '../../../src/lib/clock.js';
import type { Prng } from '../../../src/lib/prng.js';
import type { EventOwner, EventQueue } from './event-queue.js';

const wallStartMs = 1_700_000_000_000;

/** See above. Monotonic time never jumps, as CLOCK_MONOTONIC. */
export class SimClock implements Clock {
  readonly #queue: EventQueue;
  readonly #owner: EventOwner;
  readonly #prng: Prng;
  /** Its milliseconds per true microsecond. */
  readonly #pace: number;
  readonly #lateUsMax: number;
  #jumpMs = 0;

  constructor(
    queue: EventQueue,
    owner: EventOwner,
    options: { readonly prng: Prng; readonly driftPpm: number; readonly lateUsMax: number },
  ) {
    this.#queue = queue;
    this.#owner = owner;
    this.#prng = options.prng;
    this.#pace = (1_000_000 + options.driftPpm) / 1_000_000 / 1000;
    this.#lateUsMax = options.lateUsMax;
  }

  nowMs(): number {
    return Math.floor(wallStartMs + this.monotonicMs() + this.#jumpMs);
  }

  monotonicMs(): number {
    return this.#queue.now * this.#pace;
  }

  schedule(delayMs: number, fn: () => void): () => void {
    const late = this.#lateUsMax === 0 ? 0 : this.#prng.below(this.#lateUsMax + 1);
    return this.#queue.add(Math.max(0, delayMs) / this.#pace + late, fn, this.#owner);
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#jumpMs += ms;
  }
}
