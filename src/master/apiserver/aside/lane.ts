import { Worker } from 'node:worker_threads';
import type { Clock } from '../../../lib/clock.js';
import {
  asideLoopRest,
  asideThreadIdleMs,
  asideThreadMegabytes,
  asideThreadWorkMs,
  asideWeightMin,
  maxBodyBytesInAll,
  maxBodyBytesPerUser,
} from '../limits.js';
import { timeout, tooManyInFlight } from '../status.js';
import { FairQueue } from './fair-queue.js';

interface Waiting<Work, Reply> {
  readonly work: Work;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** What a lane is for. */
export interface LaneOptions<Work> {
  /** The thread's script: it posts one reply for each message. */
  readonly script: URL;
  /** The length of a piece of work, in bytes or characters. */
  readonly weigh: (work: Work) => number;
  /** The words of a 504 for work that takes too long. */
  readonly tooLong: string;
}

/**
 * The way of work that would keep the event loop: a thread has it piece by piece, and users take turns. The event loop
 * rests from each before it gets the next, so that all of them together have a share of it that is bounded. The thread
 * is started when it is needed and ends when it has not been for a while.
 */
export class Lane<Work, Reply> {
  readonly #clock: Clock;
  readonly #options: LaneOptions<Work>;
  readonly #queue = new FairQueue<Waiting<Work, Reply>>();
  readonly #heldByUser = new Map<string, number>();
  #heldBytes = 0;
  #thread: Worker | undefined;
  #current: Waiting<Work, Reply> | undefined;
  /** True from the moment the loop gets an outcome until it may get the next. */
  #isResting = false;
  #isClosed = false;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock, options: LaneOptions<Work>) {
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Has a piece of work done.
   * @throws StatusError 429 when too much waits, of the user or in all; 504 when it takes too long
   */
  async run(user: string, work: Work): Promise<Reply> {
    if (this.#isClosed) throw stopped();
    const bytes = Math.max(this.#options.weigh(work), asideWeightMin);
    const present = this.#heldByUser.get(user) ?? 0;
    if (this.#heldBytes + bytes > maxBodyBytesInAll || present + bytes > maxBodyBytesPerUser) {
      throw tooManyInFlight();
    }
    this.#hold(user, bytes);
    try {
      return await new Promise<Reply>((resolve, reject) => {
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
    this.#cancelTimer = this.#clock.schedule(asideThreadWorkMs, () => this.#giveUp(thread));
    thread.postMessage(next.work);
  }

  /** Ends a thread that does not come to an end of its work. */
  #giveUp(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    void thread.terminate();
    this.#settle(({ reject }) => reject(timeout(this.#options.tooLong)));
  }

  /** Settles the present piece of work, and measures what the loop has to do with its outcome. */
  #settle(settle: (current: Waiting<Work, Reply>) => void): void {
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
    const thread = new Worker(this.#options.script, {
      resourceLimits: { maxOldGenerationSizeMb: asideThreadMegabytes },
    });
    thread.unref();
    thread.on('message', (reply: Reply) => {
      if (this.#thread === thread) this.#settle(({ resolve }) => resolve(reply));
    });
    let cause: unknown;
    thread.on('error', (error) => (cause = error));
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      const ended = new Error('a thread beside the event loop has ended', { cause });
      this.#settle(({ reject }) => reject(ended));
    });
    return thread;
  }

  #endWhenIdle(): void {
    const thread = this.#thread;
    this.#cancelTimer = this.#clock.schedule(asideThreadIdleMs, () => {
      if (this.#thread !== thread || this.#current !== undefined) return;
      this.#thread = undefined;
      void thread?.terminate();
    });
  }
}

function stopped(): Error {
  return new Error('the server stops');
}
