import { describe, expect, test } from '@jest/globals';
import { poolCondition } from '../../api/facts/load-balancers.js';
import { netproxyAnnotation } from '../../api/facts/node-network.js';
import type { Node, Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { addressesOfNode, announcer } from './plan.js';

const node = (name: string, ready = 'True', labels: Record<string, string> = {}): Node => ({
  metadata: { name, labels },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: ready }] },
});

function balancer(ip: string, spec: Partial<Service['spec']> = {}, held = 'True'): Service {
  return {
    metadata: { namespace: 'default', name: `s-${ip}` },
    spec: { type: 'LoadBalancer', ...spec },
    status: {
      loadBalancer: { ingress: [{ ip }] },
      conditions: [
        {
          type: poolCondition,
          status: held,
          reason: 'Allocated',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  };
}

function slice(...at: readonly (readonly [node: string, ready: boolean])[]): EndpointSlice {
  const endpoints = at.map(([nodeName, ready]) => ({
    addresses: ['10.244.1.1'],
    nodeName,
    conditions: { ready },
  }));
  return { metadata: { name: 'x' }, addressType: 'IPv4', endpoints };
}

const ips = Array.from({ length: 60 }, (_, at) => `192.0.2.${at + 1}`);

/** Address → node, by what each node decides for itself. */
function spread(
  nodes: readonly Node[],
  of = (ip: string) => ({ service: balancer(ip), slices: [] as EndpointSlice[] }),
): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { metadata } of nodes) {
    for (const ip of addressesOfNode(ips.map(of), nodes, metadata.name)) {
      expect(owners.get(ip)).toBeUndefined();
      owners.set(ip, metadata.name);
    }
  }
  return owners;
}

describe('the node that answers for an address', () => {
  test('is one, and each node has some', () => {
    const owners = spread([node('a'), node('b'), node('c')]);
    expect(owners.size).toBe(ips.length);
    expect(new Set(owners.values())).toEqual(new Set(['a', 'b', 'c']));
  });

  test('changes only for the addresses of a node that goes', () => {
    const before = spread([node('a'), node('b'), node('c')]);
    const after = spread([node('a'), node('b', 'Unknown'), node('c')]);
    for (const [ip, owner] of before) {
      if (owner === 'b') expect(['a', 'c']).toContain(after.get(ip));
      else expect(after.get(ip)).toBe(owner);
    }
  });

  test('is none that is not ready or is excluded', () => {
    const label = 'node.kubernetes.io/exclude-from-external-load-balancers';
    const owners = spread([node('a', 'False'), node('b', 'True', { [label]: '' }), node('c')]);
    expect(new Set(owners.values())).toEqual(new Set(['c']));
    expect(announcer('192.0.2.1', [])).toBeUndefined();
  });

  test.each<[string, Partial<Node>]>([
    ['is deleted', { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    [
      'goes',
      { spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } },
    ],
    ...['silent', 'starting iptables', 'running userspace', 'running none'].map(
      (value): [string, Partial<Node>] => [
        `has a netproxy that is ${value}`,
        { metadata: { name: 'a', annotations: { [netproxyAnnotation]: value } } },
      ],
    ),
  ])('is none that %s', (_, more) => {
    const owners = spread([{ ...node('a'), ...more }, node('c')]);
    expect(new Set(owners.values())).toEqual(new Set(['c']));
  });

  test('has a netproxy that runs, lags or says nothing', () => {
    const told = (name: string, value: string): Node => ({
      ...node(name),
      metadata: { name, annotations: { [netproxyAnnotation]: value } },
    });
    const owners = spread([
      told('a', 'running nftables 1'),
      told('b', 'lagging iptables'),
      node('c'),
    ]);
    expect(new Set(owners.values())).toEqual(new Set(['a', 'b', 'c']));
  });

  test('answers for no address of a node', () => {
    const addresses = [{ type: 'InternalIP', address: '192.0.2.7' }];
    const a = { ...node('a'), status: { ...node('a').status, addresses } };
    const owners = spread([a, node('b')]);
    expect(owners.size).toBe(ips.length - 1);
    expect(owners.has('192.0.2.7')).toBe(false);
  });

  test('has a ready endpoint under externalTrafficPolicy Local', () => {
    const nodes = [node('a'), node('b'), node('c')];
    const local = (slices: EndpointSlice[]) => (ip: string) => ({
      service: balancer(ip, { externalTrafficPolicy: 'Local' }),
      slices,
    });
    const owners = spread(nodes, local([slice(['a', false], ['b', true])]));
    expect(new Set(owners.values())).toEqual(new Set(['b']));
    expect(spread(nodes, local([])).size).toBe(0);
  });

  test('answers for no address but of the pool', () => {
    const nodes = [node('a')];
    const others = [
      balancer('192.0.2.1', {}, 'False'),
      balancer('192.0.2.2', { type: 'ClusterIP' }),
      { ...balancer('192.0.2.3'), status: { loadBalancer: { ingress: [{ ip: '192.0.2.3' }] } } },
    ];
    const all = others.map((service) => ({ service, slices: [] }));
    expect(addressesOfNode(all, nodes, 'a')).toEqual([]);
  });
});
