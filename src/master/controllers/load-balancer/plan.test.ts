import { describe, expect, test } from '@jest/globals';
import { poolCondition } from '../../../api/facts/load-balancers.js';
import type { Service } from '../../../api/types/core.js';
import type { Occupied } from './plan.js';
import { planAssignments } from './plan.js';
import { freeAddress, parsePool, poolHas } from './pool.js';

interface Given {
  readonly spec?: Partial<Service['spec']>;
  /** The address that it has of the pool. */
  readonly has?: string;
  /** The address that another controller gave it. */
  readonly foreign?: string;
  readonly waits?: string;
}

let age = 0;
function service(name: string, { spec, has, foreign, waits }: Given = {}): Service {
  const ip = has ?? foreign;
  const condition = (status: 'True' | 'False', message: string) => ({
    type: poolCondition,
    status,
    reason: 'x',
    message,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  return {
    metadata: {
      namespace: 'default',
      name,
      creationTimestamp: new Date(age++ * 1000).toISOString(),
    },
    spec: { type: 'LoadBalancer', ...spec },
    status: {
      loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] },
      ...(has !== undefined && { conditions: [condition('True', '')] }),
      ...(waits !== undefined && { conditions: [condition('False', waits)] }),
    },
  };
}

/** "name address", "name !why" or "name -". */
function planned(
  services: readonly Service[],
  addresses = '192.0.2.1-192.0.2.3',
  occupied: Occupied = { addresses: new Set(), blocks: [] },
): string[] {
  return planAssignments(services, parsePool(addresses), occupied).map(
    ({ service: { metadata }, address, failure }) =>
      `${metadata.name} ${address ?? (failure === undefined ? '-' : `!${failure}`)}`,
  );
}

describe('addresses of the pool', () => {
  test.each<[string, Service[], string[]]>([
    ['go to the oldest first', [service('a'), service('b')], ['a 192.0.2.1', 'b 192.0.2.2']],
    ['stay', [service('a'), service('b', { has: '192.0.2.1' })], ['a 192.0.2.2']],
    [
      'are those that are asked for, even by a younger one',
      [service('a'), service('b', { spec: { loadBalancerIP: '192.0.2.1' } })],
      ['b 192.0.2.1', 'a 192.0.2.2'],
    ],
    [
      'change when another is asked for',
      [service('a', { has: '192.0.2.1', spec: { loadBalancerIP: '192.0.2.3' } })],
      ['a 192.0.2.3'],
    ],
    [
      'are not given twice, nor from outside of the pool',
      [
        service('a', { has: '192.0.2.1' }),
        service('b', { spec: { loadBalancerIP: '192.0.2.1' } }),
        service('c', { spec: { loadBalancerIP: '192.0.2.9' } }),
      ],
      ['b !192.0.2.1 is in use', 'c !the pool does not have 192.0.2.9'],
    ],
    [
      'move where two have the same one, as after two leaders',
      [service('a', { has: '192.0.2.2' }), service('b', { has: '192.0.2.2' })],
      ['b 192.0.2.1'],
    ],
    ['move when the pool has them no more', [service('a', { has: '192.0.2.7' })], ['a 192.0.2.1']],
    [
      'end',
      ['a', 'b', 'c', 'd'].map((name) => service(name)),
      ['a 192.0.2.1', 'b 192.0.2.2', 'c 192.0.2.3', 'd !no address of the pool is free'],
    ],
    [
      'are refused once, not again',
      [
        ...['1', '2', '3'].map((n) => service(n, { has: `192.0.2.${n}` })),
        service('d', { waits: 'no address of the pool is free' }),
      ],
      [],
    ],
    [
      'are taken back from what is no load balancer any more',
      [service('a', { has: '192.0.2.1', spec: { type: 'ClusterIP' } }), service('b')],
      // Given back before they are given again: two of one address would answer in turns.
      ['a -', 'b 192.0.2.1'],
    ],
    [
      'are for our class, or for none',
      [
        service('a', { spec: { loadBalancerClass: 'example.com/other' } }),
        service('b', { spec: { loadBalancerClass: 'trireme.dev/pool' } }),
        service('c', { foreign: '192.0.2.2' }),
        service('d', { spec: { type: 'NodePort' } }),
        service('e', { spec: { ipFamilies: ['IPv6'] } }),
        service('f'),
      ],
      ['b 192.0.2.1', 'f 192.0.2.3'],
    ],
  ])('%s', (_, services, wanted) => {
    expect(planned(services)).toEqual(wanted);
  });
});

describe('what others have', () => {
  const occupied = { addresses: new Set(['192.0.2.1']), blocks: ['192.0.2.2/32', 'fd00::/64'] };

  test('is not given, and not kept, whatever the pool says', () => {
    const asking = service('a', { spec: { loadBalancerIP: '192.0.2.1' } });
    const holding = service('b', { has: '192.0.2.2' });
    expect(planned([asking, holding], undefined, occupied)).toEqual([
      'a !192.0.2.1 is in use',
      'b 192.0.2.3',
    ]);
  });

  test('counts where it is a ClusterIP', () => {
    const other = service('a', { spec: { type: 'ClusterIP', clusterIPs: ['192.0.2.1'] } });
    expect(planned([other, service('b')])).toEqual(['b 192.0.2.2']);
  });
});

describe('a pool', () => {
  test.each([
    ['192.0.2.9', ['192.0.2.9']],
    ['192.0.2.8/30', ['192.0.2.9', '192.0.2.10']],
    ['192.0.2.8/31', ['192.0.2.8', '192.0.2.9']],
    ['192.0.2.254-192.0.3.1', ['192.0.2.254', '192.0.2.255', '192.0.3.0', '192.0.3.1']],
    ['192.0.2.1 - 192.0.2.3', ['192.0.2.1', '192.0.2.2', '192.0.2.3']],
    ['192.0.2.4,\n 192.0.2.2', ['192.0.2.2', '192.0.2.4']],
  ])('%j has its addresses in order', (text, wanted) => {
    const pool = parsePool(text);
    const found: string[] = [];
    for (;;) {
      const next = freeAddress(pool, (address) => found.includes(address));
      if (next === undefined) break;
      found.push(next);
    }
    expect(found).toEqual(wanted);
    expect(found.every((address) => poolHas(pool, address))).toBe(true);
    expect(poolHas(pool, '198.51.100.1')).toBe(false);
  });

  test.each(['0.0.0.0/0', '127.0.0.5', '169.254.0.1', '223.255.255.250-224.0.0.1', '240.0.0.1'])(
    'does not take %s, which is no address of one host on a network',
    (text) => {
      expect(parsePool(text)).toEqual({ ranges: [], unreadable: [text] });
    },
  );

  test('names what it cannot read', () => {
    const text = '192.0.2.1-192.0.2.0 fd00::/64 192.0.2.0/33 a-b-c 192.0.2.1';
    expect(parsePool(text).unreadable).toEqual([
      '192.0.2.1-192.0.2.0',
      'fd00::/64',
      '192.0.2.0/33',
      'a-b-c',
    ]);
  });
});
