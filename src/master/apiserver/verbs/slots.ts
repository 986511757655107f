import type { Clock } from '../../../lib/clock.js';
import { maxMutatingInFlight, maxRequestsInFlight, requestTimeoutMs } from '../limits.js';
import { timeout, tooManyInFlight } from '../status.js';

/** What a request does to the store. */
export type SlotKind = 'reading' | 'mutating';

/**
 * Short requests under way, bounded by kind. A slot is held by a scope: it is free again when the work is over, however it
 * ends, and at the latest after the longest time of a request, whether the work has noticed or not.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #limits: Readonly<Record<SlotKind, number>>;
  readonly #taken = { reading: 0, mutating: 0 };

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
    this.#taken[kind]++;
    return new Promise<T>((resolve, reject) => {
      let held = true;
      const release = (): void => {
        if (!held) return;
        held = false;
        this.#taken[kind]--;
        cancel();
      };
      const cancel = this.#clock.schedule(requestTimeoutMs, () => {
        release();
        reject(timeout('request did not complete within the allotted timeout'));
      });
      started(work).then(
        (value) => {
          release();
          resolve(value);
        },
        (error: unknown) => {
          release();
          reject(error);
        },
      );
    });
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
