/** Counts what keeps the member's one thread from everything else for longer than a client should wait. */
import { PerformanceObserver } from 'node:perf_hooks';
import type { MetricSet } from './metric-set.js';

/** A piece of work that takes longer is a stall. */
const stallMs = 20;

/** The work that may stall the thread. */
const causes = ['apply', 'commit', 'gc'] as const;
/** What the thread did: applied one entry, committed rows to SQLite, or collected garbage. */
export type StallCause = (typeof causes)[number];

/** The stalls of one member, by cause: a count, and the time lost. */
export class LoopStalls {
  readonly #count: ReturnType<MetricSet['counter']>;
  readonly #seconds: ReturnType<MetricSet['counter']>;

  constructor(set: MetricSet) {
    const name = 'trireme_etcd_event_loop_stall';
    this.#count = set.counter(
      `${name}s_total`,
      'Pieces of work that held up the event loop for more than 20 ms, by cause: an apply, a commit, a collection.',
      'cause',
    );
    this.#seconds = set.counter(`${name}_seconds_total`, 'The time of those, in seconds.', 'cause');
    for (const cause of causes) {
      this.#count.inc({ cause }, 0);
      this.#seconds.inc({ cause }, 0);
    }
  }

  /** A piece of work has ended. */
  ran(cause: StallCause, durationMs: number): void {
    if (durationMs <= stallMs) return;
    this.#count.inc({ cause }, 1);
    this.#seconds.inc({ cause }, durationMs / 1000);
  }
}

/** Tells of each garbage collection of this thread. @returns a function that ends it */
export function watchCollections(onCollected: (durationMs: number) => void): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) onCollected(duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
