/**
 * The scheduler's shell: events into cache and queue, cycles in bounded turns of the event loop, bindings in the
 * background.
 */
import type { KubeObject } from '../../api/object.js';
import type { ApiClient, Change, Informer, InformerFactory } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Prng } from '../../lib/prng.js';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../api/types/core.js';
import type { PodDisruptionBudget, StorageClass } from '../../api/types/policy.js';
import type { EventRecorder } from '../controllers/runtime/events.js';
import { EventSink } from '../controllers/runtime/events.js';
import { jsonEqual } from '../controllers/runtime/hash.js';
import { findCondition, isPodTerminal } from '../controllers/runtime/pods.js';
import { resources } from '../../client/resources.js';
import { now } from '../controllers/runtime/time.js';
import { SchedulerCache } from './cache.js';
import { unschedulableMessage } from './messages.js';
import { Placer } from './place.js';
import { filterPlugins } from './plugins/index.js';
import type { ClusterEvent } from './plugins/types.js';
import type { PodInfo } from './pod-info.js';
import { podInfo, podKey } from './pod-info.js';
import { planPreemption } from './preemption.js';
import { SchedulingQueue } from './queue.js';
import { VolumeBinder } from './volume-binder.js';

export interface SchedulerOptions {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Pods with this `spec.schedulerName` are ours. @default 'default-scheduler' */
  readonly schedulerName?: string;
  /** Bindings under way at once. @default 256 */
  readonly maxBindings?: number;
}

