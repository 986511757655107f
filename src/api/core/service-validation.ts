/** Validation of services. */
import { at, child, duplicate, forbidden, invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { Service, ServicePort } from '../types/core.js';
import { nonSpecialIpErrors } from '../validation/addresses.js';
import {
  cidrErrors,
  dnsSubdomain,
  ipErrors,
  portNumberErrors,
  qualifiedNameErrors,
} from '../validation/names.js';

function checkPorts(
  ports: readonly ServicePort[],
  spec: Service['spec'],
  errors: FieldError[],
): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, index) => {
    const path = at('spec.ports', index);
    const name = port.name ?? '';
    if (name === '') {
      if (ports.length > 1) errors.push(required(child(path, 'name')));
    } else if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
    if (port.port === undefined) {
      errors.push(invalid(child(path, 'port'), 0, 'must be between 1 and 65535, inclusive'));
    }
    const protocol = port.protocol ?? 'TCP';
    const key = `${port.port}/${protocol}`;
    if (numbers.has(key)) {
      errors.push(duplicate(path, { port: port.port, protocol }));
    }
    numbers.add(key);
    if (port.nodePort === undefined || port.nodePort === 0) return;
    if (spec.type === 'ClusterIP' || spec.type === 'ExternalName') {
      const text = "may not be used when `type` is 'ClusterIP'";
      if (spec.type === 'ClusterIP') errors.push(forbidden(child(path, 'nodePort'), text));
    }
    const nodeKey = `${port.nodePort}/${protocol}`;
    if (nodePorts.has(nodeKey)) errors.push(duplicate(child(path, 'nodePort'), port.nodePort));
    nodePorts.add(nodeKey);
  });
}

function checkExternalName(spec: Service['spec'], errors: FieldError[]): void {
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') {
    errors.push(required('spec.externalName'));
  } else {
    for (const text of dnsSubdomain(name)) errors.push(invalid('spec.externalName', name, text));
  }
  if ((spec.clusterIP ?? '') !== '') {
    errors.push(forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
  }
}

/** True for a service that traffic from outside the cluster reaches. */
export function isReachedFromOutside({ type, externalIPs = [] }: Service['spec']): boolean {
  const hasAddress = type === 'ClusterIP' && externalIPs.length > 0;
  return hasAddress || type === 'NodePort' || type === 'LoadBalancer';
}

/** A port for health checks belongs to a load balancer that keeps traffic on the node, and stays. */
function checkHealthPort(spec: Service['spec'], errors: FieldError[]): void {
  const path = 'spec.healthCheckNodePort';
  const port = spec.healthCheckNodePort ?? 0;
  if (port === 0) return;
  if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') {
    const text =
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid(path, port, text));
    return;
  }
  for (const text of portNumberErrors(port)) errors.push(invalid(path, port, text));
}

/** Validates a service beyond its schema; returns its errors by field. */
export function validateService(service: Service): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = service;
  const ports = spec.ports ?? [];
  const isHeadless = spec.clusterIP === 'None';
  if (ports.length === 0 && !isHeadless && spec.type !== 'ExternalName') {
    errors.push(required('spec.ports'));
  }
  checkPorts(ports, spec, errors);
  if (spec.type === 'ExternalName') checkExternalName(spec, errors);
  if (isHeadless && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) {
    const text = `may not be set to 'None' for ${spec.type} services`;
    errors.push(invalid('spec.clusterIPs[0]', 'None', text));
  }
  (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).forEach(
    (ip, index) => {
      if (ip === 'None' || ip === '') return;
      for (const text of ipErrors(ip)) errors.push(invalid(at('spec.clusterIPs', index), ip, text));
    },
  );
  (spec.externalIPs ?? []).forEach((ip, index) => {
    const path = at('spec.externalIPs', index);
    for (const text of nonSpecialIpErrors(ip)) errors.push(invalid(path, ip, text));
  });
  if ((spec.loadBalancerSourceRanges?.length ?? 0) > 0 && spec.type !== 'LoadBalancer') {
    const text = "may only be used when `type` is 'LoadBalancer'";
    errors.push(forbidden('spec.LoadBalancerSourceRanges', text));
  }
  (spec.loadBalancerSourceRanges ?? []).forEach((range, index) => {
    const path = at('spec.LoadBalancerSourceRanges', index);
    for (const text of cidrErrors(range.trim())) errors.push(invalid(path, range, text));
  });
  if (spec.externalTrafficPolicy !== undefined && !isReachedFromOutside(spec)) {
    const text = 'may only be set for externally-accessible services';
    errors.push(invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, text));
  }
  checkHealthPort(spec, errors);
  for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
    if (spec.type === 'LoadBalancer' || spec[field] === undefined) continue;
    errors.push(forbidden(`spec.${field}`, "may only be used when `type` is 'LoadBalancer'"));
  }
  if (spec.type === 'LoadBalancer' && spec.loadBalancerClass !== undefined) {
    const { loadBalancerClass: name } = spec;
    const texts = qualifiedNameErrors(name);
    errors.push(...texts.map((text) => invalid('spec.loadBalancerClass', name, text)));
  }
  (spec.ipFamilies ?? []).forEach((family, index, all) => {
    if (all.indexOf(family) < index) errors.push(duplicate(at('spec.ipFamilies', index), family));
  });
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig !== undefined) {
    const text = 'must not be set when session affinity is None';
    errors.push(forbidden('spec.sessionAffinityConfig', text));
  }
  return errors;
}

/** Validates an update of a service; returns an error for each field that may not change. */
export function validateServiceUpdate(next: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const [health, healthBefore] = [next.spec.healthCheckNodePort, old.spec.healthCheckNodePort];
  const isSame = next.spec.type === old.spec.type;
  const [named, namedBefore] = [next.spec.loadBalancerClass, old.spec.loadBalancerClass];
  if (isSame && next.spec.type === 'LoadBalancer' && named !== namedBefore) {
    errors.push(invalid('spec.loadBalancerClass', named ?? 'null', 'may not change once set'));
  }
  if (isSame && healthBefore !== undefined && health !== undefined && health !== healthBefore) {
    errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  }
  if (next.spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return errors;
  const [now, before] = [next.spec.clusterIP ?? '', old.spec.clusterIP ?? ''];
  const isAddress = now === '' || now === 'None' || ipErrors(now).length === 0;
  if (before !== '' && now !== before && isAddress) {
    const given = next.spec.clusterIPs ?? [];
    const wanted = given[0] === before || given.length === 0 ? [now] : given;
    errors.push(invalid('spec.clusterIPs[0]', wanted, 'may not change once set'));
  }
  return errors;
}
