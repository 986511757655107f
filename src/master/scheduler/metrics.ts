import { Counter, exponentialBuckets, Gauge, Histogram } from '../../lib/metrics.js';
import type { Registry } from '../../lib/metrics.js';
import type { WaitingPlace } from './queue.js';

/** The end of an attempt to place a pod. */
export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

/** The present state of a scheduler, read at a scrape. */
export interface SchedulerGauges {
  readonly pending: () => Readonly<Record<WaitingPlace | 'gated', number>>;
  /** Pods that wait, by the plugin that turned them down. */
  readonly rejections: () => ReadonlyMap<string, number>;
  readonly cache: () => { readonly nodes: number; readonly pods: number; readonly assumed: number };
}

const idle: SchedulerGauges = {
  pending: () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 }),
  rejections: () => new Map(),
  cache: () => ({ nodes: 0, pods: 0, assumed: 0 }),
};
/** More attempts than these share a label. */
const attemptsMax = 15;
const milliseconds = exponentialBuckets(0.001, 2, 15);

/** kube-scheduler's metrics. They outlive a term as leader; a new scheduler is watched in place of the one before. */
export class SchedulerMetrics {
  readonly #profile: string;
  #gauges = idle;
  readonly #attempts: Counter;
  readonly #attemptSeconds: Histogram;
  readonly #algorithmSeconds: Histogram;
  readonly #slis: Histogram;
  readonly #podAttempts: Histogram;
  readonly #incoming: Counter;
  readonly #preemptions: Counter;
  readonly #victims: Histogram;

  /** @param profile the name of the scheduler */
  constructor(registry: Registry, profile: string) {
    this.#profile = profile;
    const registers = [registry];
    this.#attempts = new Counter({
      name: 'scheduler_schedule_attempts_total',
      help:
        "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while " +
        "'error' means an internal scheduler problem.",
      labelNames: ['result', 'profile'],
      registers,
    });
    this.#attemptSeconds = new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding)',
      labelNames: ['result', 'profile'],
      buckets: milliseconds,
      registers,
    });
    this.#algorithmSeconds = new Histogram({
      name: 'scheduler_scheduling_algorithm_duration_seconds',
      help: 'Scheduling algorithm latency in seconds',
      buckets: milliseconds,
      registers,
    });
    this.#slis = new Histogram({
      name: 'scheduler_pod_scheduling_sli_duration_seconds',
      help:
        'E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue, which may involve ' +
        'multiple scheduling attempts.',
      labelNames: ['attempts'],
      buckets: exponentialBuckets(0.01, 2, 20),
      registers,
    });
    this.#podAttempts = new Histogram({
      name: 'scheduler_pod_scheduling_attempts',
      help: 'Number of attempts to successfully schedule a pod.',
      buckets: exponentialBuckets(1, 2, 5),
      registers,
    });
    this.#incoming = new Counter({
      name: 'scheduler_queue_incoming_pods_total',
      help: 'Number of pods added to scheduling queues by event and queue type.',
      labelNames: ['queue', 'event'],
      registers,
    });
    this.#preemptions = new Counter({
      name: 'scheduler_preemption_attempts_total',
      help: 'Total preemption attempts in the cluster till now',
      registers,
    });
    this.#victims = new Histogram({
      name: 'scheduler_preemption_victims',
      help: 'Number of selected preemption victims',
      buckets: exponentialBuckets(1, 2, 7),
      registers,
    });
    for (const gauge of this.#readAtScrapes()) registry.registerMetric(gauge);
  }

  #readAtScrapes(): Gauge[] {
    const pending = new Gauge({
      name: 'scheduler_pending_pods',
      help:
        "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of " +
        "pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to " +
        "schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to " +
        'schedule because they are gated.',
      labelNames: ['queue'] as string[],
      collect: (metric) => {
        for (const [queue, count] of Object.entries(this.#gauges.pending())) {
          metric.set({ queue }, count);
        }
      },
    });
    const rejections = new Gauge({
      name: 'scheduler_unschedulable_pods',
      help: 'The number of unschedulable pods, by each plugin that turned them down at their last attempt.',
      labelNames: ['plugin', 'profile'] as string[],
      collect: (metric) => {
        metric.reset();
        for (const [plugin, count] of this.#gauges.rejections()) {
          metric.set({ plugin, profile: this.#profile }, count);
        }
      },
    });
    const cache = new Gauge({
      name: 'scheduler_cache_size',
      help: 'Number of nodes, pods, and assumed (bound) pods in the scheduler cache.',
      labelNames: ['type'] as string[],
      collect: (metric) => {
        const { nodes, pods, assumed } = this.#gauges.cache();
        metric.set({ type: 'nodes' }, nodes);
        metric.set({ type: 'pods' }, pods);
        metric.set({ type: 'assumed_pods' }, assumed);
      },
    });
    return [pending, rejections, cache];
  }

  /** Shows the state of this scheduler from now on. */
  watch(gauges: SchedulerGauges): void {
    this.#gauges = gauges;
  }

  /** The scheduler has ended: it has no pods any more. */
  unwatch(): void {
    this.#gauges = idle;
  }

  incoming(place: WaitingPlace, event: string): void {
    this.#incoming.inc({ queue: place, event });
  }

  /** The filters and scores of an attempt have spoken. */
  decided(elapsedMs: number): void {
    this.#algorithmSeconds.observe(elapsedMs / 1000);
  }

  attempted(result: AttemptResult, elapsedMs: number): void {
    const labels = { result, profile: this.#profile };
    this.#attempts.inc(labels);
    this.#attemptSeconds.observe(labels, elapsedMs / 1000);
  }

  /** Pods were looked for whose end would make room. @param victims those that were found */
  preempted(victims: number): void {
    this.#preemptions.inc();
    if (victims > 0) this.#victims.observe(victims);
  }

  /** A pod has its node. @param waitedMs since it came into the queue */
  placed(attempts: number, waitedMs: number): void {
    this.#podAttempts.observe(attempts);
    const label = attempts >= attemptsMax ? `${attemptsMax}+` : String(attempts);
    this.#slis.observe({ attempts: label }, waitedMs / 1000);
  }
}