/** Cycles run at most so long before other events get their turn. */
const turnMs = 8;

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
  readonly #recorder: EventRecorder;
  readonly #cache: SchedulerCache;
  readonly #queue: SchedulingQueue;
  readonly #placer: Placer;
  readonly #volumes: VolumeBinder;
  readonly #pods: Informer<Pod>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #unsubscribe: (() => void)[] = [];
  readonly #bindings = new Set<Promise<void>>();
  /** Room kept for pods that wait for their victims to go: pod key → node. */
  readonly #nominated = new Map<string, string>();
  #started = false;
  #stopped = false;
  #turnWaits = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { informers, clock, client, log } = options;
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.#recorder = new EventSink({ client, clock, log }).recorder(this.#name);
    const volumes = informers.informer<PersistentVolume>(resources.volumes);
    const claims = informers.informer<PersistentVolumeClaim>(resources.claims);
    const storageClasses = informers.informer<StorageClass>(resources.storageClasses);
    const namespaces = informers.informer<Namespace>(resources.namespaces);
    const nodes = informers.informer<Node>(resources.nodes);
    this.#pods = informers.informer<Pod>(resources.pods);
    this.#budgets = informers.informer<PodDisruptionBudget>(resources.disruptionBudgets);
    this.#cache = new SchedulerCache({ namespaces, claims, volumes, storageClasses });
    this.#queue = new SchedulingQueue(clock, () => this.#wake());
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
    const key = podKey(pod);
    const node = pod.spec.nodeName ?? '';
    if (change.type === 'delete' || isPodTerminal(pod)) {
      this.#queue.remove(key);
      this.#nominated.delete(key);
      const held = this.#cache.isPlaced(key);
      this.#cache.remove(key);
      if (held || node !== '') this.#queue.onEvent('pod-deleted');
      return;
    }
    if (node !== '') {
      this.#queue.remove(key);
      this.#nominated.delete(key);
      const known = this.#cache.isPlaced(key) && !this.#cache.isAssumed(key);
      if (known && change.type === 'update' && !podMatters(change.old, pod)) return;
      this.#cache.confirm(podInfo(pod), node);
      this.#queue.onEvent('pod-placed');
      return;
    }
    if (!this.#isOurs(pod)) {
      this.#queue.remove(key);
      return;
    }
    if (this.#cache.isAssumed(key)) return;
    const reconsider =
      change.type === 'update' &&
      (!jsonEqual(change.old.spec, pod.spec) ||
        !jsonEqual(change.old.metadata.labels, pod.metadata.labels));
    this.#queue.add(podInfo(pod), reconsider);
  }

  #isOurs(pod: Pod): boolean {
    return (
      (pod.spec.schedulerName ?? 'default-scheduler') === this.#name &&
      pod.metadata.deletionTimestamp === undefined &&
      (pod.spec.schedulingGates ?? []).length === 0
    );
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
    const nominated = this.#nominated.get(info.key);
    const reserved = this.#reserveForNominated(info);
    const placement = this.#placer.place(
      info,
      this.#cache,
      nominated === undefined ? undefined : this.#cache.node(nominated),
    );
    for (const key of reserved) this.#cache.remove(key);
    if (placement.type === 'node') {
      this.#nominated.delete(info.key);
      this.#bind(info, placement.node.name);
      return;
    }
    if (placement.type === 'rejected') {
      const { rejection } = placement;
      const helpless = `preemption: 0/${this.#cache.nodes.length} nodes are available: ${this.#cache.nodes.length} Preemption is not helpful for scheduling.`;
      this.#reject(info, unschedulableMessage(this.#cache.nodes.length, { rejection }, helpless), [
        rejection.plugin,
      ]);
      return;
    }
    const { failures } = placement;
    const preemption = planPreemption(info, failures, this.#cache, this.#budgets.list());
    const plugins = new Set([...failures.values()].map((failure) => failure.plugin));
    const told = preemption.type === 'none' ? preemption.message : '';
    const message = unschedulableMessage(this.#cache.nodes.length, { failures }, told);
    if (preemption.type === 'victims') {
      const { node, pods } = preemption.victims;
      this.#nominated.set(info.key, node.name);
      this.#track(this.#evict(info, node.name, pods));
      this.#reject(info, message, plugins, node.name);
    } else this.#reject(info, message, plugins);
  }

  /** Counts pods of at least this priority that were promised room, so that nobody takes it from them. */
  #reserveForNominated(info: PodInfo): string[] {
    const reserved: string[] = [];
    for (const [key, node] of this.#nominated) {
      if (key === info.key || this.#cache.isPlaced(key)) continue;
      const slash = key.indexOf('/');
      const other = this.#pods.get({ namespace: key.slice(0, slash), name: key.slice(slash + 1) });
      if (other === undefined || (other.spec.priority ?? 0) < info.priority) continue;
      this.#cache.assume(podInfo(other), node);
      reserved.push(key);
    }
    return reserved;
  }

  #track(work: Promise<void>): void {
    this.#bindings.add(work);
    void work.finally(() => {
      this.#bindings.delete(work);
      this.#wake();
    });
  }

  #bind(info: PodInfo, node: string): void {
    const choices = this.#volumes.choose(info.pod, node);
    this.#cache.assume(info, node);
    const work = async (): Promise<void> => {
      try {
        await this.#volumes.bind(choices, node);
        await this.#postBinding(info, node);
        this.#queue.done(info.key);
        const { namespace = '', name } = info.pod.metadata;
        const message = `Successfully assigned ${namespace}/${name} to ${node}`;
        this.#recorder.normal(subjectOf(info.pod), 'Scheduled', message);
      } catch (error) {
        this.#bindFailed(info, error);
      } finally {
        this.#volumes.release(choices);
      }
    };
    this.#track(work());
  }

  async #postBinding(info: PodInfo, node: string): Promise<void> {
    const { namespace = '', name } = info.pod.metadata;
    const binding: KubeObject & { target: object } = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, ...(info.uid === '' ? {} : { uid: info.uid }) },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    await this.#options.client.create(resources.pods, binding, { subresource: 'binding', name });
  }

  #bindFailed(info: PodInfo, error: unknown): void {
    if (this.#cache.isAssumed(info.key)) this.#cache.remove(info.key);
    if (isApiError(error, 'NotFound') || this.#stopped) {
      this.#queue.remove(info.key);
      return;
    }
    this.#options.log.warn({ pod: info.key, error }, 'a binding failed, will try again');
    const message = error instanceof Error ? error.message : String(error);
    this.#recorder.warning(subjectOf(info.pod), 'FailedScheduling', `running Bind: ${message}`);
    this.#queue.giveBackFailed(info.key);
  }

  #reject(info: PodInfo, message: string, plugins: Iterable<string>, nominated?: string): void {
    const names = new Set(plugins);
    const wakeOn = new Set<ClusterEvent>(
      filterPlugins.filter((plugin) => names.has(plugin.name)).flatMap((plugin) => plugin.wakeOn),
    );
    if (names.size === 0) wakeOn.add('node');
    if (nominated !== undefined) wakeOn.add('pod-deleted');
    this.#queue.giveBackUnschedulable(info.key, wakeOn);
    this.#recorder.warning(subjectOf(info.pod), 'FailedScheduling', message);
    this.#track(this.#writeCondition(info.pod, message, nominated));
  }

  async #writeCondition(pod: Pod, message: string, nominated?: string): Promise<void> {
    const old = findCondition(pod.status?.conditions, 'PodScheduled');
    const unchanged = old?.status === 'False' && old.message === message;
    if (unchanged && nominated === undefined) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime:
        old?.status === 'False'
          ? (old.lastTransitionTime ?? now(this.#options.clock))
          : now(this.#options.clock),
    };
    const conditions = [
      ...(pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled'),
      condition,
    ];
    const status = nominated === undefined ? {} : { nominatedNodeName: nominated };
    try {
      await this.#options.client.patch(
        resources.pods,
        pod.metadata,
        'application/merge-patch+json',
        {
          metadata: { uid: pod.metadata.uid },
          status: { phase: 'Pending', ...status, conditions },
        },
        { subresource: 'status' },
      );
    } catch (error) {
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return;
      this.#options.log.warn({ pod: podKey(pod), error }, 'a pod condition could not be written');
    }
  }

  async #evict(info: PodInfo, node: string, victims: readonly PodInfo[]): Promise<void> {
    for (const victim of victims) {
      const subject = subjectOf(victim.pod);
      const message = `Preempted by pod ${info.uid} on node ${node}`;
      try {
        const { pod } = victim;
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: `${this.#name}: preempting to accommodate a higher priority pod`,
          lastTransitionTime: now(this.#options.clock),
        };
        await this.#options.client.patch(
          resources.pods,
          pod.metadata,
          'application/merge-patch+json',
          {
            status: {
              conditions: [
                ...(pod.status?.conditions ?? []).filter((c) => c.type !== condition.type),
                condition,
              ],
            },
          },
          { subresource: 'status' },
        );
        await this.#options.client.delete(resources.pods, pod.metadata, {
          preconditions: { uid: victim.uid },
        });
        this.#recorder.normal(subject, 'Preempted', message);
      } catch (error) {
        if (isApiError(error, 'NotFound')) continue;
        this.#options.log.warn({ pod: victim.key, error }, 'a victim could not be evicted');
      }
    }
  }
}

function subjectOf(pod: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
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
