/** Which node answers for which address of the pool. Pure, and the same on every node that knows the same cluster. */
import { createHash } from 'node:crypto';
import { isConditionTrue } from '../../api/facts/conditions.js';
import { announcedAddresses } from '../../api/facts/load-balancers.js';
import type { Node, Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';

/** A label of nodes that take no traffic from outside. */
const excludedLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** A Service with its endpoints. */
export interface Announced {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

/** The addresses that this node answers for, sorted. */
export function addressesOfNode(
  services: readonly Announced[],
  nodes: readonly Node[],
  nodeName: string,
): string[] {
  const able = nodes.filter(
    (node) =>
      isConditionTrue(node.status?.conditions, 'Ready') &&
      !(excludedLabel in (node.metadata.labels ?? {})),
  );
  const names = able.map(({ metadata }) => metadata.name);
  const found = new Set<string>();
  for (const { service, slices } of services) {
    const isLocal = service.spec?.externalTrafficPolicy === 'Local';
    const candidates = isLocal ? names.filter((name) => hasEndpoint(slices, name)) : names;
    for (const address of announcedAddresses(service)) {
      if (announcer(address, candidates) === nodeName) found.add(address);
    }
  }
  return [...found].sort();
}

/**
 * Rendezvous hashing: a node that comes or goes moves only its own addresses. Equal weights cannot be had from
 * different names.
 */
export function announcer(address: string, names: readonly string[]): string | undefined {
  let best: { name: string; weight: string } | undefined;
  for (const name of names) {
    const weight = createHash('sha256').update(`${address} ${name}`).digest('hex');
    if (best === undefined || weight > best.weight) best = { name, weight };
  }
  return best?.name;
}

function hasEndpoint(slices: readonly EndpointSlice[], name: string): boolean {
  return slices.some(({ endpoints }) =>
    (endpoints ?? []).some(
      ({ nodeName, conditions }) => nodeName === name && conditions?.ready !== false,
    ),
  );
}
