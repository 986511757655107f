/** Lists the sockets of the userspace proxy for a service port, each with its endpoints. Pure. */
import type { Endpoint, ServicePort } from '../model/service-model.js';

/** One listening socket. */
export interface WantedListener {
  /** "TCP 10.96.0.1:80"; unique among all services of a node. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The address is the service's, and is given to the node. */
  readonly isServiceAddress: boolean;
  /** By which of the service's two traffic policies endpoints are chosen. */
  readonly traffic: Traffic;
}

/** From within the cluster, by the ClusterIP; or from outside, by a node port, an external IP or a load balancer's. */
export type Traffic = 'internal' | 'external';

/**
 * Node ports on every address of the node; with root the service's own addresses too. None for SCTP, which Node.js
 * has no sockets for.
 * @param isRoot whether addresses may be given to the node
 */
export function listenersOf(port: ServicePort, isRoot: boolean): WantedListener[] {
  if (port.protocol === 'SCTP') return [];
  const entry = (host: string, number: number, traffic: Traffic): WantedListener => ({
    id: `${port.protocol} ${host}:${number}`,
    host,
    port: number,
    isServiceAddress: host !== anyAddress,
    traffic,
  });
  const wanted = port.nodePort === 0 ? [] : [entry(anyAddress, port.nodePort, 'external')];
  if (!isRoot) return wanted;
  const outside = new Set([...port.externalIps, ...port.loadBalancerIps]);
  outside.delete(port.clusterIp);
  return [
    ...wanted,
    entry(port.clusterIp, port.port, 'internal'),
    ...[...outside].map((ip) => entry(ip, port.port, 'external')),
  ];
}

/** The endpoints that take traffic of a kind; none where the policy keeps it on this node and the node has none. */
export function endpointsFor(port: ServicePort, traffic: Traffic): readonly Endpoint[] {
  const isLocal = traffic === 'internal' ? port.internalLocal : port.externalLocal;
  return isLocal ? port.local : port.cluster;
}

const anyAddress = '0.0.0.0';
