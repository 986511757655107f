import type { Clock } from '../../../lib/clock.js';
import { maxMutatingInFlight, maxRequestsInFlight, requestTimeoutMs } from '../limits.js';
import { timeout, tooManyInFlight } from '../status.js';

/** The kind of a request: whether it reads the store or changes it. */
export type SlotKind = 'reading' | 'mutating';

/** One slot that is taken. */
interface Held {
  readonly kind: SlotKind;
  readonly untilMs: number;
  readonly reject: (error: unknown) => void;
}

/**
 * Short requests under way, bounded by kind. A slot is held by a scope: it is free again when the work is over, however
 * it ends, and at the latest after the longest time of a request, whether the work has noticed or not.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #limits: Readonly<Record<SlotKind, number>>;
  readonly #taken = { reading: 0, mutating: 0 };
  /**
   * All slots end equally long after they were taken, so the first one is the next to end: one timer serves all. It
   * goes on when the last slot is given back, since timers that start and stop with each request cost more than one
   * that finds nothing.
   */
  readonly #held = new Set<Held>();
  #cancel: (() => void) | undefined;

  constructor(
    clock: Clock,
    limits = { reading: maxRequestsInFlight, mutating: maxMutatingInFlight },
  ) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** @throws StatusError 429 when all slots are taken, 504 when the work takes too long */
  run<T>(kind: SlotKind, work: () => Promise<T>): Promise<T> {
    if (this.#taken[kind] >= this.#limits[kind]) return Promise.reject(tooManyInFlight());
    return new Promise<T>((resolve, reject) => {
      const held: Held = {
        kind,
        untilMs: this.#clock.monotonicMs() + requestTimeoutMs,
        reject,
      };
      this.#take(held);
      started(work).then(
        (value) => {
          this.#release(held);
          resolve(value);
        },
        (error: unknown) => {
          this.#release(held);
          reject(error);
        },
      );
    });
  }

  #take(held: Held): void {
    this.#taken[held.kind]++;
    this.#held.add(held);
    this.#cancel ??= this.#clock.schedule(requestTimeoutMs, () => this.#onTime());
  }

  #release(held: Held): void {
    if (this.#held.delete(held)) this.#taken[held.kind]--;
  }

  #onTime(): void {
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const held of this.#held) {
      const leftMs = held.untilMs - nowMs;
      if (leftMs > 0) {
        this.#cancel ??= this.#clock.schedule(leftMs, () => this.#onTime());
        return;
      }
      this.#release(held);
      held.reject(timeout('request did not complete within the allotted timeout'));
    }
  }

  /** Stops the timer: nobody asks for slots any more. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  get inFlight(): { readonly reading: number; readonly mutating: number } {
    return { ...this.#taken };
  }
}

/** Work that throws before its first wait fails like any other. */
function started<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}
