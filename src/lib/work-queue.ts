import type { Clock } from './clock.js';
import type { Logger } from './log.js';

/** The wait of a key after its n-th failure in a row: `baseMs * 2^(n-1)`, at most `maxMs`. */
export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The result of a reconcile: nothing, or to be called again after a while. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

/** Is told what happens to the keys of a queue, for metrics. */
export interface WorkQueueObserver {
  /** A key was added that did not wait already. */
  onAdded(): void;
  /** A key's turn has come. @param waitedMs since it was added */
  onTaken(waitedMs: number): void;
  /** A reconcile has ended. */
  onDone(workedMs: number): void;
  /** A key that failed comes again after a back-off. */
  onRetry(): void;
}

/** The clock and the back-off of a queue. */
export interface WorkQueueOptions {
  readonly name: string;
  /** Brings the object of that key to its wanted state. A rejection is retried with back-off. */
  readonly reconcile: (key: string) => Promise<ReconcileResult | void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reconciles under way at once, each for another key. @default 1 */
  readonly workers?: number;
  /** @default 5 ms doubling to 30 s */
  readonly backOff?: BackOff;
  /** Called after each reconcile. */
  readonly onDone?: (key: string, error: unknown) => void;
  /** @default nobody is told */
  readonly observe?: (queue: WorkQueue) => WorkQueueObserver;
}

/**
 * Level-triggered work: keys wait, each at most once; a key is never worked on twice at the same time, and one that is
 * added while it is worked on comes again afterwards. Bounded by the number of keys.
 * @see Kubernetes client-go `util/workqueue`
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #backOff: BackOff;
  readonly #observer: WorkQueueObserver | undefined;
  /** Keys that wait, and since when. */
  readonly #waiting = new Map<string, number>();
  /** Keys that are worked on, and since when. */
  readonly #running = new Map<string, number>();
  /** Keys that were added while they are worked on, and when. */
  readonly #again = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { readonly atMs: number; readonly cancel: () => void }>();
  #idle: (() => void)[] = [];
  #scheduled = false;
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#backOff = options.backOff ?? { baseMs: 5, maxMs: 30_000 };
    this.#observer = options.observe?.(this);
  }

  /** Keys that wait to be worked on, delayed ones left out. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** For how long each key that is worked on has been, in milliseconds. */
  get runningMs(): readonly number[] {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#running.values()].map((sinceMs) => nowMs - sinceMs);
  }

  /** Has the key reconciled soon. */
  add(key: string): void {
    if (this.#stopped) return;
    this.#cancelDelayed(key);
    const isRunning = this.#running.has(key);
    const places = isRunning ? this.#again : this.#waiting;
    if (!places.has(key)) {
      places.set(key, this.#options.clock.monotonicMs());
      this.#observer?.onAdded();
    }
    if (!isRunning) this.#wake();
  }

  /** Has the key reconciled after `delayMs`, or sooner if it is due sooner already. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#options.clock.monotonicMs() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.atMs <= atMs) return;
    this.#cancelDelayed(key);
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { atMs, cancel });
  }

  /** Takes no more keys, and resolves when the reconciles under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    this.#again.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    await this.whenIdle();
  }

  /** Resolves when nothing waits and nothing runs; what is delayed does not count. */
  whenIdle(): Promise<void> {
    if (this.#waiting.size === 0 && this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #cancelDelayed(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  #fill(): void {
    for (const [key, sinceMs] of this.#waiting) {
      if (this.#running.size >= (this.#options.workers ?? 1)) return;
      this.#waiting.delete(key);
      const nowMs = this.#options.clock.monotonicMs();
      this.#running.set(key, nowMs);
      this.#observer?.onTaken(nowMs - sinceMs);
      void this.#work(key, nowMs);
    }
    if (this.#running.size === 0) {
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    }
  }

  async #work(key: string, startedMs: number): Promise<void> {
    const { clock, log, name, reconcile, onDone } = this.#options;
    let failure: unknown;
    try {
      const result = await reconcile(key);
      this.#failures.delete(key);
      if (result?.requeueAfterMs !== undefined) this.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      failure = error;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const delayMs = Math.min(this.#backOff.maxMs, this.#backOff.baseMs * 2 ** (failures - 1));
      log.debug({ queue: name, key, failures, error }, 'a reconcile failed and is tried again');
      this.#observer?.onRetry();
      this.addAfter(key, delayMs);
    }
    this.#observer?.onDone(clock.monotonicMs() - startedMs);
    onDone?.(key, failure);
    this.#running.delete(key);
    const addedMs = this.#again.get(key);
    if (addedMs !== undefined) this.#waiting.set(key, addedMs);
    this.#again.delete(key);
    this.#fill();
  }
}
