/**
 * The scheduler's shell: events into cache and queue, cycles in bounded turns of the event loop, bindings in the
 * background.
 */
import { keyOf } from '../../api/facts/keys.js';
import type { ApiClient, Change, Informer, InformerFactory } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Prng } from '../../lib/prng.js';
import { errorMessage } from '../../lib/errors.js';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../api/types/core.js';
import type { PodDisruptionBudget, StorageClass } from '../../api/types/policy.js';
import { jsonEqual } from '../../api/equal.js';
import { requestsLess } from '../../api/facts/pod-requests.js';
import { isPodTerminal } from '../../api/facts/pods.js';
import { resources } from '../../client/resources.js';
import { SchedulerCache } from './cache.js';
import type { Decision } from './decide.js';
import { decide } from './decide.js';
import type { AttemptResult, SchedulerMetrics } from './metrics.js';
import { Nominations } from './nominations.js';
import { Placer } from './place.js';
import type { ClusterEvent } from './plugins/types.js';
import type { PodInfo } from './pod-info.js';
import { podInfo } from './pod-info.js';
import { PodWriter } from './pod-writer.js';
import type { Waited } from './queue.js';
import { SchedulingQueue } from './queue.js';
import { VolumeBinder } from './volume-binder.js';

/** The dependencies and settings of a scheduler. */
export interface SchedulerOptions {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Pods with this `spec.schedulerName` are ours. @default 'default-scheduler' */
  readonly schedulerName?: string;
  /** @default nothing is counted */
  readonly metrics?: SchedulerMetrics;
  /** Bindings under way at once. @default 256 */
  readonly maxBindings?: number;
}

/** Cycles run at most so long before other events get their turn. */
const turnMs = 8;

/** Between two questions whether a binding happened. */
const askAgainMs = 500;

/** Starts scheduling once the informers are synced. */
export async function startScheduler(
  options: SchedulerOptions,
  signal?: AbortSignal,
): Promise<{ stop(): Promise<void> }> {
  const scheduler = new Scheduler(options);
  await options.informers.waitForSync(signal);
  scheduler.start();
  return { stop: () => scheduler.stop() };
}

