/**
 * Ways to the other nodes' pods. Pure: nodes → wanted routes, and the `ip` / `bridge` batches that turn one set into
 * another. A node in the own subnet is the next hop itself; others are reached through VXLAN, whose far ends are known
 * from the Node objects (MAC from the pod CIDR), so that nothing has to be learnt or flooded.
 */
import { cidrAddress, cidrContains, formatCidr, parseCidr } from '../address.js';
import type { Cidr } from '../address.js';
import type { Node } from '../../api/types/core.js';

/** The way to another node's pods. */
export interface NodeRoute {
  readonly podCidr: string;
  readonly nodeIp: string;
  readonly via: 'direct' | 'vxlan';
}

/** The inputs of a node's routes besides the other nodes. */
export interface RouteConfig {
  readonly nodeName: string;
  /** The subnet of the node's own address, for example `192.168.5.2/24`. */
  readonly nodeSubnet: string;
  /** The pods of the whole cluster: nothing else is routed to a node. */
  readonly clusterCidr: string;
  readonly routing: 'auto' | 'direct' | 'vxlan';
}

/** The name of the tunnel's link. */
export const vxlanLink = 'trireme.vxlan';
/** Flannel's VNI and port, which firewalls for Kubernetes know. */
export const vxlanId = 1;
/** UDP. */
export const vxlanPort = 8472;
/** Marks our routes in the kernel's table, so that stale ones are found after a restart. */
export const routeProtocol = '84';

/**
 * By pod CIDR. A range outside of the cluster's, or that overlaps another node's, is nobody's: it would draw the
 * traffic of others, a master's for one, to the node that claims it.
 */
export function wantedRoutes(nodes: readonly Node[], config: RouteConfig): Map<string, NodeRoute> {
  const subnet = parseCidr(config.nodeSubnet);
  const cluster = parseCidr(config.clusterCidr);
  const routes = new Map<string, NodeRoute>();
  if (cluster === undefined) return routes;
  let endOfLast = -1;
  for (const { node, cidr } of claims(nodes)) {
    if (!isPartOf(cidr, cluster) || cidr.base <= endOfLast) continue;
    endOfLast = cidr.base + 2 ** (32 - cidr.prefix) - 1;
    const nodeIp = nodeAddress(node);
    if (node.metadata.name === config.nodeName || nodeIp === undefined) continue;
    const near = subnet !== undefined && cidrContains(subnet, nodeIp);
    const direct = config.routing === 'direct' || (config.routing === 'auto' && near);
    const podCidr = formatCidr(cidr);
    routes.set(podCidr, { podCidr, nodeIp, via: direct ? 'direct' : 'vxlan' });
  }
  return routes;
}

interface Claim {
  readonly node: Node;
  readonly cidr: Cidr;
}

/** The nodes' ranges in the order of addresses, a wider one before those within it. */
function claims(nodes: readonly Node[]): Claim[] {
  const found = nodes.flatMap((node): Claim[] => {
    const cidr = parseCidr(podCidrOf(node) ?? '');
    return cidr === undefined ? [] : [{ node, cidr }];
  });
  return found.sort(
    (a, b) =>
      a.cidr.base - b.cidr.base ||
      a.cidr.prefix - b.cidr.prefix ||
      (a.node.metadata.name < b.node.metadata.name ? -1 : 1),
  );
}

/** True for a part of the range, and not for all of it. */
function isPartOf(part: Cidr, whole: Cidr): boolean {
  return part.prefix > whole.prefix && cidrContains(whole, cidrAddress(part, 0));
}

/** A node's IPv4 pod CIDR. */
export function podCidrOf(node: Node): string | undefined {
  const all = node.spec?.podCIDRs ?? [node.spec?.podCIDR ?? ''];
  return all.find((cidr) => parseCidr(cidr) !== undefined);
}

/** The address by which other nodes reach it; undefined while it has none. */
export function nodeAddress(node: Node): string | undefined {
  return node.status?.addresses?.find(
    ({ type, address }) => type === 'InternalIP' && parseCidr(address) !== undefined,
  )?.address;
}

/** Commands that change routes and the tunnel's neighbours. */
export interface RouteBatches {
  /** For `ip -batch -`. */
  readonly ip: readonly string[];
  /** For `bridge -batch -`. */
  readonly bridge: readonly string[];
}

/** From what is there to what is wanted. Additions replace, so the same batch may run again. */
export function planRoutes(
  there: ReadonlyMap<string, NodeRoute>,
  wanted: ReadonlyMap<string, NodeRoute>,
): RouteBatches {
  const ip: string[] = [];
  const bridge: string[] = [];
  for (const [podCidr, route] of there) {
    const now = wanted.get(podCidr);
    if (now?.via === route.via) continue;
    if (now === undefined) ip.push(`route del ${podCidr} proto ${routeProtocol}`);
    if (route.via !== 'vxlan') continue;
    const far = farEnd(podCidr);
    ip.push(`neigh del ${far.address} dev ${vxlanLink}`);
    bridge.push(`fdb del ${far.mac} dev ${vxlanLink}`);
  }
  for (const [podCidr, route] of wanted) {
    const old = there.get(podCidr);
    if (old?.nodeIp === route.nodeIp && old.via === route.via) continue;
    if (route.via === 'direct') {
      ip.push(`route replace ${podCidr} via ${route.nodeIp} proto ${routeProtocol}`);
      continue;
    }
    const far = farEnd(podCidr);
    ip.push(
      `neigh replace ${far.address} lladdr ${far.mac} dev ${vxlanLink} nud permanent`,
      `route replace ${podCidr} via ${far.address} dev ${vxlanLink} onlink proto ${routeProtocol}`,
    );
    bridge.push(`fdb replace ${far.mac} dev ${vxlanLink} dst ${route.nodeIp} self permanent`);
  }
  return { ip, bridge };
}

/** The VXLAN end of the node that has this pod CIDR: its network address, and a MAC made of it. */
export function farEnd(podCidr: string): { readonly address: string; readonly mac: string } {
  const cidr = parseCidr(podCidr);
  if (cidr === undefined) throw new RangeError(`${podCidr} is not an IPv4 block`);
  const address = cidrAddress(cidr, 0);
  const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return { address, mac: `0a:58:${hex.join(':')}` };
}
