import { findCondition } from '../../api/facts/conditions.js';
import { nodeAnnotations } from '../../api/facts/node-authorities.js';
import { netproxyAnnotation, readNetproxyState } from '../../api/facts/node-network.js';
import { objectKey } from '../../api/facts/keys.js';
import { parseTime } from '../../api/facts/time.js';
import type { Node } from '../../api/types/core.js';
import type { Lease } from '../../api/types/policy.js';
import type { ApiClient } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import type { ComponentLease, NodeProxy, NodeStatus } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { buildOf } from '../../lib/version.js';

/** Leases tell who is active, which is what observers wait for. */
const leasesEveryMs = 250;
/** Nodes are many, and change less. */
const nodesEveryMs = 1000;
const callDeadlineMs = 2000;
const components = ['kube-scheduler', 'kube-controller-manager'] as const;

/**
 * The API's view of components and nodes, read once for all who observe: each list is asked for at most so often,
 * however many there are. A call that fails leaves the last view, which gets older.
 */
export class ApiLook {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  #nodes: NodeStatus[] = [];
  #leases: ComponentLease[] = [];
  #nodesMs = -Infinity;
  #leasesMs = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(options: { readonly client: ApiClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  get nodes(): NodeStatus[] {
    return this.#nodes;
  }

  get leases(): ComponentLease[] {
    return this.#leases;
  }

  /** How old the leases are in milliseconds; -1 before the first answer. */
  get ageMs(): number {
    return this.#leasesMs === -Infinity ? -1 : this.#clock.monotonicMs() - this.#leasesMs;
  }

  /** Reads what is due; the same promise for all who ask meanwhile. Never rejects. */
  refresh(): Promise<void> {
    this.#asking ??= this.#read()
      .catch(() => undefined)
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  async #read(): Promise<void> {
    const call = { deadlineMs: callDeadlineMs };
    const startMs = this.#clock.monotonicMs();
    if (startMs - this.#nodesMs >= nodesEveryMs) {
      const { items } = await this.#client.list<Node>(resources.nodes, call);
      this.#nodes = items.map(nodeStatus);
      this.#nodesMs = startMs;
    }
    if (startMs - this.#leasesMs >= leasesEveryMs) {
      const where = { ...call, namespace: 'kube-system' };
      const { items } = await this.#client.list<Lease>(resources.leases, where);
      this.#leases = components.map((component) => componentLease(component, items));
      this.#leasesMs = startMs;
    }
  }
}

/** A node, as the status of the cluster shows it. */
export function nodeStatus(node: Node): NodeStatus {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const address = node.status?.addresses?.find((entry) => entry.type === 'InternalIP');
  return {
    name: node.metadata.name,
    address: address?.address ?? '',
    ready: ready?.status === 'True',
    message: ready?.message ?? '',
    build: buildOf(node.status?.nodeInfo?.kubeletVersion ?? '') ?? '',
    certificatesEnd: node.metadata.annotations?.[nodeAnnotations.end] ?? '',
    netproxy: netproxyOf(node),
  };
}

/** What the node's agent says of it; of an agent that is silent itself, nobody knows whether it still holds. */
function netproxyOf({ metadata, status }: Node): NodeProxy | undefined {
  const told = readNetproxyState(metadata.annotations?.[netproxyAnnotation]);
  if (told === undefined) return undefined;
  const isHeard = findCondition(status?.conditions, 'Ready')?.status !== 'Unknown';
  return isHeard ? told : { ...told, state: 'unknown' };
}

function componentLease(component: string, held: readonly Lease[]): ComponentLease {
  const wanted = objectKey({ namespace: 'kube-system', name: component });
  const spec = held.find(({ metadata }) => objectKey(metadata) === wanted)?.spec;
  return {
    component,
    holder: spec?.holderIdentity ?? '',
    acquiredMs: parseTime(spec?.acquireTime) ?? 0,
    renewedMs: parseTime(spec?.renewTime) ?? 0,
    durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
  };
}
