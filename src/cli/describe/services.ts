/** Services, endpoints, ingresses, network policies. */
import type { KubeObject } from '../../api/object.js';
import type { EndpointSlice, Ingress, IngressBackend } from '../../api/types/networking.js';
import type { Service } from '../../api/types/core.js';
import type { DescribeFacts } from './common.js';
import {
  selectorText,
  writeAnnotations,
  writeEvents,
  writeMetadata,
  writePairs,
} from './common.js';
import type { DescribeWriter } from './writer.js';

const endpointsMax = 3;

/** A service, with where its ports lead. */
export function describeService(
  writer: DescribeWriter,
  service: Service,
  facts: DescribeFacts,
): void {
  const { spec, status } = service;
  writeMetadata(writer, service);
  writePairs(writer, service);
  writer.field(0, 'Selector', selectorText({ matchLabels: spec.selector ?? {} }));
  writer.field(0, 'Type', spec.type ?? 'ClusterIP');
  if (spec.ipFamilyPolicy !== undefined) writer.field(0, 'IP Family Policy', spec.ipFamilyPolicy);
  if ((spec.ipFamilies ?? []).length > 0)
    writer.field(0, 'IP Families', (spec.ipFamilies ?? []).join(','));
  else writer.field(0, 'IP Families', '<none>');
  writer.field(0, 'IP', spec.clusterIP ?? '');
  writer.field(
    0,
    'IPs',
    (spec.clusterIPs ?? []).length > 0 ? (spec.clusterIPs ?? []).join(',') : '<none>',
  );
  if ((spec.externalIPs ?? []).length > 0)
    writer.field(0, 'External IPs', (spec.externalIPs ?? []).join(','));
  if ((spec.loadBalancerIP ?? '') !== '')
    writer.field(0, 'Desired LoadBalancer IP', spec.loadBalancerIP);
  if ((spec.externalName ?? '') !== '') writer.field(0, 'External Name', spec.externalName);
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0) {
    writer.field(
      0,
      'LoadBalancer Ingress',
      ingress
        .map(({ ip, hostname, ipMode }) =>
          ip === undefined
            ? (hostname ?? '')
            : `${ip}${ipMode === undefined ? '' : ` (${ipMode})`}`,
        )
        .join(', '),
    );
  }
  const slices = (facts.related['endpointslices'] ?? []) as readonly EndpointSlice[];
  for (const port of spec.ports ?? []) {
    const { name = '', protocol = 'TCP', nodePort = 0, targetPort } = port;
    const shown = name === '' ? '<unset>' : name;
    writer.line(0, `Port:\t${shown}\t${port.port}/${protocol}`);
    writer.field(0, 'TargetPort', `${targetPort ?? port.port}/${protocol}`);
    if (nodePort !== 0) writer.line(0, `NodePort:\t${shown}\t${nodePort}/${protocol}`);
    writer.field(0, 'Endpoints', endpointText(slices, name));
  }
  writer.field(0, 'Session Affinity', spec.sessionAffinity ?? 'None');
  if ((spec.externalTrafficPolicy ?? '') !== '')
    writer.field(0, 'External Traffic Policy', spec.externalTrafficPolicy);
  if ((spec.internalTrafficPolicy ?? '') !== '')
    writer.field(0, 'Internal Traffic Policy', spec.internalTrafficPolicy);
  if ((spec.healthCheckNodePort ?? 0) !== 0)
    writer.field(0, 'HealthCheck NodePort', spec.healthCheckNodePort);
  if ((spec.loadBalancerSourceRanges ?? []).length > 0) {
    writer.field(0, 'LoadBalancer Source Ranges', (spec.loadBalancerSourceRanges ?? []).join(','));
  }
  writeEvents(writer, facts);
}

/** The ready addresses of a port; of many the first three. */
function endpointText(slices: readonly EndpointSlice[], portName: string): string {
  if (slices.length === 0) return '<none>';
  const all = slices.flatMap(({ endpoints, ports = [] }) =>
    (ports ?? [])
      .filter(({ name = '' }) => portName === '' || name === portName)
      .flatMap(({ port }) =>
        endpoints
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap(({ addresses }) =>
            addresses.map(
              (address) => `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`,
            ),
          ),
      ),
  );
  if (all.length === 0) return '';
  const more = all.length > endpointsMax ? ` + ${all.length - endpointsMax} more...` : '';
  return `${all.slice(0, endpointsMax).join(',')}${more}`;
}

/** An ingress. */
export function describeIngress(
  writer: DescribeWriter,
  ingress: Ingress,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = ingress;
  writer.field(0, 'Name', metadata.name);
  writePairsLabels(writer, ingress);
  writer.field(0, 'Namespace', metadata.namespace ?? '');
  const addresses = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname }) => ip ?? hostname ?? '',
  );
  writer.field(0, 'Address', addresses.join(','));
  writer.field(0, 'Ingress Class', spec?.ingressClassName ?? '<none>');
  writer.field(
    0,
    'Default backend',
    spec?.defaultBackend === undefined ? '<default>' : backendText(spec.defaultBackend, facts),
  );
  if ((spec?.tls ?? []).length > 0) {
    writer.line(0, 'TLS:');
    for (const { secretName = '', hosts = [] } of spec?.tls ?? []) {
      writer.line(
        1,
        secretName === ''
          ? `SNI routes ${hosts.join(',')}`
          : `${secretName} terminates ${hosts.join(',')}`,
      );
    }
  }
  writer.line(0, 'Rules:');
  writer.line(1, 'Host\tPath\tBackends');
  writer.line(1, '----\t----\t--------');
  const rules = spec?.rules ?? [];
  for (const { host = '', http } of rules) {
    if (http === undefined) continue;
    writer.line(1, `${host === '' ? '*' : host}\t`);
    for (const { path = '', backend } of http.paths)
      writer.line(2, `\t${path} \t${backendText(backend, facts)}`);
  }
  if (rules.length === 0)
    writer.line(
      1,
      `*\t*\t${spec?.defaultBackend === undefined ? '<default>' : backendText(spec.defaultBackend, facts)}`,
    );
  writeAnnotations(writer, 'Annotations', metadata.annotations);
  writeEvents(writer, facts);
}

function writePairsLabels(writer: DescribeWriter, { metadata }: KubeObject): void {
  const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  writer.line(0, `Labels:\t${labels.length === 0 ? '<none>' : labels.sort().join('\n\t')}`);
}

/** `web:http (10.0.0.1:8080)`. */
function backendText({ service, resource }: IngressBackend, { related }: DescribeFacts): string {
  if (resource !== undefined && resource !== null) {
    const { apiGroup = '<none>', kind, name: object } = resource;
    return `APIGroup: ${apiGroup}, Kind: ${kind}, Name: ${object}`;
  }
  const { name = '', port } = service ?? {};
  const head = `${name}:${port?.number ?? port?.name ?? ''}`;
  const found = ((related['services'] ?? []) as readonly Service[]).find(
    ({ metadata }) => metadata.name === name,
  );
  if (found === undefined) return `${head} (<error: services "${name}" not found>)`;
  const slices = ((related['endpointslices'] ?? []) as readonly EndpointSlice[]).filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  const wanted = (found.spec.ports ?? []).find(
    (one) => one.name === port?.name || one.port === port?.number,
  );
  return `${head} (${endpointText(slices, wanted?.name ?? '')})`;
}
