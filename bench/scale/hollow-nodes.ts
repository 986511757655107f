/**
 * Nodes that only the API knows of: each keeps its Lease, watches the pods that are bound to it on a connection of its
 * own as an agent does, and says of each that it runs.
 */
import type { RestClient } from '../lib/rest-client.js';
import { spread } from '../lib/rest-client.js';

interface BoundPod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly status?: { readonly phase?: string };
}

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
/** Milliseconds between two renewals, as a kubelet's are. */
const renewMs = 10_000;

export class HollowNodes {
  readonly #client: RestClient;
  readonly #names: readonly string[];
  /** Uids of the pods that came to a node. */
  readonly #bound = new Set<string>();
  #running = 0;
  #failure: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: RestClient, count: number) {
    this.#client = client;
    this.#names = Array.from({ length: count }, (_, at) => `hollow-${at}`);
  }

  /** Pods that nodes have heard of. */
  get bound(): number {
    this.#mustWork();
    return this.#bound.size;
  }

  /** Pods that the API has been told are running. */
  get running(): number {
    this.#mustWork();
    return this.#running;
  }

  async start(): Promise<void> {
    await spread(this.#names.length, 16, (at) => this.#join(this.#names[at] ?? ''));
    if (this.#names.length === 0) return;
    const step = renewMs / this.#names.length;
    let at = 0;
    this.#timer = setInterval(() => {
      this.#renew(this.#names[at++ % this.#names.length] ?? '').catch(this.#fail);
    }, step);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  readonly #fail = (error: Error): void => {
    this.#failure ??= error;
  };

  #mustWork(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #join(name: string): Promise<void> {
    const amounts = { cpu: '32', memory: '64Gi', pods: '500', 'ephemeral-storage': '100Gi' };
    const at = new Date().toISOString().replace(/\.\d+/, '');
    const condition = (type: string, status: string): object => ({
      type,
      status,
      reason: 'Hollow',
      message: 'hollow node',
      lastHeartbeatTime: at,
      lastTransitionTime: at,
    });
    const conditions = [
      condition('MemoryPressure', 'False'),
      condition('DiskPressure', 'False'),
      condition('PIDPressure', 'False'),
      condition('Ready', 'True'),
    ];
    const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' };
    await this.#client.call('POST', '/api/v1/nodes', { metadata: { name, labels } });
    await this.#client.patch(`/api/v1/nodes/${name}/status`, {
      type: 'application/strategic-merge-patch+json',
      body: { status: { capacity: amounts, allocatable: amounts, conditions } },
    });
    await this.#client.call('POST', leases, {
      metadata: { name },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
    });
    const path = `/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D${name}`;
    await this.#client.watch<BoundPod>(
      path,
      ({ type, object }) => {
        if (type === 'ADDED') this.#run(object).catch(this.#fail);
      },
      this.#fail,
    );
  }

  #renew(name: string): Promise<void> {
    const type = 'application/merge-patch+json';
    return this.#client.patch(`${leases}/${name}`, {
      type,
      body: { spec: { renewTime: microTime() } },
    });
  }

  async #run({ metadata }: BoundPod): Promise<void> {
    if (this.#bound.has(metadata.uid)) return;
    this.#bound.add(metadata.uid);
    const { size } = this.#bound;
    const ip = `10.244.${(size >> 8) & 255}.${size & 255}`;
    const at = new Date().toISOString().replace(/\.\d+/, '');
    const conditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'].map(
      (type) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: at }),
    );
    const container = {
      name: 'c',
      image: 'busybox',
      imageID: '',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: at } },
    };
    await this.#client.patch(
      `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`,
      {
        type: 'application/strategic-merge-patch+json',
        body: {
          metadata: { uid: metadata.uid },
          status: {
            phase: 'Running',
            podIP: ip,
            podIPs: [{ ip }],
            hostIP: '10.0.0.1',
            startTime: at,
            conditions,
            containerStatuses: [container],
          },
        },
      },
    );
    this.#running++;
  }
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
