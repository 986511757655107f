/** EndpointSlice. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { at, child, duplicate, invalid, notSupported, required, tooMany } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import {
  bool,
  doc,
  labels,
  list,
  req,
  set,
  str,
  strPtr,
  struct,
  tuned,
  int32,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { given } from '../schema/node.js';
import { objectReference } from '../core/references.js';
import {
  isDnsLabel,
  isDnsSubdomain,
  isQualifiedName,
  oneOf,
  stringCheck,
} from '../validation/checks.js';
import { endpointIpErrors } from '../validation/addresses.js';
import { dnsLabel, dnsSubdomain, isIPv4, isIPv6, labelValueErrors } from '../validation/names.js';

const d = 'discovery/v1.';

const forZone = (name: string) =>
  list(
    'Where it should be used.',
    struct(`${d}${name}`, 'A place.', {
      name: req(str('Name.', { default: '', checksEmpty: true })),
    }),
  );

/** EndpointSlice. */
export const endpointSliceSchema = kindSchema(`${d}EndpointSlice`, 'Some endpoints of a service.', {
  addressType: req(str('IPv4, IPv6 or FQDN.')),
  endpoints: req(
    list(
      'The endpoints.',
      struct(`${d}Endpoint`, 'An endpoint.', {
        addresses: tuned(req(set('Its addresses; the first counts.', str(''))), {
          missing: 'must contain at least 1 address',
        }),
        conditions: written(
          struct(`${d}EndpointConditions`, 'State of the endpoint.', {
            ready: bool('It may get traffic.'),
            serving: bool('It is ready, ending or not.'),
            terminating: bool('It is ending.'),
          }),
        ),
        deprecatedTopology: labels('Topology of older versions.'),
        hints: struct(`${d}EndpointHints`, 'Who should use it.', {
          forNodes: forZone('ForNode'),
          forZones: forZone('ForZone'),
        }),
        hostname: strPtr('Host name.', { checks: [isDnsLabel] }),
        nodeName: strPtr('Node.', { checks: [isDnsSubdomain] }),
        targetRef: doc('Object behind it.', objectReference),
        zone: strPtr('Zone.'),
      }),
    ),
  ),
  ports: list(
    'Ports of all endpoints.',
    struct(
      `${d}EndpointPort`,
      'A port.',
      {
        appProtocol: strPtr('Protocol of the application.', { checks: [isQualifiedName] }),
        name: strPtr('Name of the service port.', {
          default: '',
          checks: [stringCheck((name) => (name === '' ? [] : dnsLabel(name)))],
        }),
        port: int32('Number.'),
        protocol: strPtr('TCP, UDP or SCTP.', {
          default: 'TCP',
          checks: [oneOf(['SCTP', 'TCP', 'UDP'])],
        }),
      },
      { atomic: true },
    ),
  ),
});

/** EndpointSlice as a type. */
export interface EndpointSlice extends Infer<typeof endpointSliceSchema> {}

const types = ['FQDN', 'IPv4', 'IPv6'];

const maxAddresses = 100;
const maxZones = 8;

function checkZones(
  { hints }: NonNullable<EndpointSlice['endpoints']>[number],
  path: FieldPath,
  errors: FieldError[],
): void {
  const zones = hints?.forZones ?? [];
  if (zones.length > maxZones) {
    errors.push(tooMany(path, zones.length, maxZones));
    return;
  }
  const names = new Set<string>();
  for (const [index, zone] of zones.entries()) {
    const { name = '' } = given(zone);
    const here = child(at(path, index), 'name');
    if (names.has(name)) errors.push(duplicate(here, name));
    names.add(name);
    for (const text of labelValueErrors(name)) errors.push(invalid(here, name, text));
  }
}

