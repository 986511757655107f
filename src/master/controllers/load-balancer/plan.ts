/**
 * Which Service gets which address of the pool. Pure: all Services in, what is to be written out. What a Service has it
 * keeps, as long as the pool has it, nobody older has the same, and no node, pod, API server or ClusterIP does.
 */
import { findCondition } from '../../../api/facts/conditions.js';
import { ownLoadBalancerClass, poolCondition } from '../../../api/facts/load-balancers.js';
import type { Service } from '../../../api/types/core.js';
import type { Pool } from './pool.js';
import { blockHas, freeAddress, poolHas } from './pool.js';

/** What is to be written to a Service's status. */
export interface Assignment {
  readonly service: Service;
  /** undefined: it has none. */
  readonly address: string | undefined;
  /** Why it has none, for the condition and an Event; undefined where it is none of ours any more, or has one. */
  readonly failure: string | undefined;
  /** Whether it is served by us at all; else the condition goes. */
  readonly isOurs: boolean;
}

/** Addresses that are somebody's already, which a node that answered for them would cut off. */
export interface Occupied {
  readonly addresses: ReadonlySet<string>;
  /** Blocks, such as those of the nodes' pods. */
  readonly blocks: readonly string[];
}

/** Services whose status is not as it should be; those that give an address back come first. */
export function planAssignments(
  services: readonly Service[],
  pool: Pool,
  occupied: Occupied,
): Assignment[] {
  const ordered = [...services].sort(byAge);
  const clusterIps = new Set(
    services.flatMap(({ spec }) => spec?.clusterIPs ?? [spec?.clusterIP ?? '']),
  );
  const given = new Set<string>();
  const taken = (address: string): boolean =>
    given.has(address) ||
    occupied.addresses.has(address) ||
    clusterIps.has(address) ||
    occupied.blocks.some((block) => blockHas(block, address));
  const kept = new Map<Service, string>();
  for (const service of ordered) {
    const address = addressOf(service);
    if (address === undefined) continue;
    if (!isFromPool(service)) given.add(address);
    else if (isOurs(service) && poolHas(pool, address) && isAsAsked(service, address)) {
      if (taken(address)) continue;
      given.add(address);
      kept.set(service, address);
    }
  }
  const plan: Assignment[] = [];
  for (const service of ordered) {
    if (isOurs(service) || findCondition(service.status?.conditions, poolCondition) === undefined)
      continue;
    plan.push({ service, address: undefined, failure: undefined, isOurs: false });
  }
  // Those that ask for one come first: another could be given it.
  const waiting = ordered.filter((service) => isOurs(service) && !kept.has(service));
  const asking = waiting.filter(({ spec }) => (spec?.loadBalancerIP ?? '') !== '');
  for (const service of new Set([...asking, ...waiting])) {
    // Another controller, without a class, was here first.
    if (!isFromPool(service) && addressOf(service) !== undefined) continue;
    const found = choose(service, pool, taken);
    if (found.address !== undefined) given.add(found.address);
    if (isTold(service, found)) continue;
    plan.push({ service, isOurs: true, ...found });
  }
  return plan;
}

function choose(
  { spec }: Service,
  pool: Pool,
  taken: (address: string) => boolean,
): { address: string | undefined; failure: string | undefined } {
  const asked = spec?.loadBalancerIP ?? '';
  if (pool.ranges.length === 0) return refused('there is no pool of addresses');
  if (asked === '') {
    const address = freeAddress(pool, taken);
    return address === undefined
      ? refused('no address of the pool is free')
      : { address, failure: undefined };
  }
  if (!poolHas(pool, asked)) return refused(`the pool does not have ${asked}`);
  return taken(asked) ? refused(`${asked} is in use`) : { address: asked, failure: undefined };
}

function refused(failure: string): { address: undefined; failure: string } {
  return { address: undefined, failure };
}

/** Whether the status says so already. */
function isTold(
  service: Service,
  { address, failure }: Pick<Assignment, 'address' | 'failure'>,
): boolean {
  const { status, message } = findCondition(service.status?.conditions, poolCondition) ?? {};
  if (address !== undefined || addressOf(service) !== undefined) return false;
  return status === 'False' && message === failure;
}

/** Services that this controller gives addresses to. */
function isOurs({ metadata, spec }: Service): boolean {
  if (spec?.type !== 'LoadBalancer' || metadata.deletionTimestamp !== undefined) return false;
  // Of one family IPv6 there is nothing to give.
  if (spec.ipFamilies !== undefined && !spec.ipFamilies.includes('IPv4')) return false;
  return [undefined, '', ownLoadBalancerClass].includes(spec.loadBalancerClass);
}

/** Whether the address that it has is one that this controller gave. */
export function isFromPool({ status }: Service): boolean {
  return findCondition(status?.conditions, poolCondition)?.status === 'True';
}

function isAsAsked({ spec }: Service, address: string): boolean {
  return [undefined, '', address].includes(spec?.loadBalancerIP);
}

function addressOf({ status }: Service): string | undefined {
  return status?.loadBalancer?.ingress?.[0]?.ip ?? status?.loadBalancer?.ingress?.[0]?.hostname;
}

function byAge(a: Service, b: Service): number {
  const [one, other] = [a, b].map(
    ({ metadata }) =>
      `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`,
  );
  return (one ?? '') < (other ?? '') ? -1 : 1;
}
