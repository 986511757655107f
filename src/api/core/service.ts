/** Service and Endpoints. */
import { defineKind } from '../define.js';
import { deepEqual } from '../equal.js';
import type { FieldError } from '../field-error.js';
import { at, child, invalid, required } from '../field-error.js';
import { ageColumn, column, joined, labelText, nameColumn, wide } from '../print/columns.js';
import type { Endpoints, Service } from '../types/core.js';
import { endpointIpErrors } from '../validation/addresses.js';
import { ipErrors } from '../validation/names.js';
import { endpointsSchema, serviceSchema } from './service-schema.js';
import {
  isReachedFromOutside,
  validateService,
  validateServiceUpdate,
} from './service-validation.js';
import { servicePointErrors } from '../validation/load-balancer.js';

const clientIpTimeoutSeconds = 10_800;

function setServiceDefaults(service: Service): void {
  const { spec } = service;
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= clientIpTimeoutSeconds;
  }
  if ((spec.sessionAffinity ?? 'None') === 'None') delete spec.sessionAffinityConfig;
  for (const port of spec.ports ?? []) {
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') {
      port.targetPort = port.port ?? 0;
    }
  }
  if (isExternal || (spec.externalIPs?.length ?? 0) > 0) spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const point of service.status?.loadBalancer?.ingress ?? []) {
    if ((point.ip ?? '') !== '') point.ipMode ??= 'VIP';
  }
}

/** Addresses that the server chose stay when an update leaves them out. */
function keepAllocated(next: Service, old: Service): void {
  const [now, before] = [next.spec, old.spec];
  if (now.type === 'ExternalName' && before.type !== 'ExternalName') dropAddresses(now, before);
  if (now.type !== 'ExternalName' && before.type !== 'ExternalName') {
    if (now.clusterIP === undefined && now.clusterIPs === undefined) {
      if (before.clusterIP !== undefined) now.clusterIP = before.clusterIP;
      if (before.clusterIPs !== undefined) now.clusterIPs = before.clusterIPs;
    } else if (now.clusterIPs === undefined && now.clusterIP === before.clusterIP) {
      if (before.clusterIPs !== undefined) now.clusterIPs = before.clusterIPs;
    }
    now.ipFamilies ??= before.ipFamilies;
    now.ipFamilyPolicy ??= before.ipFamilyPolicy;
  }
  if (before.type === 'LoadBalancer' && now.type !== 'LoadBalancer') dropBalancing(now, before);
  keepHealthPort(now, before);
  if (isReachedFromOutside(before) && !isReachedFromOutside(now)) {
    if (now.externalTrafficPolicy === before.externalTrafficPolicy)
      delete now.externalTrafficPolicy;
  }
  // Where it was reached goes at once, although whoever balances takes longer to take it back.
  if (now.type !== 'LoadBalancer' && next.status?.loadBalancer?.ingress !== undefined) {
    next.status.loadBalancer = {};
  }
  const needsNodePorts = now.type === 'NodePort' || now.type === 'LoadBalancer';
  if (!needsNodePorts) {
    dropNodePorts(now, before);
    return;
  }
  for (const port of now.ports ?? []) {
    if (port.nodePort !== undefined) continue;
    const same = before.ports?.find(
      (other) => other.port === port.port && other.protocol === port.protocol,
    );
    if (same?.nodePort !== undefined) port.nodePort = same.nodePort;
  }
}

/** The port for health checks stays with a service that needs one, and goes with the need. */
function keepHealthPort(now: Service['spec'], before: Service['spec']): void {
  if (!needsHealthPort(before)) return;
  if (needsHealthPort(now)) now.healthCheckNodePort ??= before.healthCheckNodePort;
  else if (now.healthCheckNodePort === before.healthCheckNodePort) delete now.healthCheckNodePort;
}

function needsHealthPort({ type, externalTrafficPolicy }: Service['spec']): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** A service that becomes a name gives its addresses back; one that the client changed is left, and refused. */
function dropAddresses(now: Service['spec'], before: Service['spec']): void {
  const isSame = (field: 'clusterIP' | 'clusterIPs' | 'ipFamilies' | 'ipFamilyPolicy'): boolean =>
    now[field] === undefined || deepEqual(now[field], before[field]);
  if (isSame('clusterIP') && isSame('clusterIPs')) {
    delete now.clusterIP;
    delete now.clusterIPs;
  }
  if (isSame('ipFamilies')) delete now.ipFamilies;
  if (isSame('ipFamilyPolicy')) delete now.ipFamilyPolicy;
  if (now.internalTrafficPolicy === before.internalTrafficPolicy) delete now.internalTrafficPolicy;
}

