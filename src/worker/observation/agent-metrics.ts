import type { Pod } from '../../api/types/core.js';
import { ClientMetrics } from '../../client/client-metrics.js';
import { Counter, Gauge, Histogram, Readings, Registry } from '../../lib/metrics.js';
import { observeEventLoop, observeProcess } from '../../lib/process-metrics.js';
import type { WorkerNode } from '../agent/worker-node.js';
import type { ContainerRole, PodState } from '../pod/state.js';
import type { ProbeKind } from '../probes/prober.js';
import { keyOf } from '../run/node-context.js';
import type { PodObserver } from '../run/node-context.js';

const startBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800,
  2700, 3600,
];
const types: Readonly<Record<ContainerRole, string>> = {
  init: 'init_container',
  sidecar: 'init_container',
  main: 'container',
  ephemeral: 'ephemeral_container',
};
const containerStates = ['created', 'running', 'exited'] as const;

interface Probes {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
}

/** kubelet's metrics of one node. What they say of single pods goes with the pod. */
export class AgentMetrics implements PodObserver {
  readonly registry = new Registry();
  readonly client = new ClientMetrics(this.registry);
  readonly #node: () => WorkerNode | undefined;
  readonly #starts: Histogram;
  readonly #startedPods: Counter;
  readonly #startedContainers: Counter;
  readonly #startErrors: Counter;
  /** By the pod's uid, then by labels. */
  readonly #probes = new Map<string, Map<string, Probes>>();

  /** @param node the node, once it is up */
  constructor(nodeName: string, node: () => WorkerNode | undefined) {
    this.#node = node;
    const registers = [this.registry];
    observeProcess(this.registry);
    observeEventLoop(this.registry);
    new Gauge({
      name: 'kubelet_node_name',
      help: "The node's name. The count is always 1.",
      labelNames: ['node'] as string[],
      registers,
    }).set({ node: nodeName }, 1);
    for (const gauge of this.#readAtScrapes()) this.registry.registerMetric(gauge);
    this.#starts = new Histogram({
      name: 'kubelet_pod_start_duration_seconds',
      help: 'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
      buckets: startBuckets,
      registers,
    });
    this.#startedPods = new Counter({
      name: 'kubelet_started_pods_total',
      help: 'Cumulative number of pods started',
      registers,
    });
    this.#startedContainers = new Counter({
      name: 'kubelet_started_containers_total',
      help: 'Cumulative number of containers started',
      labelNames: ['container_type'] as string[],
      registers,
    });
    this.#startErrors = new Counter({
      name: 'kubelet_started_containers_errors_total',
      help: 'Cumulative number of errors when starting containers',
      labelNames: ['container_type', 'code'] as string[],
      registers,
    });
  }

  #readAtScrapes(): Gauge[] {
    const states = (): readonly Readonly<PodState>[] =>
      [...(this.#node()?.pods.workers.values() ?? [])].map(({ state }) => state);
    return [
      new Gauge({
        name: 'kubelet_running_pods',
        help: 'Number of pods that have a running pod sandbox',
        collect: (metric) => {
          metric.set(states().filter(({ sandbox }) => sandbox.phase === 'ready').length);
        },
      }),
      new Gauge({
        name: 'kubelet_desired_pods',
        help: 'The number of pods the kubelet is being instructed to run.',
        collect: (metric) => {
          metric.set(states().filter(({ gone, finished }) => !gone && !finished).length);
        },
      }),
      new Gauge({
        name: 'kubelet_running_containers',
        help: 'Number of containers currently running',
        labelNames: ['container_state'] as string[],
        collect: (metric) => {
          const phases = states().flatMap(({ trackedContainers }) =>
            [...trackedContainers.values()].map(({ current }) => current?.phase),
          );
          for (const phase of containerStates) {
            const count = phases.filter((one) => one === phase).length;
            metric.set({ container_state: phase }, count);
          }
        },
      }),
    ];
  }

  containerStarted(role: ContainerRole, failure: string | undefined): void {
    const labels = { container_type: types[role] };
    this.#startedContainers.inc(labels);
    if (failure !== undefined) this.#startErrors.inc({ ...labels, code: failure });
  }

  podStarted(tookMs: number): void {
    this.#startedPods.inc();
    this.#starts.observe(tookMs / 1000);
  }

  probed(pod: Pod, container: string, kind: ProbeKind, succeeded: boolean): void {
    const { uid, namespace, name } = keyOf(pod);
    const result = succeeded ? 'successful' : 'failed';
    const key = `${container} ${kind} ${result}`;
    const ofPod = this.#probes.get(uid) ?? new Map<string, Probes>();
    this.#probes.set(uid, ofPod);
    const found = ofPod.get(key);
    if (found !== undefined) {
      found.count++;
      return;
    }
    const probeType = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const labels = { probe_type: probeType, result, container, pod: name, namespace, pod_uid: uid };
    ofPod.set(key, { labels, count: 1 });
  }

  podGone(uid: string): void {
    this.#probes.delete(uid);
  }

  /** `/metrics/probes`. */
  probes(): Registry {
    const registry = new Registry();
    const total = new Readings({
      name: 'prober_probe_total',
      help: 'Cumulative number of a liveness, readiness or startup probe for a container by result.',
      type: 'counter',
    });
    for (const ofPod of this.#probes.values()) {
      for (const { labels, count } of ofPod.values()) total.add(labels, count);
    }
    registry.registerMetric(total);
    return registry;
  }
}
