/** Which node answers for which address of the pool. Pure, and the same on every node that knows the same cluster. */
import { createHash } from 'node:crypto';
import { isConditionTrue } from '../../api/facts/conditions.js';
import { announcedAddresses } from '../../api/facts/load-balancers.js';
import { netproxyAnnotation, readNetproxyState } from '../../api/facts/node-network.js';
import type { Node, Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { isLeaving } from '../observation/node-health.js';

/** A label of nodes that take no traffic from outside. */
const excludedLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** A Service with its endpoints. */
export interface Announced {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

/**
 * The addresses that this node answers for, sorted. None of a node's own: whatever a status says, no other node may
 * take it.
 */
export function addressesOfNode(
  services: readonly Announced[],
  nodes: readonly Node[],
  nodeName: string,
): string[] {
  const names = nodes.filter(isAble).map(({ metadata }) => metadata.name);
  const own = new Set(
    nodes.flatMap(({ status }) => (status?.addresses ?? []).map(({ address }) => address)),
  );
  const found = new Set<string>();
  for (const { service, slices } of services) {
    const isLocal = service.spec?.externalTrafficPolicy === 'Local';
    const candidates = isLocal ? names.filter((name) => hasEndpoint(slices, name)) : names;
    for (const address of announcedAddresses(service)) {
      if (!own.has(address) && announcer(address, candidates) === nodeName) found.add(address);
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

/** Whether a change of a node can move an address. */
export function isOtherwise(before: Node, after: Node): boolean {
  const addresses = ({ status }: Node): string => JSON.stringify(status?.addresses);
  return isAble(before) !== isAble(after) || addresses(before) !== addresses(after);
}

/** Whether the node takes traffic from outside, and has a netproxy that keeps what leads it on. */
function isAble(node: Node): boolean {
  const { annotations, labels = {} } = node.metadata;
  if (!isConditionTrue(node.status?.conditions, 'Ready')) return false;
  if (excludedLabel in labels || isLeaving(node)) return false;
  const netproxy = readNetproxyState(annotations?.[netproxyAnnotation]);
  if (netproxy?.mode === 'userspace' || netproxy?.mode === 'none') return false;
  return netproxy?.state !== 'silent' && netproxy?.state !== 'starting';
}

function hasEndpoint(slices: readonly EndpointSlice[], name: string): boolean {
  return slices.some(({ endpoints }) =>
    (endpoints ?? []).some(
      ({ nodeName, conditions }) => nodeName === name && conditions?.ready !== false,
    ),
  );
}