/** A service that stops being reachable from outside gives its node ports back. */
function dropNodePorts(now: Service['spec'], before: Service['spec']): void {
  if (before.type !== 'NodePort' && before.type !== 'LoadBalancer') return;
  const had = new Set((before.ports ?? []).map((port) => port.nodePort));
  for (const port of now.ports ?? []) {
    if (had.has(port.nodePort)) delete port.nodePort;
  }
}

/** A service that has no load balancer any more says nothing of it, unless the client says something new. */
function dropBalancing(now: Service['spec'], before: Service['spec']): void {
  if (now.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) {
    delete now.allocateLoadBalancerNodePorts;
  }
  if (now.loadBalancerClass === before.loadBalancerClass) delete now.loadBalancerClass;
}

function externalAddress(service: Service, isWide: boolean): string {
  const { spec, status } = service;
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'LoadBalancer': {
      const points = (status?.loadBalancer?.ingress ?? []).map(
        (point) => point.ip ?? point.hostname ?? '',
      );
      const text = [...points, ...external].join(',');
      if (points.length > 0) return !isWide && text.length > 16 ? `${text.slice(0, 13)}...` : text;
      return external.length > 0 ? external.join(',') : '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return joined(external);
  }
}

function portText(service: Service): string {
  return joined(
    (service.spec.ports ?? []).map((port) =>
      (port.nodePort ?? 0) > 0
        ? `${port.port}:${port.nodePort}/${port.protocol ?? 'TCP'}`
        : `${port.port}/${port.protocol ?? 'TCP'}`,
    ),
  );
}

/** Service. */
export const serviceKind = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  validateStatus: ({ spec, status }) =>
    servicePointErrors(spec.type, status?.loadBalancer?.ingress),
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  schema: serviceSchema,
  nameRule: 'label1035',
  allowCreateOnUpdate: true,
  setDefaults: setServiceDefaults,
  prepareUpdate: keepAllocated,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  subresources: [
    {
      name: 'proxy',
      kind: 'ServiceProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
  ],
  fields: {
    'spec.clusterIP': (service) => service.spec.clusterIP ?? '',
    'spec.type': (service) => service.spec.type ?? '',
  },
  columns: [
    nameColumn,
    column<Service>('Type', (service) => service.spec.type ?? ''),
    column<Service>('Cluster-IP', (service) => {
      if (service.spec.type === 'ExternalName') return '<none>';
      return service.spec.clusterIPs?.[0] ?? service.spec.clusterIP ?? '<none>';
    }),
    column<Service>('External-IP', (service) => externalAddress(service, true)),
    column<Service>('Port(s)', portText),
    ageColumn,
    wide<Service>('Selector', (service) => labelText(service.spec.selector)),
  ],
});

const shownEndpoints = 3;

function endpointText(endpoints: Endpoints): string {
  const all: string[] = [];
  for (const subset of endpoints.subsets ?? []) {
    const addresses = subset.addresses ?? [];
    if ((subset.ports ?? []).length === 0) all.push(...addresses.map((address) => address.ip));
    for (const port of subset.ports ?? []) {
      all.push(...addresses.map((address) => `${bracketed(address.ip)}:${port.port}`));
    }
  }
  if (all.length <= shownEndpoints) return joined(all);
  return `${all.slice(0, shownEndpoints).join(',')} + ${all.length - shownEndpoints} more...`;
}

function bracketed(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function validateEndpoints(endpoints: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  (endpoints.subsets ?? []).forEach((subset, index) => {
    const path = at('subsets', index);
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
    }
    const ports = subset.ports ?? [];
    ports.forEach(({ name = '' }, position) => {
      if (ports.length < 2 || name !== '') return;
      errors.push(required(child(at(child(path, 'ports'), position), 'name')));
    });
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      (subset[list] ?? []).forEach(({ ip }, position) => {
        const here = child(at(child(path, list), position), 'ip');
        const problems = endpointIpErrors(ip ?? '');
        // Kubernetes looks twice whether it is an address.
        if (ipErrors(ip ?? '').length > 0) problems.push('must be a valid IP address');
        for (const text of problems) errors.push(invalid(here, ip ?? '', text));
      });
    }
  });
  return errors;
}

/** Endpoints. */
export const endpointsKind = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  listKind: 'EndpointsList',
  plural: 'endpoints',
  shortNames: ['ep'],
  schema: endpointsSchema,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  allowCreateOnUpdate: true,
  validate: validateEndpoints,
  columns: [nameColumn, column<Endpoints>('Endpoints', endpointText), ageColumn],
});