/** A name of at least two labels. */
function checkDomain(address: string, path: FieldPath, errors: FieldError[]): void {
  if (address === '') {
    errors.push(required(path));
    return;
  }
  const name = address.endsWith('.') ? address.slice(0, -1) : address;
  const problems = dnsSubdomain(name);
  if (problems.length > 0) errors.push(invalid(path, name, problems.join(',')));
  else if (!name.includes('.')) {
    const text = 'should be a domain with at least two segments separated by dots';
    errors.push(invalid(path, name, text));
  } else {
    const label = name.split('.').find((part) => dnsLabel(part).length > 0);
    if (label !== undefined) errors.push(invalid(path, label, dnsLabel(label).join(',')));
  }
}

/** New endpoints bring no topology along: it is of a version that is gone. */
function dropTopology(slice: EndpointSlice): void {
  for (const endpoint of slice.endpoints) delete endpoint.deprecatedTopology;
}

function validate(slice: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  const type = slice.addressType ?? '';
  if (type !== '' && !types.includes(type)) errors.push(notSupported('addressType', type, types));
  (slice.endpoints ?? []).forEach((endpoint, index) => {
    const path = child(at('endpoints', index), 'addresses');
    if ((endpoint.addresses?.length ?? 0) > maxAddresses) {
      errors.push(tooMany(path, endpoint.addresses.length, maxAddresses));
    }
    (endpoint.addresses ?? []).forEach((address, position) => {
      const here = at(path, position);
      if (type === 'IPv4' || type === 'IPv6') {
        const isOther = type === 'IPv4' ? isIPv6(address) : isIPv4(address);
        if (isOther) errors.push(invalid(path, address, `must be an ${type} address`));
        for (const text of endpointIpErrors(address)) errors.push(invalid(here, address, text));
      } else if (type === 'FQDN') {
        checkDomain(address, here, errors);
      }
    });
    checkZones(endpoint, child(at('endpoints', index), 'hints.forZones'), errors);
  });
  const names = new Set<string>();
  (slice.ports ?? []).forEach(({ name = '' }, index) => {
    if (names.has(name)) errors.push(duplicate(child(at('ports', index), 'name'), name));
    names.add(name);
  });
  return errors.filter((error) => error.field !== 'endpoints');
}

function ports(slice: EndpointSlice): string {
  const all = (slice.ports ?? []).map((port) =>
    port.port === undefined ? '*' : String(port.port),
  );
  if (all.length === 0) return '<unset>';
  return all.length <= 3
    ? all.join(',')
    : `${all.slice(0, 3).join(',')} + ${all.length - 3} more...`;
}

function addresses(slice: EndpointSlice): string {
  const all = (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
  if (all.length === 0) return '<unset>';
  return all.length <= 3
    ? all.join(',')
    : `${all.slice(0, 3).join(',')} + ${all.length - 3} more...`;
}

/** EndpointSlice. */
export const endpointSliceKind = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  schema: {
    ...endpointSliceSchema,
    required: ['addressType'],
  },
  hasGeneration: true,
  prepareCreate: dropTopology,
  prepareUpdate: (slice, old) => {
    // Counted before the topology is dropped; and labels say which service the slice is of.
    const fields = ['addressType', 'endpoints', 'ports'] as const;
    const isSame = fields.every((name) => semanticEqual(slice[name], old[name]));
    if (!isSame || !semanticEqual(slice.metadata.labels, old.metadata.labels)) {
      slice.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    if (!semanticEqual(slice.endpoints, old.endpoints)) dropTopology(slice);
  },
  setDefaults: (slice) => {
    slice.endpoints ??= [];
  },
  validate,
  validateUpdate: (next, old) =>
    next.addressType === old.addressType
      ? []
      : [invalid('addressType', next.addressType ?? '', 'field is immutable')],
  warnings: ({ addressType }, old) =>
    old === undefined && addressType === 'FQDN'
      ? ['spec.addressType: FQDN endpoints are deprecated']
      : [],
  columns: [
    nameColumn,
    column<EndpointSlice>('AddressType', (slice) => slice.addressType),
    column<EndpointSlice>('Ports', ports),
    column<EndpointSlice>('Endpoints', addresses),
    ageColumn,
  ],
});
