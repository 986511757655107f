/** Endpoints and EndpointSlices of a Service. Pure. @see kubernetes pkg/controller/endpoint, endpointslice */
import { serviceNameLabel, zoneLabel } from '../../../api/facts/well-known.js';
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Endpoints,
  Node,
  ObjectReference,
  Pod,
  Service,
  ServicePort,
} from '../../../api/types/core.js';
import type { Endpoint, EndpointSlice } from '../../../api/types/networking.js';
import { canonicalJson } from '../../../api/facts/hash.js';
import { isPodReady, isPodTerminal, longRunningContainers } from '../../../api/facts/pods.js';

/** Most endpoints in one slice. */
export const maxEndpointsPerSlice = 100;
/** The label of an EndpointSlice that names the controller which writes it. */
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

/** The value of that label on the slices of Services with a selector. */
export const managedBy = 'endpointslice-controller.k8s.io';
const endpointsManagerLabel = 'endpoints.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';

/** The number of a service port's target in a pod; undefined when the pod has no port of that name. */
export function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  for (const container of longRunningContainers(pod.spec)) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && sameProtocol(candidate.protocol, port.protocol)) {
        return candidate.containerPort;
      }
    }
  }
  return undefined;
}

function sameProtocol(a = 'TCP', b = 'TCP'): boolean {
  return a === b;
}

function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None';
}

/**
 * The ports that a pod serves for a service; undefined when a named one is missing, so that the pod is left out there.
 */
function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec.ports ?? []) {
    const number = targetPort(port, pod);
    if (number === undefined) continue;
    ports.push({
      ...(port.name === undefined || port.name === '' ? {} : { name: port.name }),
      port: number,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return ports;
}

/** The hostname that DNS shows for the pod below its service. */
function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname = '', subdomain } = pod.spec;
  const sameNamespace = service.metadata.namespace === pod.metadata.namespace;
  return hostname !== '' && subdomain === service.metadata.name && sameNamespace
    ? hostname
    : undefined;
}

function targetRef(pod: Pod): ObjectReference {
  const { namespace, name, uid } = pod.metadata;
  return {
    kind: 'Pod',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = hostnameOf(service, pod);
  const { nodeName } = pod.spec;
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: targetRef(pod),
  };
}

function ipsOf(pod: Pod): string[] {
  const all = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  const { podIP = '' } = pod.status ?? {};
  return all.length > 0 ? all : podIP === '' ? [] : [podIP];
}

/** Tells an IPv6 address from an IPv4 one, by its colons. */
export function isIpv6(ip: string): boolean {
  return ip.includes(':');
}

/** True for a service whose endpoints are the pods that it selects. */
export function hasEndpoints({ spec }: Service): boolean {
  return Object.keys(spec.selector ?? {}).length > 0 && spec.type !== 'ExternalName';
}

/** Address families of a service, main one first. */
export function familiesOf(service: Service): ('IPv4' | 'IPv6')[] {
  const named = (service.spec.ipFamilies ?? []).filter((f) => f === 'IPv4' || f === 'IPv6');
  if (named.length > 0) return named;
  const { clusterIP = '' } = service.spec;
  return [isIpv6(clusterIP) ? 'IPv6' : 'IPv4'];
}

/** A subset while pods are added to it. */
interface DraftSubset {
  readonly addresses: EndpointAddress[];
  readonly notReadyAddresses: EndpointAddress[];
  readonly ports: EndpointPort[];
}

/** The subsets of the Endpoints object of a service with a selector. */
export function planSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const family = familiesOf(service)[0];
  const groups = new Map<string, DraftSubset>();
  const unready = service.spec.publishNotReadyAddresses === true;
  const shown = pods.filter(
    (pod) => !isPodTerminal(pod) && (unready || pod.metadata.deletionTimestamp === undefined),
  );
  for (const pod of shown.toSorted(byName)) {
    const ip = ipsOf(pod).find((candidate) => isIpv6(candidate) === (family === 'IPv6'));
    if (ip === undefined) continue;
    const ports = portsOf(service, pod);
    if (ports.length === 0 && !(isHeadless(service) && (service.spec.ports ?? []).length === 0)) {
      continue;
    }
    const key = canonicalJson(ports);
    let subset = groups.get(key);
    if (subset === undefined) {
      subset = { addresses: [], notReadyAddresses: [], ports };
      groups.set(key, subset);
    }
    const ready = isPodReady(pod) || unready;
    (ready ? subset.addresses : subset.notReadyAddresses).push(addressOf(service, pod, ip));
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { addresses, notReadyAddresses, ports }]) => ({
      ...(addresses.length === 0 ? {} : { addresses: addresses.toSorted(byIp) }),
      ...(notReadyAddresses.length === 0
        ? {}
        : { notReadyAddresses: notReadyAddresses.toSorted(byIp) }),
      ...(ports.length === 0 ? {} : { ports }),
    }));
}

function byIp(a: EndpointAddress, b: EndpointAddress): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0;
}

