/**
 * A session owns everything that one conversation keeps busy: its pumps, its streams, its children. Whichever side goes
 * first, all of it is ended once and awaited, and no promise of it can reject without an owner.
 *
 * ```ts
 * const session = new Session({ clock, idleMs });
 * session.endWith(call.signal);
 * session.onEnd(() => child.kill());
 * session.run(() => copyInput(session, call, child));
 * await session.until(child.exited);
 * session.end();
 * const { error } = await session.ended;
 * ```
 */
import type { Clock } from './clock.js';
import { toError } from './errors.js';

/** The end of a session, with the error that caused it, if any. */
export interface SessionEnd {
  readonly error: Error | undefined;
}

/** The clock and the idle limit of a session. */
export interface SessionOptions {
  readonly clock: Clock;
  /** The session ends when nothing has moved for so long. @default never */
  readonly idleMs?: number;
}

/** A session ends because nothing moved. */
export class IdleError extends Error {
  override readonly name = 'IdleError';
  readonly code = 'IDLE';
}

/** The time that the parts of a session have to end after it; those that do not are left behind and reported. */
const settleMsMax = 10_000;

/** Owns everything of one conversation: whatever fails or ends first ends all of it, once. */
export class Session {
  readonly #options: SessionOptions;
  readonly #abort = new AbortController();
  readonly #pumps = new Set<Promise<void>>();
  /** Callbacks that wait in {@link until}; bounded by the session's pumps. */
  readonly #waiting = new Set<() => void>();
  #releases: (() => unknown)[] = [];
  #error: Error | undefined;
  #settle: (end: SessionEnd) => void = () => undefined;
  #cancelIdle: (() => void) | undefined;
  #movedMs: number;
  /** Resolves, and never rejects, when everything of the session has ended. */
  readonly ended: Promise<SessionEnd>;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#movedMs = options.clock.monotonicMs();
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (options.idleMs !== undefined) this.#watchIdle(options.idleMs, options.idleMs);
  }

  /** Aborts at the end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True from the end on. */
  get over(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Something went through: the idle time starts anew. */
  moved(): void {
    this.#movedMs = this.#options.clock.monotonicMs();
  }

  /** Takes what is released at the end, the newest first; at once when the session is over already. */
  onEnd(release: () => unknown): void {
    if (this.over) this.#release(release);
    else this.#releases.push(release);
  }

  /** Ends the session when the signal aborts. */
  endWith(signal: AbortSignal): void {
    const end = (): void => this.end();
    if (signal.aborted) {
      end();
      return;
    }
    signal.addEventListener('abort', end, { once: true });
    this.onEnd(() => signal.removeEventListener('abort', end));
  }

  /**
   * Runs a part of the session, which heeds {@link signal}. Its failure ends the session; after the end it says nothing
   * new.
   */
  run(pump: () => Promise<void>): void {
    this.#own(pump, (error) => this.end(error));
  }

  #own(work: () => Promise<void>, onFailure: (error: Error) => void): void {
    const running = settled(work).then((error) => {
      this.#pumps.delete(running);
      if (error !== undefined) onFailure(error);
    });
    this.#pumps.add(running);
  }

  /** Returns the promise's value, or undefined as soon as the session is over. @throws what it rejects with before */
  until<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => resolve(undefined);
      if (this.over) leave();
      else this.#waiting.add(leave);
      promise.then(
        (value) => {
          this.#waiting.delete(leave);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(leave);
          reject(toError(error));
        },
      );
    });
  }

  /** Ends the session; of several calls the first decides. @param error why, if it is not the end that was hoped for */
  end(error?: unknown): void {
    if (this.over) return;
    this.#error = error === undefined ? undefined : toError(error);
    this.#cancelIdle?.();
    this.#abort.abort();
    for (const leave of this.#waiting) leave();
    this.#waiting.clear();
    for (const release of this.#releases.splice(0).toReversed()) this.#release(release);
    this.#awaitPumps();
  }

  #release(release: () => unknown): void {
    const work = async (): Promise<void> => {
      await release();
    };
    this.#own(work, (error) => {
      this.#error ??= error;
    });
  }

  /** Awaits all pumps, also those that others start while they end. */
  #awaitPumps(): void {
    const left = this.#options.clock.schedule(settleMsMax, () => {
      const text = `${this.#pumps.size} parts of a session do not end`;
      this.#settle({ error: this.#error ?? new Error(text) });
    });
    const check = (): void => {
      if (this.#pumps.size > 0) {
        // They never reject: their failures are values.
        Promise.allSettled(this.#pumps).then(check, check);
        return;
      }
      left();
      this.#settle({ error: this.#error });
    };
    check();
  }

  #watchIdle(idleMs: number, delayMs: number): void {
    const { clock } = this.#options;
    this.#cancelIdle = clock.schedule(delayMs, () => {
      const leftMs = this.#movedMs + idleMs - clock.monotonicMs();
      if (leftMs > 0) this.#watchIdle(idleMs, leftMs);
      else this.end(new IdleError(`nothing has moved for ${idleMs / 1000} s`));
    });
  }
}

/** The error with which the work fails, synchronously or later. */
async function settled(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return toError(error);
  }
}
