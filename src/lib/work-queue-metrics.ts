import { Counter, exponentialBuckets, Gauge, Histogram } from './metrics.js';
import type { Registry } from './metrics.js';
import type { WorkQueue, WorkQueueObserver } from './work-queue.js';

/** The part of a queue that is read at a scrape. */
type ReadQueue = Pick<WorkQueue, 'depth' | 'runningMs'>;

const labelNames: string[] = ['name'];
const durations = exponentialBuckets(1e-6, 10, 10);

/**
 * The metrics of work queues, under the names of client-go (`workqueue_…`). The names of queues are fixed in the
 * program; a queue that is made again, as after a change of the leader, takes the place of the one before.
 */
export class WorkQueueMetrics {
  readonly #queues = new Map<string, ReadQueue>();
  readonly #adds: Counter;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  readonly #retries: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#gauge(registry, 'depth', 'Current depth of workqueue', ({ depth }) => depth);
    this.#adds = new Counter({
      name: 'workqueue_adds_total',
      help: 'Total number of adds handled by workqueue',
      labelNames,
      registers,
    });
    this.#waited = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long in seconds an item stays in workqueue before being requested.',
      labelNames,
      buckets: durations,
      registers,
    });
    this.#worked = new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long in seconds processing an item from workqueue takes.',
      labelNames,
      buckets: durations,
      registers,
    });
    this.#gauge(
      registry,
      'unfinished_work_seconds',
      'How many seconds the keys that are worked on have been, together: what work_duration has not seen yet. Large ' +
        'values tell of work that is stuck.',
      ({ runningMs }) => runningMs.reduce((sum, ms) => sum + ms, 0) / 1000,
    );
    this.#gauge(
      registry,
      'longest_running_processor_seconds',
      'How many seconds has the longest running processor for workqueue been running.',
      ({ runningMs }) => Math.max(0, ...runningMs) / 1000,
    );
    this.#retries = new Counter({
      name: 'workqueue_retries_total',
      help: 'Total number of retries handled by workqueue',
      labelNames,
      registers,
    });
  }

  #gauge(registry: Registry, name: string, help: string, read: (queue: ReadQueue) => number): void {
    registry.registerMetric(
      new Gauge({
        name: `workqueue_${name}`,
        help,
        labelNames,
        collect: (metric) => {
          for (const [queue, found] of this.#queues) metric.set({ name: queue }, read(found));
        },
      }),
    );
  }

  /** For the queue of that name. */
  observer(name: string): (queue: ReadQueue) => WorkQueueObserver {
    return (queue) => {
      this.#queues.set(name, queue);
      const labels = { name };
      const adds = this.#adds.labels(labels);
      const waited = this.#waited.labels(labels);
      const worked = this.#worked.labels(labels);
      const retries = this.#retries.labels(labels);
      return {
        onAdded: () => adds.inc(),
        onTaken: (waitedMs) => waited.observe(waitedMs / 1000),
        onDone: (workedMs) => worked.observe(workedMs / 1000),
        onRetry: () => retries.inc(),
      };
    };
  }
}