class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #name: string;
  readonly #writer: PodWriter;
  readonly #cache: SchedulerCache;
  readonly #queue: SchedulingQueue;
  readonly #placer: Placer;
  readonly #volumes: VolumeBinder;
  readonly #pods: Informer<Pod>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #unsubscribe: (() => void)[] = [];
  readonly #bindings = new Set<Promise<void>>();
  readonly #nominations = new Nominations();
  /** Pods of ours that wait for their gates to open. */
  readonly #gated = new Set<string>();
  #started = false;
  #stopped = false;
  #turnWaits = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { informers, clock, client, log } = options;
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.#writer = new PodWriter({ client, clock, log, name: this.#name });
    const volumes = informers.informer<PersistentVolume>(resources.volumes);
    const claims = informers.informer<PersistentVolumeClaim>(resources.claims);
    const storageClasses = informers.informer<StorageClass>(resources.storageClasses);
    const namespaces = informers.informer<Namespace>(resources.namespaces);
    const nodes = informers.informer<Node>(resources.nodes);
    this.#pods = informers.informer<Pod>(resources.pods);
    this.#budgets = informers.informer<PodDisruptionBudget>(resources.disruptionBudgets);
    this.#cache = new SchedulerCache({ namespaces, claims, volumes, storageClasses });
    const { metrics } = options;
    this.#queue = new SchedulingQueue(
      clock,
      () => this.#wake(),
      (place, event) => metrics?.incoming(place, event),
    );
    metrics?.watch({
      pending: () => ({ ...this.#queue.counts, gated: this.#gated.size }),
      rejections: () => this.#queue.rejections,
      cache: () => this.#cache.counts,
    });
    this.#placer = new Placer(options.prng);
    this.#volumes = new VolumeBinder({ client, clock, claims, cache: this.#cache });
    const on = (event: ClusterEvent) => () => this.#queue.onEvent(event);
    this.#unsubscribe.push(
      nodes.onChange((change) => this.#onNode(change)),
      this.#pods.onChange((change) => this.#onPod(change)),
      volumes.onChange(on('volume')),
      claims.onChange(on('volume')),
      storageClasses.onChange(on('volume')),
      namespaces.onChange(on('namespace')),
    );
  }

  start(): void {
    this.#started = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#queue.close();
    this.#options.metrics?.unwatch();
    this.#volumes.stop();
    await Promise.allSettled(this.#bindings);
  }

  #onNode(change: Change<Node>): void {
    const { name } = change.object.metadata;
    if (change.type === 'delete') {
      this.#cache.removeNode(name);
      this.#placer.forgetNode(name);
      return;
    }
    if (change.type === 'update' && !nodeMatters(change.old, change.object)) return;
    this.#cache.setNode(change.object);
    this.#queue.onEvent('node');
  }

  #onPod(change: Change<Pod>): void {
    const pod = change.object;
    const key = keyOf(pod);
    const node = pod.spec.nodeName ?? '';
    if (change.type !== 'delete' && this.#isGated(pod)) this.#gated.add(key);
    else this.#gated.delete(key);
    if (change.type === 'delete' || isPodTerminal(pod)) {
      this.#forgetWaiting(key);
      const held = this.#cache.isPlaced(key);
      this.#cache.remove(key);
      if (held || node !== '') this.#queue.onEvent('pod-deleted');
      return;
    }
    if (node !== '') {
      this.#queue.remove(key);
      this.#nominations.delete(key);
      const known = this.#cache.isPlaced(key) && !this.#cache.isAssumed(key);
      if (known && change.type === 'update' && !podMatters(change.old, pod)) return;
      this.#cache.confirm(podInfo(pod), node);
      this.#queue.onEvent('pod-placed');
      if (change.type === 'update' && requestsLess(change.old, pod)) {
        this.#queue.onEvent('pod-scaled-down');
      }
      return;
    }
    if (!this.#isOurs(pod)) {
      this.#forgetWaiting(key);
      return;
    }
    if (this.#cache.isAssumed(key)) return;
    const info = podInfo(pod);
    const old = change.type === 'update' ? change.old : undefined;
    this.#readNomination(info, old);
    const reconsider =
      old !== undefined &&
      (!jsonEqual(old.spec, pod.spec) || !jsonEqual(old.metadata.labels, pod.metadata.labels));
    this.#queue.add(info, reconsider);
  }

  #forgetWaiting(key: string): void {
    this.#queue.remove(key);
    this.#endNomination(key);
  }

  /** Gives away the room that was kept for a pod. */
  #endNomination(key: string): void {
    if (this.#nominations.nodeOf(key) === undefined) return;
    this.#nominations.delete(key);
    this.#queue.onEvent('pod-deleted');
  }

  /** Nominations outlive a scheduler in the pods' status. */
  #readNomination(info: PodInfo, old: Pod | undefined): void {
    const { nominatedNodeName = '' } = info.pod.status ?? {};
    const before = old?.status?.nominatedNodeName ?? '';
    if (nominatedNodeName === before) return;
    if (nominatedNodeName === '') this.#nominations.delete(info.key);
    else this.#nominations.set(info, nominatedNodeName);
  }

  #isOurs(pod: Pod): boolean {
    return this.#isToPlace(pod) && (pod.spec.schedulingGates ?? []).length === 0;
  }

  #isGated(pod: Pod): boolean {
    const isClosed = (pod.spec.schedulingGates ?? []).length > 0;
    return isClosed && this.#isToPlace(pod) && !isPodTerminal(pod);
  }

  #isToPlace(pod: Pod): boolean {
    const { schedulerName = 'default-scheduler' } = pod.spec;
    return schedulerName === this.#name && pod.metadata.deletionTimestamp === undefined;
  }

  #wake(): void {
    if (this.#turnWaits || !this.#started || this.#stopped) return;
    this.#turnWaits = true;
    this.#options.clock.schedule(0, () => {
      this.#turnWaits = false;
      this.#turn();
    });
  }

  /** Places pods until none is left, time is up, or enough bindings are under way. */
  #turn(): void {
    const { clock, maxBindings = 256 } = this.#options;
    const untilMs = clock.monotonicMs() + turnMs;
    while (!this.#stopped && this.#bindings.size < maxBindings) {
      const info = this.#queue.take();
      if (info === undefined) return;
      this.#cycle(info);
      if (clock.monotonicMs() >= untilMs) {
        this.#wake();
        return;
      }
    }
  }

  #cycle(info: PodInfo): void {
    const startedMs = this.#options.clock.monotonicMs();
    const decision = decide(info, {
      cache: this.#cache,
      placer: this.#placer,
      nominations: this.#nominations,
      budgets: this.#budgets.list(),
    });
    this.#options.metrics?.decided(this.#sinceMs(startedMs));
    if (decision.type === 'bind') {
      this.#nominations.delete(info.key);
      this.#bind(info, decision.node, startedMs);
    } else {
      this.#reject(info, decision);
      this.#attempted('unschedulable', startedMs);
    }
  }

  #sinceMs(startedMs: number): number {
    return this.#options.clock.monotonicMs() - startedMs;
  }

  #attempted(result: AttemptResult, startedMs: number): void {
    this.#options.metrics?.attempted(result, this.#sinceMs(startedMs));
  }

  #reject(info: PodInfo, decision: Decision & { type: 'unschedulable' }): void {
    const { message, preemption, wakeOn, plugins } = decision;
    this.#queue.giveBackUnschedulable(info.key, wakeOn, plugins);
    // Without nodes nothing is filtered, and no pod is looked for whose end would help.
    if (plugins.size > 0) {
      const victims = preemption.type === 'victims' ? preemption.victims.pods.length : 0;
      this.#options.metrics?.preempted(victims);
    }
    this.#writer.failed(info, message);
    let nominated: string | undefined;
    if (preemption.type === 'victims') {
      const { node, pods } = preemption.victims;
      nominated = node.name;
      this.#nominations.set(info, nominated);
      this.#track(this.#writer.evict(info, nominated, pods));
    } else if (preemption.type === 'none') {
      nominated = '';
      this.#endNomination(info.key);
    }
    this.#track(this.#writer.markUnschedulable(info.pod, message, nominated));
  }

  #track(work: Promise<void>): void {
    this.#bindings.add(work);
    void work.finally(() => {
      this.#bindings.delete(work);
      this.#wake();
    });
  }

  #bind(info: PodInfo, node: string, startedMs: number): void {
    // The informer may tell of the binding before its answer comes: then the queue has let the pod go.
    const waited = this.#queue.waited(info.key);
    const choices = this.#volumes.choose(info.pod, node);
    this.#cache.assume(info, node);
    const work = async (): Promise<void> => {
      try {
        await this.#volumes.bind(choices, node);
        await this.#writer.bind(info, node);
        this.#bound(info, startedMs, waited);
      } catch (error) {
        if (await this.#happened(info, error)) this.#bound(info, startedMs, waited);
        else {
          this.#attempted('error', startedMs);
          this.#bindFailed(info, error);
        }
      } finally {
        this.#volumes.release(choices);
      }
    };
    this.#track(work());
  }

  /**
   * True when a binding happened whose answer was lost. Until that is known the pod keeps its place: given back at
   * once, its place would be another's, and the node hold both.
   */
  async #happened(info: PodInfo, error: unknown): Promise<boolean> {
    if (!isApiError(error) || error.definite) return false;
    const { client, clock, log } = this.#options;
    while (!this.#stopped) {
      try {
        const pod = await client.get<Pod>(resources.pods, info.pod.metadata);
        const node = pod.spec.nodeName ?? '';
        if (pod.metadata.uid !== info.pod.metadata.uid || node === '') return false;
        if (this.#cache.isAssumed(info.key) && this.#isPresent(info)) {
          this.#cache.confirm(podInfo(pod), node);
        }
        return true;
      } catch (failure) {
        if (isApiError(failure, 'NotFound')) return false;
        log.debug({ pod: info.key, error: failure }, 'the outcome of a binding is not known yet');
        await delay(clock, askAgainMs);
      }
    }
    return false;
  }

  /** False when the pod went meanwhile: what is known under its name by now is another's. */
  #isPresent(info: PodInfo): boolean {
    return this.#pods.get(info.pod.metadata)?.metadata.uid === info.pod.metadata.uid;
  }

  #bound(info: PodInfo, startedMs: number, waited: Waited | undefined): void {
    this.#attempted('scheduled', startedMs);
    const { attempts = 1, sinceMs = startedMs } = waited ?? {};
    this.#options.metrics?.placed(attempts, this.#sinceMs(sinceMs));
    if (this.#isPresent(info)) this.#queue.done(info.key);
  }

  #bindFailed(info: PodInfo, error: unknown): void {
    if (!this.#isPresent(info)) return;
    if (this.#cache.isAssumed(info.key)) {
      this.#cache.remove(info.key);
      this.#queue.onEvent('pod-deleted');
    }
    if (isApiError(error, 'NotFound') || this.#stopped) {
      this.#queue.remove(info.key);
      return;
    }
    this.#options.log.warn({ pod: info.key, error }, 'a binding failed, will try again');
    const message = errorMessage(error);
    this.#writer.failed(info, `running Bind: ${message}`);
    this.#queue.giveBackFailed(info.key);
  }
}

/** Heartbeats change nothing that matters here. */
function nodeMatters(old: Node, next: Node): boolean {
  return (
    !jsonEqual(old.spec, next.spec) ||
    !jsonEqual(old.metadata.labels, next.metadata.labels) ||
    !jsonEqual(old.status?.allocatable, next.status?.allocatable) ||
    !jsonEqual(old.status?.images, next.status?.images)
  );
}

function podMatters(old: Pod, next: Pod): boolean {
  return (
    !jsonEqual(old.metadata.labels, next.metadata.labels) ||
    !jsonEqual(old.metadata.deletionTimestamp, next.metadata.deletionTimestamp) ||
    !jsonEqual(old.spec, next.spec)
  );
}
