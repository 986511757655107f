import { Worker } from 'node:worker_threads';
import type { Clock } from '../../../lib/clock.js';
import {
  asideLoopRest,
  asideWeightMin,
  bodyThreadIdleMs,
  bodyThreadMegabytes,
  bodyThreadWorkMs,
  maxBodyBytesInAll,
  maxBodyBytesPerUser,
} from '../limits.js';
import { timeout, tooManyInFlight } from '../status.js';
import type { BodyReply, BodyWork } from './body-work.js';
import { FairQueue } from './fair-queue.js';

interface Waiting {
  readonly work: BodyWork;
  readonly resolve: (reply: BodyReply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The way of large and hostile bodies: a thread has them one after the other, and users take turns. The event loop
 * rests from each before it gets the next, so that all of them together have a share of it that is bounded. The thread
 * is started when it is needed and ends when it has not been for a while.
 */
export class BodyLane {
  readonly #clock: Clock;
  readonly #queue = new FairQueue<Waiting>();
  readonly #heldByUser = new Map<string, number>();
  #heldBytes = 0;
  #thread: Worker | undefined;
  #current: Waiting | undefined;
  /** True from the moment the loop gets an outcome until it may get the next. */
  #isResting = false;
  #isClosed = false;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Has a piece of work done.
   * @throws StatusError 429 when too much waits, of the user or in all; 504 when it takes too long
   */
  async run(user: string, work: BodyWork): Promise<BodyReply> {
    if (this.#isClosed) throw stopped();
    const length = work.bytes.length + (work.form === 'patch' ? work.target.length : 0);
    const bytes = Math.max(length, asideWeightMin);
    const present = this.#heldByUser.get(user) ?? 0;
    if (this.#heldBytes + bytes > maxBodyBytesInAll || present + bytes > maxBodyBytesPerUser) {
      throw tooManyInFlight();
    }
    this.#hold(user, bytes);
    try {
      return await new Promise<BodyReply>((resolve, reject) => {
        this.#queue.push(user, { work, resolve, reject });
        this.#next();
      });
    } finally {
      this.#hold(user, -bytes);
    }
  }

  /** Ends the thread; whoever waits for it is told so. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    const thread = this.#thread;
    this.#thread = undefined;
    this.#current?.reject(stopped());
    this.#current = undefined;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      next.reject(stopped());
    }
    await thread?.terminate();
  }

  #hold(user: string, bytes: number): void {
    this.#heldBytes += bytes;
    const left = (this.#heldByUser.get(user) ?? 0) + bytes;
    if (left === 0) this.#heldByUser.delete(user);
    else this.#heldByUser.set(user, left);
  }

  /** Gives the thread the next piece of work, unless it has one. */
  #next(): void {
    if (this.#current !== undefined || this.#isResting || this.#isClosed) return;
    this.#cancelTimer();
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#endWhenIdle();
      return;
    }
    this.#current = next;
    const thread = (this.#thread ??= this.#start());
    this.#cancelTimer = this.#clock.schedule(bodyThreadWorkMs, () => this.#giveUp(thread));
    thread.postMessage(next.work);
  }

  /** Ends a thread that does not come to an end of its work. */
  #giveUp(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    void thread.terminate();
    this.#settle(({ reject }) => reject(timeout('the body took too long to read')));
  }

  /** Settles the present piece of work, and measures what the loop has to do with its outcome. */
  #settle(settle: (current: Waiting) => void): void {
    this.#cancelTimer();
    const current = this.#current;
    this.#current = undefined;
    this.#isResting = true;
    const startMs = this.#clock.monotonicMs();
    if (current !== undefined) settle(current);
    // The request's further work, up to its first real wait, is done when the loop turns.
    setImmediate(() => this.#rest(this.#clock.monotonicMs() - startMs));
  }

  #rest(busyMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.schedule(Math.round(busyMs * asideLoopRest), () => {
      this.#isResting = false;
      this.#next();
    });
  }

  #start(): Worker {
    const thread = new Worker(new URL('./body-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: bodyThreadMegabytes },
    });
    thread.unref();
    thread.on('message', (reply: BodyReply) => {
      if (this.#thread === thread) this.#settle(({ resolve }) => resolve(reply));
    });
    let cause: unknown;
    thread.on('error', (error) => (cause = error));
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      const ended = new Error('the thread that reads bodies has ended', { cause });
      this.#settle(({ reject }) => reject(ended));
    });
    return thread;
  }

  #endWhenIdle(): void {
    const thread = this.#thread;
    this.#cancelTimer = this.#clock.schedule(bodyThreadIdleMs, () => {
      if (this.#thread !== thread || this.#current !== undefined) return;
      this.#thread = undefined;
      void thread?.terminate();
    });
  }
}

function stopped(): Error {
  return new Error('the server stops');
}
