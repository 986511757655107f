import type { Clock } from '../../../lib/clock.js';
import type { Flow, FlowControl, Sender } from '../flowcontrol/index.js';
import { requestTimeoutMs } from '../limits.js';
import { timeout } from '../status.js';

/** The kind of a request: whether it reads the store or changes it. */
export type SlotKind = 'reading' | 'mutating';

/** A request that wants a slot. */
export interface Place {
  readonly kind: SlotKind;
  readonly flow: Flow;
  /** Seats of its level that it takes. @default 1 */
  readonly seats?: number;
  readonly sender?: Sender | undefined;
}

/** One slot that is taken. */
interface Held {
  readonly kind: SlotKind;
  /** Gives the seats back. */
  readonly leave: () => void;
  readonly untilMs: number;
  readonly reject: (error: unknown) => void;
}

/**
 * Short requests under way, each with seats of its level (`../flowcontrol`). A slot is held by a scope: it is free
 * again when the work is over, however it ends, and at the latest after the longest time of a request, whether the work
 * has noticed or not.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #flow: Pick<FlowControl, 'enter'>;
  readonly #taken = { reading: 0, mutating: 0 };
  /**
   * All slots end equally long after they were taken, so the first one is the next to end: one timer serves all. It
   * goes on when the last slot is given back, since timers that start and stop with each request cost more than one
   * that finds nothing.
   */
  readonly #held = new Set<Held>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, flow: Pick<FlowControl, 'enter'>) {
    this.#clock = clock;
    this.#flow = flow;
  }

  /** @throws StatusError 429 when no seat is to be had, 504 when the work takes too long */
  run<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const { flow, seats = 1, sender } = place;
    let leave: (() => void) | Promise<() => void>;
    try {
      leave = this.#flow.enter(flow, seats, sender);
    } catch (error) {
      return Promise.reject(error);
    }
    if (leave instanceof Promise) return leave.then((given) => this.#hold(place, given, work));
    return this.#hold(place, leave, work);
  }

  #hold<T>({ kind, sender }: Place, leave: () => void, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const untilMs = this.#clock.monotonicMs() + requestTimeoutMs;
      const held: Held = { kind, leave, untilMs, reject };
      this.#take(held);
      const cancel = this.#endEarly(held, sender?.lastsMs);
      started(work).then(
        (value) => {
          cancel?.();
          this.#release(held);
          resolve(value);
        },
        (error: unknown) => {
          cancel?.();
          this.#release(held);
          reject(error);
        },
      );
    });
  }

  /**
   * Takes seats for the beginning of a long request, which holds no slot.
   * @returns gives them back; calls beyond the first do nothing
   * @throws StatusError 429
   */
  async begin({ flow, seats = 1, sender }: Omit<Place, 'kind'>): Promise<() => void> {
    return this.#flow.enter(flow, seats, sender);
  }

  /** Ends a request at the time that its sender has set, when that is before the longest one. */
  #endEarly(held: Held, lastsMs: number | undefined): (() => void) | undefined {
    if (lastsMs === undefined || lastsMs >= requestTimeoutMs) return undefined;
    return this.#clock.schedule(lastsMs, () => this.#end(held));
  }

  #end(held: Held): void {
    this.#release(held);
    held.reject(timeout('request did not complete within the allotted timeout'));
  }

  #take(held: Held): void {
    this.#taken[held.kind]++;
    this.#held.add(held);
    this.#cancel ??= this.#clock.schedule(requestTimeoutMs, () => this.#onTime());
  }

  #release(held: Held): void {
    if (!this.#held.delete(held)) return;
    this.#taken[held.kind]--;
    held.leave();
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
      this.#end(held);
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
