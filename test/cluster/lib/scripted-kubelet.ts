/**
 * Nodes that exist only in the API: each has a Node object, a lease that it renews, and reports its pods as a kubelet
 * would, but runs nothing. What a pod does is said by its first container's args:
 *   (none)           runs for ever, or succeeds at once when its restart policy is not Always
 *   exit N           ends with exit code N
 *   run              runs for ever, whatever its restart policy
 *   unready          runs and is never ready
 * A pod that is being deleted goes as soon as it is seen, or never if its args begin with `linger`.
 */
import { resources } from '../../../src/client/resources.js';
import type { Pod, Node } from '../../../src/api/types/core.js';
import type { ApiClient, Change, Informer } from '../../../src/client/index.js';
import { createInformerFactory, isApiError } from '../../../src/client/index.js';
import type { Lease } from '../../../src/api/types/policy.js';
import type { Clock } from '../../../src/lib/clock.js';
import type { Logger } from '../../../src/lib/log.js';

const heartbeatMs = 1000;

export interface ScriptedNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export class ScriptedKubelet {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #informers: ReturnType<typeof createInformerFactory>;
  readonly #silent = new Set<string>();
  readonly #names: readonly string[];
  #cancelHeartbeat: () => void = () => undefined;
  #stopped = false;
  #address = 2;

  private constructor(
    options: { readonly client: ApiClient; readonly clock: Clock; readonly log: Logger },
    names: readonly string[],
  ) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#names = names;
    this.#informers = createInformerFactory(options);
  }

  /** Makes the nodes and begins to serve their pods. */
  static async start(
    options: { readonly client: ApiClient; readonly clock: Clock; readonly log: Logger },
    list: readonly ScriptedNode[],
  ): Promise<ScriptedKubelet> {
    const kubelet = new ScriptedKubelet(
      options,
      list.map(({ name }) => name),
    );
    for (const node of list) await kubelet.#register(node);
    await kubelet.#heartbeat();
    const informer: Informer<Pod> = kubelet.#informers.informer<Pod>(resources.pods);
    informer.onChange((change) => kubelet.#onPod(change));
    await kubelet.#informers.waitForSync();
    return kubelet;
  }

  /** From now on nothing is heard of the node, nor does it see its pods. */
  silence(name: string): void {
    this.#silent.add(name);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelHeartbeat();
    this.#informers.stop();
  }

  async #register({ name, labels }: ScriptedNode): Promise<void> {
    const at = this.#now();
    const condition = (type: string, status: string) => ({
      type,
      status,
      lastHeartbeatTime: at,
      lastTransitionTime: at,
      reason: 'Kubelet',
      message: '',
    });
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec: {},
    };
    await this.#client.create<Node>(resources.nodes, node).catch(ignore('AlreadyExists'));
    const size = { cpu: '8', memory: '16Gi', pods: '110', 'ephemeral-storage': '100Gi' };
    const status = {
      capacity: size,
      allocatable: size,
      addresses: [{ type: 'InternalIP', address: `192.0.2.${this.#address++}` }],
      conditions: [
        condition('MemoryPressure', 'False'),
        condition('DiskPressure', 'False'),
        condition('PIDPressure', 'False'),
        condition('Ready', 'True'),
      ],
    };
    await this.#client.patch(
      resources.nodes,
      { name },
      'application/merge-patch+json',
      { status },
      { subresource: 'status' },
    );
  }

  async #heartbeat(): Promise<void> {
    const renewTime = this.#now().replace('Z', '.000000Z');
    for (const name of this.#names) {
      if (this.#stopped) return;
      if (this.#silent.has(name)) continue;
      const key = { namespace: 'kube-node-lease', name };
      const patch = { spec: { renewTime } };
      await this.#client
        .patch<Lease>(resources.leases, key, 'application/merge-patch+json', patch)
        .catch(async (error: unknown) => {
          if (!isApiError(error, 'NotFound')) return;
          await this.#client
            .create<Lease>(resources.leases, {
              apiVersion: 'coordination.k8s.io/v1',
              kind: 'Lease',
              metadata: key,
              spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
            })
            .catch(() => undefined);
        });
    }
    if (this.#stopped) return;
    this.#cancelHeartbeat = this.#clock.schedule(heartbeatMs, () => void this.#heartbeat());
  }

  #onPod({ type, object }: Change<Pod>): void {
    const node = object.spec.nodeName ?? '';
    if (type === 'delete' || !this.#names.includes(node) || this.#silent.has(node)) return;
    const args = object.spec.containers[0]?.args ?? [];
    if (object.metadata.deletionTimestamp !== undefined) {
      if (args[0] === 'linger') return;
      void this.#client
        .delete(resources.pods, object.metadata, { gracePeriodSeconds: 0 })
        .catch(() => undefined);
      return;
    }
    const phase = object.status?.phase ?? 'Pending';
    if (phase === 'Pending') void this.#report(object, this.#running(object, args));
    else if (phase === 'Running') {
      const ending = this.#ending(object, args);
      if (ending !== undefined) void this.#report(object, ending);
    }
  }

  async #report(pod: Pod, status: object): Promise<void> {
    await this.#client
      .patch(
        resources.pods,
        pod.metadata,
        'application/merge-patch+json',
        { status },
        { subresource: 'status' },
      )
      .catch(() => undefined);
  }

  #running(pod: Pod, args: readonly string[]): object {
    const at = this.#now();
    const ready = args[0] === 'unready' ? 'False' : 'True';
    const podIP = `10.200.${this.#address >> 8}.${this.#address & 255}`;
    this.#address++;
    return {
      phase: 'Running',
      startTime: at,
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
        type,
        status: type.endsWith('Ready') ? ready : 'True',
        lastTransitionTime: at,
      })),
      containerStatuses: pod.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        ready: ready === 'True',
        started: true,
        restartCount: 0,
        state: { running: { startedAt: at } },
      })),
    };
  }

  /** Returns the end of a running pod; undefined when it runs for ever. */
  #ending(pod: Pod, args: readonly string[]): object | undefined {
    const ends = args[0] === 'exit' || (args[0] !== 'run' && pod.spec.restartPolicy !== 'Always');
    if (!ends) return undefined;
    const at = this.#now();
    const exitCode = args[0] === 'exit' ? Number(args[1] ?? 0) : 0;
    return {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
        type,
        status: type.endsWith('Ready') ? 'False' : 'True',
        lastTransitionTime: at,
        ...(type.endsWith('Ready') ? { reason: 'PodCompleted' } : {}),
      })),
      containerStatuses: pod.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        ready: false,
        started: false,
        restartCount: 0,
        state: {
          terminated: {
            exitCode,
            reason: exitCode === 0 ? 'Completed' : 'Error',
            startedAt: at,
            finishedAt: at,
          },
        },
      })),
    };
  }

  #now(): string {
    return `${new Date(this.#clock.nowMs()).toISOString().slice(0, 19)}Z`;
  }
}

function ignore(reason: string): (error: unknown) => void {
  return (error) => {
    if (!isApiError(error, reason)) throw error;
  };
}
