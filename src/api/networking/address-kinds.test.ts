import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from '../strategy.js';
import { validateSubresourceUpdate, validateUpdate } from '../strategy.js';
import type { IPAddress, ServiceCIDR } from './address-kinds.js';
import { ipAddressKind, parentText, serviceCidrKind } from './address-kinds.js';

const parent = { resource: 'services', namespace: 'default', name: 'web' };

function made<T extends KubeObject>(value: object): { object: T; errors: string[] } {
  const { kind } = value as KubeObject;
  const declared = kind === 'IPAddress' ? ipAddressKind : serviceCidrKind;
  const { object } = decodeObject(declared, { apiVersion: 'networking.k8s.io/v1', ...value });
  applyDefaults(declared, object);
  prepareCreate(declared, object, { now: '2026-01-01T00:00:00Z' });
  return { object: object as T, errors: validateCreate(declared, object).map(formatFieldError) };
}

const address = (name: string, parentRef?: object) =>
  made<IPAddress>({ kind: 'IPAddress', metadata: { name }, spec: { parentRef } });
const ranges = (...cidrs: readonly string[]) =>
  made<ServiceCIDR>({ kind: 'ServiceCIDR', metadata: { name: 'more' }, spec: { cidrs } });

describe('an IPAddress', () => {
  test.each<[string, object | undefined, string[]]>([
    ['10.0.0.1', parent, []],
    // The conformance test's: any group and resource, and addresses of no service.
    ['255.255.255.255', { ...parent, group: 'mygroup', resource: 'myresources' }, []],
    ['fe80::42:1dff:fe84:f9e2', { resource: 'nodes', name: 'a' }, []],
    [
      'FE80::1',
      parent,
      ['metadata.name: Invalid value: "FE80::1": must be in canonical form ("fe80::1")'],
    ],
    ['10.0.0.1', undefined, ['spec.parentRef: Required value']],
    [
      '10.0.0.1',
      {},
      ['spec.parentRef.name: Required value', 'spec.parentRef.resource: Required value'],
    ],
    [
      '10.0.0.1',
      { resource: 'a/b', name: '..', namespace: '%' },
      [
        `spec.parentRef.name: Invalid value: "..": may not be '..'`,
        `spec.parentRef.namespace: Invalid value: "%": may not contain '%'`,
        `spec.parentRef.resource: Invalid value: "a/b": may not contain '/'`,
      ],
    ],
  ])('named %s of %j', (name, parentRef, errors) => {
    expect(address(name, parentRef).errors).toEqual(errors);
  });

  test('is of one object for ever', () => {
    const { object } = address('10.0.0.1', parent);
    const other = address('10.0.0.1', { ...parent, name: 'other' }).object;
    expect(validateUpdate(ipAddressKind, object, object)).toEqual([]);
    expect(validateUpdate(ipAddressKind, other, object).map(formatFieldError)).toEqual([
      expect.stringMatching(/^spec\.parentRef: Invalid value: .*: field is immutable$/),
    ]);
  });

  test.each([
    [parent, 'services/default/web'],
    [{ group: 'example.com', resource: 'Gateways', name: 'g' }, 'gateways.example.com/g'],
  ])('shows %j as %s', (parentRef, text) => {
    expect(parentText(address('10.0.0.1', parentRef).object)).toBe(text);
  });
});

describe('a ServiceCIDR', () => {
  const dual =
    'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
  test.each<[string[], string[]]>([
    [['10.0.0.0/24'], []],
    [['2001:db8::/64', '10.0.0.0/24'], []],
    [[], ['spec.cidrs: Required value: at least one CIDR required']],
    [['a', 'b', 'c'], ['may only hold up to 2 values']],
    [['10.0.0.0/24', '10.1.0.0/24'], [dual]],
    [['10.0.0.0/24', 'b'], ['spec.cidrs[1]: Invalid value: "b": must be a valid CIDR value']],
    [
      ['10.0.0.1/24'],
      [
        'spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length',
      ],
    ],
  ])('of %j', (cidrs, errors) => {
    expect(ranges(...cidrs).errors).toEqual(errors.map((text) => expect.stringContaining(text)));
  });

  test('keeps its ranges, and takes conditions without a reason', () => {
    const { object } = ranges('10.0.0.0/24');
    const wider = ranges('10.0.0.0/23').object;
    expect(validateUpdate(serviceCidrKind, wider, object).map(formatFieldError)).toEqual([
      'spec.cidrs[0]: Invalid value: "10.0.0.0/23": field is immutable',
    ]);
    const both = ranges('10.0.0.0/24', '2001:db8::/64').object;
    expect(validateUpdate(serviceCidrKind, both, object)).toEqual([]);
    expect(validateUpdate(serviceCidrKind, object, both).map(formatFieldError)).toEqual([
      'spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable',
    ]);
    const [status] = serviceCidrKind.subresources;
    const ready = { type: 'Ready', status: 'True', reason: '', message: '' };
    const next = { ...object, status: { conditions: [ready] } } as ServiceCIDR;
    expect(validateSubresourceUpdate(serviceCidrKind, status!, next, object)).toEqual([]);
  });
});
