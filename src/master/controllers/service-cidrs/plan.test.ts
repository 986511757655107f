import { describe, expect, test } from '@jest/globals';
import { addressFor } from '../../../api/facts/service-addresses.js';
import type { Service } from '../../../api/types/core.js';
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking.js';
import { cidrsWith, mayGo, overlapping, planAddress, planService } from './plan.js';

const cidr = (name: string, ...cidrs: string[]): ServiceCIDR => ({
  metadata: { name },
  spec: { cidrs },
  status: {},
});
const service = (name: string, clusterIP: string): Service => ({
  metadata: { name, namespace: 'ns' },
  spec: { clusterIP },
});
const nowMs = Date.parse('2026-01-01T00:01:00Z');
const address = (name: string, of: string, more: object = {}): IPAddress => {
  const made = addressFor(name, service(of, name));
  const creationTimestamp = '2026-01-01T00:00:00Z';
  return { ...made, metadata: { ...made.metadata, creationTimestamp }, ...more };
};
const own = cidr('kubernetes', '10.0.0.0/24');
const gateway = { spec: { parentRef: { group: 'example.com', resource: 'gateways', name: 'g' } } };

describe('a ServiceCIDR', () => {
  test.each<[string, string[]]>([
    ['10.0.0.1', ['kubernetes']],
    ['10.0.0.0', []],
    ['10.0.0.255', []],
    ['10.0.1.1', []],
    ['2001:db8::1', ['six']],
    ['2001:db8::', []],
    ['2001:db8::ffff:ffff:ffff:ffff', ['six']],
    ['no address', []],
  ])('that has %s: %j', (ip, names) => {
    const found = cidrsWith(ip, [own, cidr('six', '2001:db8::/64')]);
    expect(found.map(({ metadata }) => metadata.name)).toEqual(names);
  });

  test('overlaps those within it and around it', () => {
    const others = ['10.0.0.0/28', '10.0.0.0/8', '10.0.0.0/24', '10.0.1.0/24', '2001:db8::/64'];
    const all = [own, ...others.map((range) => cidr(range, range))];
    const found = overlapping(own, all).map(({ metadata }) => metadata.name);
    expect(found).toEqual(others.slice(0, 3));
  });

  const used = [address('10.0.0.5', 's')];
  test.each<[string, ServiceCIDR[], IPAddress[], boolean]>([
    ['without addresses', [own], [], true],
    ['with one in use', [own], used, false],
    ['with one of somebody else', [own], [{ ...used[0]!, metadata: { name: '10.0.0.5' } }], true],
    ['with one of another range in use', [own], [address('10.1.0.5', 's')], true],
    ['within another', [own, cidr('wide', '10.0.0.0/8')], used, true],
    ['beside an equal one', [own, cidr('same', '10.0.0.0/24')], used, true],
    ['whose address another has', [own, cidr('part', '10.0.0.0/28')], used, true],
    ['whose address no part has', [own, cidr('part', '10.0.0.16/28')], used, false],
  ])('%s may go or not', (_, all, addresses, goes) => {
    expect(mayGo(own, all, addresses)).toBe(goes);
  });
});

describe('a service', () => {
  const ip = '10.0.0.5';
  const web = service('web', ip);
  test.each<[string, ReturnType<typeof planService>, Partial<Parameters<typeof planService>[2]>]>([
    ['with its address', { type: 'none' }, { present: address(ip, 'web') }],
    ['before there are ranges', { type: 'none' }, { cidrs: [] }],
    [
      'out of all ranges',
      {
        type: 'none',
        warning: {
          reason: 'ClusterIPOutOfRange',
          message:
            'Cluster IP [IPv4]: 10.0.0.5 is not within any configured Service CIDR; please recreate service',
        },
      },
      { cidrs: [cidr('other', '10.1.0.0/24')] },
    ],
    [
      'without its address',
      {
        type: 'create',
        warning: {
          reason: 'ClusterIPNotAllocated',
          message: 'Cluster IP [IPv4]: 10.0.0.5 is not allocated; repairing',
        },
      },
      {},
    ],
    [
      'whose address is of something else',
      {
        type: 'recreate',
        warning: {
          reason: 'ClusterIPNotAllocated',
          message:
            'the ClusterIP [IPv4]: 10.0.0.5 for Service ns/web has a wrong reference; repairing',
        },
      },
      { present: address(ip, 'web', gateway) },
    ],
    [
      'whose address another has as well',
      {
        type: 'none',
        warning: {
          reason: 'ClusterIPAlreadyAllocated',
          message:
            'Cluster IP [IPv4]:10.0.0.5 was assigned to multiple services; please recreate service',
        },
      },
      { present: address(ip, 'other'), parent: service('other', ip) },
    ],
    [
      'whose address says another, which has its own',
      { type: 'none' },
      { present: address(ip, 'other'), parent: service('other', '10.0.0.6') },
    ],
    [
      'whose address lost its labels',
      { type: 'recreate' },
      { present: { ...address(ip, 'web'), metadata: { name: ip } } },
    ],
  ])('%s', (_, step, state) => {
    const whole = { present: undefined, parent: undefined, cidrs: [own], ...state };
    expect(planService(web, ip, whole)).toEqual(step);
  });
});

describe('an address', () => {
  const ip = '10.0.0.5';
  test.each<[string, unknown, IPAddress, Service | undefined, number]>([
    ['of its service', { type: 'none' }, address(ip, 'web'), service('web', ip), nowMs],
    [
      'of nobody we know',
      { type: 'none' },
      { ...address(ip, 'web'), metadata: { name: ip } },
      undefined,
      nowMs,
    ],
    ['whose service may still come', { type: 'wait', ms: 1 }, address(ip, 'web'), undefined, nowMs],
    [
      'without a service',
      {
        type: 'delete',
        warning: {
          reason: 'IPAddressNotAllocated',
          message: 'IPAddress: 10.0.0.5 for Service ns/web appears to have leaked: cleaning up',
        },
      },
      address(ip, 'web'),
      undefined,
      nowMs + 1,
    ],
    [
      'of a service that has another',
      {
        type: 'delete',
        warning: {
          reason: 'IPAddressWrongReference',
          message: 'IPAddress: 10.0.0.5 for Service ns/web has a wrong reference; cleaning up',
        },
      },
      address(ip, 'web'),
      service('web', 'None'),
      nowMs,
    ],
    [
      'that was changed',
      {
        type: 'delete',
        warning: {
          reason: 'IPAddressNotAllocated',
          message:
            'IPAddress 10.0.0.5 appears to have been modified, not referencing a Service ' +
            'gateways.example.com/g: cleaning up',
        },
      },
      address(ip, 'web', gateway),
      undefined,
      nowMs,
    ],
  ])('%s', (_, step, present, parent, atMs) => {
    expect(planAddress(present, parent, atMs)).toEqual(step);
  });
});
