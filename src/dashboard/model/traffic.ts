/** How traffic flows through a service: from where it enters, by its ports, to the pods that answer. */
import type { Service } from '../../api/types/core.js';
import type { Endpoint, EndpointSlice, Ingress } from '../../api/types/networking.js';
import type { Tone } from './tone.js';

/** A place at which traffic comes in. */
export interface Entry {
  /** `Ingress web`, `Node port`, `Cluster address`. */
  readonly kind: string;
  readonly text: string;
}

/** A pod, or another address, to which the service sends traffic. */
export interface Backend {
  readonly key: string;
  readonly address: string;
  readonly ports: string;
  readonly node: string;
  /** Empty for an address that is no pod's. */
  readonly pod: string;
  readonly state: string;
  readonly tone: Tone;
}

/** An EndpointSlice of the service: the list from which nodes learn where to send traffic. */
export interface SliceView {
  readonly name: string;
  /** `2 ready, 1 not`. */
  readonly text: string;
  readonly tone: Tone;
}

/** The picture of a service. */
export interface Traffic {
  readonly entries: readonly Entry[];
  readonly ports: readonly string[];
  readonly selector: string;
  readonly slices: readonly SliceView[];
  readonly backends: readonly Backend[];
}

/** Works out the picture. @param slices those of the service */
export function trafficOf(
  service: Service,
  slices: readonly EndpointSlice[],
  ingresses: readonly Ingress[],
): Traffic {
  const { spec } = service;
  const selector = Object.entries(spec.selector ?? {}).map(([name, value]) => `${name}=${value}`);
  const backends = slices.flatMap((slice) => slice.endpoints.flatMap(backendsOf(slice)));
  return {
    entries: [...ingressEntries(service, ingresses), ...ownEntries(service)],
    ports: (spec.ports ?? []).map(portText),
    selector: selector.join(', '),
    slices: slices.map(sliceView).sort((a, b) => (a.name < b.name ? -1 : 1)),
    backends: [...new Map(backends.map((one) => [one.key, one])).values()].sort((a, b) =>
      a.key < b.key ? -1 : 1,
    ),
  };
}

function ownEntries({ spec, status }: Service): Entry[] {
  const entries: Entry[] = [];
  if (spec.type === 'ExternalName') {
    return [{ kind: 'Other name', text: spec.externalName ?? '' }];
  }
  const balancer = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname);
  for (const address of balancer) entries.push({ kind: 'Load balancer', text: address ?? '' });
  for (const address of spec.externalIPs ?? []) {
    entries.push({ kind: 'External address', text: address });
  }
  const nodePorts = (spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0).filter(Boolean);
  if (nodePorts.length > 0)
    entries.push({ kind: 'Port of every node', text: nodePorts.join(', ') });
  const isHeadless = spec.clusterIP === 'None';
  entries.push({
    kind: 'Cluster address',
    text: isHeadless ? 'none: its name leads to the pods' : (spec.clusterIP ?? ''),
  });
  return entries;
}

function ingressEntries(service: Service, ingresses: readonly Ingress[]): Entry[] {
  const { name } = service.metadata;
  return ingresses.flatMap(({ metadata, spec }) => {
    const kind = `Ingress ${metadata.name}`;
    const rules = (spec.rules ?? []).flatMap(({ host, http }) =>
      (http?.paths ?? [])
        .filter(({ backend }) => backend.service?.name === name)
        .map(({ path }) => ({ kind, text: `${host ?? '*'}${path ?? '/'}` })),
    );
    const isDefault = spec.defaultBackend?.service?.name === name;
    return isDefault ? [...rules, { kind, text: 'all that no rule takes' }] : rules;
  });
}

type ServicePort = NonNullable<Service['spec']['ports']>[number];

function portText({ name, port, targetPort, protocol }: ServicePort): string {
  const target = targetPort === undefined ? port : targetPort;
  const label = name === undefined || name === '' ? '' : `${name}: `;
  return `${label}${port}/${protocol ?? 'TCP'} → ${String(target)}`;
}

function backendsOf(slice: EndpointSlice): (endpoint: Endpoint) => Backend[] {
  const ports = (slice.ports ?? []).map(({ port }) => String(port ?? 'any')).join(', ');
  return (endpoint) => {
    const pod = endpoint.targetRef?.kind === 'Pod' ? (endpoint.targetRef.name ?? '') : '';
    return endpoint.addresses.map((address) => ({
      key: `${pod} ${address}`,
      address,
      ports,
      node: endpoint.nodeName ?? '',
      pod,
      ...stateOf(endpoint),
    }));
  };
}

function sliceView({ metadata, endpoints }: EndpointSlice): SliceView {
  const ready = endpoints.filter((endpoint) => stateOf(endpoint).tone === 'good').length;
  const others = endpoints.length - ready;
  const text = others === 0 ? `${ready} ready` : `${ready} ready, ${others} not`;
  const tone = ready === 0 ? 'bad' : others === 0 ? 'good' : 'busy';
  return { name: metadata.name, text, tone };
}

function stateOf({ conditions }: Endpoint): Pick<Backend, 'state' | 'tone'> {
  if (conditions?.terminating === true) {
    const isServing = conditions.serving === true;
    return { state: isServing ? 'ends, still serves' : 'ends', tone: 'busy' };
  }
  // Unknown counts as ready, by the API's rule.
  return conditions?.ready === false
    ? { state: 'not ready: gets nothing', tone: 'bad' }
    : { state: 'gets traffic', tone: 'good' };
}
