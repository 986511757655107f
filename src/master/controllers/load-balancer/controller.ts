/** Controller "load-balancer-pool": addresses of a pool for Services of type LoadBalancer. */
import { withCondition } from '../../../api/facts/conditions.js';
import { poolCondition } from '../../../api/facts/load-balancers.js';
import { now } from '../../../api/facts/time.js';
import type { ConfigMap, Endpoints, Node, Service } from '../../../api/types/core.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import type { Assignment, Occupied } from './plan.js';
import { isFromPool, planAssignments } from './plan.js';
import type { Pool } from './pool.js';
import { parsePool } from './pool.js';

/** The ConfigMap that names the pool's addresses, in `data.addresses`. */
const poolKey = { namespace: 'kube-system', name: 'load-balancer-pool' };
/** One key for all: who gets an address depends on who has one. */
const allKey = 'pool';

/** Controller "load-balancer-pool-controller". */
export function createLoadBalancerController(context: ControllerContext): Reconciler {
  return new LoadBalancers(context).reconciler;
}

class LoadBalancers {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #services: Informer<Service>;
  readonly #pools: Informer<ConfigMap>;
  readonly #nodes: Informer<Node>;
  /** Where the API servers are, which need not be nodes. */
  readonly #apiServers: Informer<Endpoints>;
  /** The version of the pool whose unreadable parts were told. */
  #told: string | undefined;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('load-balancer-pool-controller');
    this.reconciler = createReconciler(context, {
      name: 'load-balancer-pool',
      workers: 1,
      reconcile: () => this.#reconcile(),
    });
    const enqueue = (): void => this.reconciler.enqueue(allKey);
    this.#services = watchSelf<Service>(context, resources.services, enqueue);
    this.#pools = context.informers.informer<ConfigMap>(resources.configMaps, {
      namespace: poolKey.namespace,
      fieldSelector: `metadata.name=${poolKey.name}`,
    });
    this.#pools.onChange(enqueue);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#nodes.onChange((change) => {
      if (change.type !== 'update' || !hasSameAddresses(change.old, change.object)) enqueue();
    });
    this.#apiServers = context.informers.informer<Endpoints>(resources.endpoints, {
      namespace: 'default',
      fieldSelector: 'metadata.name=kubernetes',
    });
    this.#apiServers.onChange(enqueue);
  }

  async #reconcile(): Promise<void> {
    const pool = this.#pool();
    const services = this.#services.list();
    // Most clusters have no pool: every change of a Service comes by here.
    if (pool.ranges.length === 0 && !services.some(hasCondition)) return;
    const occupied = this.#occupied();
    // Without a pool this cluster's balancers are somebody else's, and nothing is said of them.
    const plan = (all: readonly Service[]): Assignment[] =>
      planAssignments(all, pool, occupied).filter(({ service, failure }) => {
        const isNews = pool.ranges.length > 0 || hasCondition(service);
        return isNews || failure === undefined;
      });
    if (plan(services).length === 0) return;
    // The cache may be behind our own last write; an address that is given twice is worse than a list.
    const { items } = await this.#context.client.list<Service>(resources.services);
    for (const assignment of plan(items)) await this.#write(assignment);
  }

  #occupied(): Occupied {
    const nodes = this.#nodes.list();
    const apiServers = this.#apiServers.list().flatMap(({ subsets = [] }) => subsets);
    const addresses = new Set([
      ...nodes.flatMap(({ status }) => (status?.addresses ?? []).map(({ address }) => address)),
      ...apiServers.flatMap((subset) => (subset.addresses ?? []).map(({ ip }) => ip)),
    ]);
    return { addresses, blocks: nodes.flatMap(podBlocks) };
  }

  #pool(): Pool {
    const pool = this.#pools.get(poolKey);
    const { ranges, unreadable } = parsePool(pool?.data?.['addresses'] ?? '');
    const version = pool?.metadata.resourceVersion;
    if (pool !== undefined && unreadable.length > 0 && version !== this.#told) {
      this.#told = version;
      const message = `no IPv4 address, block or range: ${unreadable.slice(0, 5).join(', ')}`;
      const subject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: pool.metadata };
      this.#recorder.warning(subject, 'UnreadableRange', message);
    }
    return { ranges, unreadable };
  }

  async #write({ service, address, failure, isOurs }: Assignment): Promise<void> {
    const { client, clock } = this.#context;
    const { conditions = [] } = service.status ?? {};
    const time = now(clock);
    const condition = {
      type: poolCondition,
      status: address === undefined ? ('False' as const) : ('True' as const),
      reason: address === undefined ? 'AllocationFailed' : 'Allocated',
      message: failure ?? '',
      lastTransitionTime: time,
    };
    const ours =
      address === undefined ? {} : { ingress: [{ ip: address, ipMode: 'VIP' as const }] };
    // A Service that is none of ours may have an address by now from whoever it belongs to.
    const loadBalancer =
      isOurs || isFromPool(service) ? ours : (service.status?.loadBalancer ?? {});
    const others = conditions.filter(({ type }) => type !== poolCondition);
    const status = {
      ...service.status,
      loadBalancer,
      conditions: isOurs ? withCondition(conditions, condition, time) : others,
    };
    const written = await client
      .updateStatus<Service>(resources.services, { ...service, status })
      .catch(ignoreNotFound);
    if (written === undefined || !isOurs) return;
    const subject = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
    if (address !== undefined)
      this.#recorder.normal(subject, 'IPAllocated', `Assigned IP ${address}`);
    else this.#recorder.warning(subject, 'AllocationFailed', failure ?? '');
  }
}

function hasSameAddresses(before: Node, after: Node): boolean {
  const facts = (node: Node): string => JSON.stringify([node.status?.addresses, podBlocks(node)]);
  return facts(before) === facts(after);
}

function podBlocks({ spec }: Node): string[] {
  return spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
}

function hasCondition({ status }: Service): boolean {
  return (status?.conditions ?? []).some(({ type }) => type === poolCondition);
}