function byName(a: Pod, b: Pod): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The content of one set of slices: endpoints of one family that share their ports. */
export interface SliceGroup {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** Groups the pods that a Service selects by address family and ports, as EndpointSlices must hold them. */
export function planSliceGroups(
  service: Service,
  pods: readonly Pod[],
  node: (name: string) => Node | undefined,
): SliceGroup[] {
  const groups = new Map<string, SliceGroup & { endpoints: Endpoint[] }>();
  for (const family of familiesOf(service)) {
    for (const pod of pods.toSorted(byName)) {
      if (isPodTerminal(pod)) continue;
      const addresses = ipsOf(pod).filter((ip) => isIpv6(ip) === (family === 'IPv6'));
      if (addresses.length === 0 || (pod.spec.nodeName ?? '') === '') continue;
      // Slices name every port, if only with the empty name.
      const ports = portsOf(service, pod).map((port) => ({ name: '', ...port }));
      const key = `${family}|${canonicalJson(ports)}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { addressType: family, ports, endpoints: [] };
        groups.set(key, group);
      }
      group.endpoints.push(sliceEndpoint(service, pod, addresses, node));
    }
  }
  return [...groups.values()];
}

function sliceEndpoint(
  service: Service,
  pod: Pod,
  addresses: string[],
  node: (name: string) => Node | undefined,
): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameOf(service, pod);
  const nodeName = pod.spec.nodeName ?? '';
  const zone = node(nodeName)?.metadata.labels?.[zoneLabel];
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    nodeName,
    ...(zone === undefined ? {} : { zone }),
    ...(zone !== undefined &&
      ready &&
      staysClose(service) && { hints: { forZones: [{ name: zone }] } }),
    targetRef: targetRef(pod),
  };
}

/**
 * Clients of the endpoint's own zone should use it, as Kubernetes' endpointslice/trafficdist has it: other values than
 * this one are behind a gate that is off in 1.33.
 */
function staysClose({ spec }: Service): boolean {
  return spec.trafficDistribution === 'PreferClose';
}

/** The EndpointSlices to create, to update and to delete. */
export interface SliceChanges {
  readonly create: readonly Omit<EndpointSlice, 'metadata'>[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/**
 * Fits the wanted groups into the present slices with few writes: an endpoint stays in its slice, new ones fill slices
 * that have room, empty slices go. A family without endpoints has one empty slice, which says so.
 */
export function planSlices(
  groups: readonly SliceGroup[],
  present: readonly EndpointSlice[],
  families: readonly string[] = [],
): SliceChanges {
  const create: Omit<EndpointSlice, 'metadata'>[] = [];
  const update: EndpointSlice[] = [];
  const unused = new Set(present);
  for (const group of groups) {
    const portsKey = canonicalJson(group.ports);
    const slices = present.filter(
      (slice) =>
        unused.has(slice) &&
        slice.addressType === group.addressType &&
        canonicalJson(slice.ports ?? []) === portsKey,
    );
    const rest = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
    const kept = slices.map((slice) => {
      const endpoints: Endpoint[] = [];
      for (const endpoint of slice.endpoints ?? []) {
        const next = rest.get(identity(endpoint));
        if (next === undefined) continue;
        rest.delete(identity(endpoint));
        endpoints.push(next);
      }
      return { slice, endpoints };
    });
    const left = [...rest.values()];
    for (const { slice, endpoints } of kept) {
      endpoints.push(...left.splice(0, Math.max(0, maxEndpointsPerSlice - endpoints.length)));
      if (endpoints.length === 0) continue;
      unused.delete(slice);
      if (canonicalJson(endpoints) !== canonicalJson(slice.endpoints ?? [])) {
        update.push({ ...slice, endpoints });
      }
    }
    while (left.length > 0) {
      create.push({
        addressType: group.addressType,
        ports: [...group.ports],
        endpoints: left.splice(0, maxEndpointsPerSlice),
      });
    }
  }
  for (const addressType of families) {
    if (groups.some((group) => group.addressType === addressType)) continue;
    const empty = present.find(
      (slice) => slice.addressType === addressType && isPlaceholder(slice),
    );
    if (empty === undefined) create.push({ addressType, endpoints: [], ports: [] });
    else unused.delete(empty);
  }
  return { create, update, delete: [...unused] };
}

function isPlaceholder(slice: EndpointSlice): boolean {
  return (slice.endpoints ?? []).length === 0 && (slice.ports ?? []).length === 0;
}

/** The key by which two endpoints are the same one. */
function identity(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.namespace ?? ''}/${endpoint.targetRef?.name ?? ''}/${endpoint.targetRef?.uid ?? ''}|${endpoint.addresses.join(',')}`;
}

/** Labels of a slice: the service's own and those that find it again. */
export function sliceLabels(service: Service, manager: string): Record<string, string> {
  return {
    ...service.metadata.labels,
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
    [serviceNameLabel]: service.metadata.name,
    [managedByLabel]: manager,
  };
}

/** Labels of an Endpoints object; that it is headless, only we say. */
export function endpointsLabels(service: Service): Record<string, string> {
  const { [headlessLabel]: _, ...labels } = service.metadata.labels ?? {};
  return {
    ...labels,
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
    [endpointsManagerLabel]: 'endpoint-controller',
  };
}

/** True for an Endpoints object that a controller has made, rather than somebody by hand. */
export function isManagedEndpoints({ metadata }: Endpoints): boolean {
  return metadata.labels?.[endpointsManagerLabel] !== undefined;
}
