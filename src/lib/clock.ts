/**
 * The only door to wall time and timers. Everything that waits or stamps gets a Clock handed in, so that tests and the
 * simulator decide what time it is.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. Use for durations and deadlines. */
  monotonicMs(): number;
  /** Runs `fn` once after `delayMs` (>= 0). The returned function cancels it; cancelling twice is harmless. */
  schedule(delayMs: number, fn: () => void): () => void;
}

/** The longest delay that Node's timers take; longer ones are cut to it. */
const maxTimerMs = 2 ** 31 - 1;

/** The machine's own clock. Its timers do not keep a process alive that has nothing else to do when `unref` is set. */
export function systemClock(options: { readonly unref?: boolean } = {}): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    schedule(delayMs, fn) {
      const timer = setTimeout(fn, Math.min(Math.max(0, delayMs), maxTimerMs));
      if (options.unref === true) timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or at once (without throwing) when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * A clock that stands still until `advance` is called. Timers run in order of their time, then of their making.
 * @internal For tests and simulators.
 */
export class ManualClock implements Clock {
  #nowMs: number;
  #next = 0;
  readonly #startMs: number;
  readonly #timers = new Map<number, { readonly atMs: number; readonly fn: () => void }>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  schedule(delayMs: number, fn: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), fn });
    return () => this.#timers.delete(id);
  }

  /** The number of timers that are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time forward by `ms`, running every timer that falls due, those made on the way included. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      let due: { id: number; atMs: number; fn: () => void } | undefined;
      for (const [id, timer] of this.#timers) {
        if (timer.atMs <= untilMs && (due === undefined || timer.atMs < due.atMs)) {
          due = { id, ...timer };
        }
      }
      if (due === undefined) break;
      this.#timers.delete(due.id);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.fn();
    }
    this.#nowMs = untilMs;
  }
}
