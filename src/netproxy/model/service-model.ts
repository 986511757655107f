/**
 * From services and their endpoint slices to what a proxy serves: one ServicePort per port, with the endpoints that
 * take its traffic. Pure; iptables, nftables, userspace and ingress are built on it.
 */
import { objectKey } from '../../api/facts/keys.js';
import { addressFamily, formatCidr, parseCidr } from '../address.js';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import type { Protocol } from '../types.js';

/** One address and port behind a service port. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On the node that the model was built for. */
  readonly local: boolean;
  /** On another node, as far as its slice says. */
  readonly elsewhere: boolean;
  /** The zones whose nodes should use it; absent: the slice says nothing of zones. */
  readonly zones?: readonly string[];
}

/** One port of a Service, as a proxy serves it. */
export interface ServicePort {
  /** "namespace/name:port" or "namespace/name" for a port without a name; unique. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly clusterIp: string;
  /** 0 = none. */
  readonly nodePort: number;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  readonly loadBalancerSourceRanges: readonly string[];
  /** 0 = no affinity. */
  readonly affinitySeconds: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  readonly healthCheckNodePort: number;
  /** Takes traffic from anywhere in the cluster. */
  readonly cluster: readonly Endpoint[];
  /** Takes traffic that must stay on this node. */
  readonly local: readonly Endpoint[];
}

/** Labels of Services and EndpointSlices that the cluster's proxy passes over: another one serves them, or none. */
const passedOver = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

/** Kubernetes' default for ClientIP affinity: three hours. */
const affinitySecondsDefault = 10_800;

/**
 * The proxied ports of one service; none for headless and ExternalName ones, and for those that are labelled as not for
 * this proxy. Endpoints of slices with such a label do not count.
 * @param nodeName decides which endpoints are local
 * @param zone of the node, for services whose traffic should stay close; "" where it is not known
 */
export function buildServicePorts(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
  zone = '',
): ServicePort[] {
  const { spec, status } = service;
  const clusterIp = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).find(isIpv4) ?? '';
  if (spec === undefined || spec.type === 'ExternalName' || clusterIp === '') return [];
  if (isPassedOver(service)) return [];
  const proxied = slices.filter((slice) => !isPassedOver(slice));
  const namespace = service.metadata.namespace ?? '';
  const { name } = service.metadata;
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const balancerIps = (status?.loadBalancer?.ingress ?? []).flatMap((entry) =>
    entry.ip !== undefined && entry.ipMode !== 'Proxy' && isIpv4(entry.ip) ? [entry.ip] : [],
  );
  return (spec.ports ?? []).map((port) => {
    const portName = port.name ?? '';
    const protocol = protocolOf(port.protocol);
    const endpoints = endpointsOfPort(proxied, portName, protocol, nodeName);
    return {
      key: portName === '' ? objectKey({ namespace, name }) : `${namespace}/${name}:${portName}`,
      namespace,
      name,
      portName,
      protocol,
      port: port.port,
      clusterIp,
      nodePort: external ? (port.nodePort ?? 0) : 0,
      externalIps: (spec.externalIPs ?? []).filter(isIpv4),
      loadBalancerIps: spec.type === 'LoadBalancer' ? balancerIps : [],
      loadBalancerSourceRanges: (spec.loadBalancerSourceRanges ?? []).map(sourceRange),
      affinitySeconds:
        spec.sessionAffinity === 'ClientIP'
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySecondsDefault)
          : 0,
      internalLocal: spec.internalTrafficPolicy === 'Local',
      externalLocal: spec.externalTrafficPolicy === 'Local',
      healthCheckNodePort: spec.healthCheckNodePort ?? 0,
      cluster: usable(closeTo(zone, endpoints)),
      local: usable(endpoints.filter((endpoint) => endpoint.local)),
    };
  });
}

function isPassedOver({ metadata }: Service | EndpointSlice): boolean {
  return passedOver.some((label) => metadata.labels?.[label] !== undefined);
}

/** All endpoints of a service's port, one per address and port, sorted; ready wins when slices disagree. */
export function endpointsOfPort(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  nodeName: string,
): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    for (const port of slice.ports ?? []) {
      if ((port.name ?? '') !== portName || (port.protocol ?? 'TCP') !== protocol) continue;
      if (port.port === undefined) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const ip = endpoint.addresses[0];
        if (ip === undefined || !isIpv4(ip)) continue;
        const { conditions } = endpoint;
        const ready = conditions?.ready !== false;
        const zones = endpoint.hints?.forZones?.map(({ name }) => name);
        const key = `${ip}:${port.port}`;
        if (found.get(key)?.ready === true) continue;
        found.set(key, {
          ip,
          port: port.port,
          ready,
          serving: conditions?.serving ?? ready,
          terminating: conditions?.terminating === true,
          local: endpoint.nodeName === nodeName,
          elsewhere: endpoint.nodeName !== undefined && endpoint.nodeName !== nodeName,
          ...(zones === undefined ? {} : { zones }),
        });
      }
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/**
 * The ready endpoints that are for nodes of this zone, and those that are not ready. All, where a ready one has no zone
 * or none is for this one. @see kube-proxy topology.go, `topologyModeFromHints`
 */
function closeTo(zone: string, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const hasAllZones = ready.every(({ zones = [] }) => zones.length > 0);
  if (!hasAllZones || !ready.some(({ zones }) => zones?.includes(zone))) return endpoints;
  return endpoints.filter((endpoint) => !endpoint.ready || endpoint.zones?.includes(zone));
}

/** The ready endpoints; when there are none, those that end but still serve (KEP-1669). */
export function usable(endpoints: readonly Endpoint[]): Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  if (ready.length > 0) return ready;
  return endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}

/** Normalizes a range. An unreadable one admits nobody; were it left out, a list without others would admit all. */
function sourceRange(text: string): string {
  const block = parseCidr(text.trim());
  return block === undefined ? nobody : formatCidr(block);
}

/** RFC 1122: "this host on this network", which is no sender's address on the way here. */
const nobody = '0.0.0.0/32';

function isIpv4(address: string): boolean {
  return addressFamily(address) === 'IPv4';
}

/** The protocol of a port; TCP unless it names another. The API server admits no other names. */
function protocolOf(name: string | undefined): Protocol {
  return name === 'UDP' || name === 'SCTP' ? name : 'TCP';
}
