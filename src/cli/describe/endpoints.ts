/** Endpoints, their slices, and classes of ingresses. */
import type { EndpointPort, EndpointSubset, Endpoints } from '../../api/types/core.js';
import type { Endpoint, EndpointSlice, IngressClass } from '../../api/types/networking.js';
import type { DescribeFacts } from './common.js';
import { writeEvents, writeMetadata, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

/** Endpoints, as they were before slices. */
export function describeEndpoints(
  writer: DescribeWriter,
  object: Endpoints,
  facts: DescribeFacts,
): void {
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.line(0, 'Subsets:');
  for (const { addresses, notReadyAddresses, ports = [] } of object.subsets ?? []) {
    writer.field(1, 'Addresses', addressesText(addresses));
    writer.field(1, 'NotReadyAddresses', addressesText(notReadyAddresses));
    if (ports.length > 0) {
      writer.line(1, 'Ports:');
      writePorts(writer, 2, ports);
    }
    writer.line(0, '');
  }
  writeEvents(writer, facts);
}

const addressesText = (list: EndpointSubset['addresses']): string =>
  (list ?? []).length === 0 ? '<none>' : (list ?? []).map(({ ip }) => ip).join(',');

function writePorts(
  writer: DescribeWriter,
  level: number,
  ports: readonly Partial<EndpointPort>[],
): void {
  writer.line(level, 'Name\tPort\tProtocol');
  writer.line(level, '----\t----\t--------');
  for (const { name = '', port, protocol = 'TCP' } of ports) {
    writer.line(level, `${name === '' ? '<unset>' : name}\t${port ?? '<unset>'}\t${protocol}`);
  }
}

/** A slice of a service's endpoints. */
export function describeEndpointSlice(
  writer: DescribeWriter,
  object: EndpointSlice,
  facts: DescribeFacts,
): void {
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.field(0, 'AddressType', object.addressType);
  const ports = (object.ports ?? []) as readonly Partial<EndpointPort>[];
  if (ports.length === 0) writer.line(0, 'Ports: <unset>');
  else {
    writer.line(0, 'Ports:');
    writePorts(writer, 1, ports);
  }
  const { endpoints } = object;
  writer.line(0, endpoints.length === 0 ? 'Endpoints: <none>' : 'Endpoints:');
  for (const endpoint of endpoints) writeEndpoint(writer, endpoint);
  writeEvents(writer, facts);
}

function writeEndpoint(writer: DescribeWriter, endpoint: Endpoint): void {
  const { addresses, conditions, hostname, targetRef, nodeName, zone } = endpoint;
  writer.line(1, `- Addresses:\t${addresses.join(',')}`);
  writer.line(2, 'Conditions:');
  writer.field(3, 'Ready', conditions?.ready ?? '<unset>');
  writer.field(2, 'Hostname', hostname ?? '<unset>');
  if (targetRef !== undefined) {
    writer.field(2, 'TargetRef', `${targetRef.kind ?? ''}/${targetRef.name ?? ''}`);
  }
  writer.field(2, 'NodeName', nodeName ?? '<unset>');
  writer.field(2, 'Zone', zone ?? '<unset>');
}

/** A class of ingresses. */
export function describeIngressClass(
  writer: DescribeWriter,
  object: IngressClass,
  facts: DescribeFacts,
): void {
  const { metadata, spec } = object;
  writer.field(0, 'Name', metadata.name);
  writePairs(writer, object);
  writer.field(0, 'Controller', spec.controller ?? '');
  const { parameters } = spec;
  if (parameters !== undefined) {
    writer.line(0, 'Parameters:');
    if (parameters.apiGroup !== undefined) writer.field(1, 'APIGroup', parameters.apiGroup);
    writer.field(1, 'Kind', parameters.kind);
    writer.field(1, 'Name', parameters.name);
  }
  writeEvents(writer, facts);
}
