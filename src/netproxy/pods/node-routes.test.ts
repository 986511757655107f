import { expect, test } from '@jest/globals';
import type { Node } from '../../api/types/core.js';
import { planRoutes, wantedRoutes } from './node-routes.js';

function node(name: string, address: string, podCIDR: string): Node {
  return {
    metadata: { name },
    spec: { podCIDR },
    status: { addresses: [{ type: 'InternalIP', address }] },
  };
}

const config = {
  nodeName: 'n1',
  nodeSubnet: '192.168.5.2/24',
  clusterCidr: '10.244.0.0/16',
  routing: 'auto',
} as const;

test('near nodes are next hops, far ones are reached through VXLAN', () => {
  const nodes: Node[] = [
    node('n1', '192.168.5.2', '10.244.1.0/24'),
    node('n2', '192.168.5.3', '10.244.2.0/24'),
    node('n3', '192.168.6.3', '10.244.3.0/24'),
    { metadata: { name: 'n4' }, spec: {} },
  ];
  const routes = wantedRoutes(nodes, config);
  const { ip, bridge } = planRoutes(new Map(), routes);
  expect(ip).toEqual([
    'route replace 10.244.2.0/24 via 192.168.5.3 proto 84',
    'neigh replace 10.244.3.0 lladdr 0a:58:0a:f4:03:00 dev trireme.vxlan nud permanent',
    'route replace 10.244.3.0/24 via 10.244.3.0 dev trireme.vxlan onlink proto 84',
  ]);
  expect(bridge).toEqual([
    'fdb replace 0a:58:0a:f4:03:00 dev trireme.vxlan dst 192.168.6.3 self permanent',
  ]);
  expect(planRoutes(routes, routes)).toEqual({ ip: [], bridge: [] });
  const gone = planRoutes(routes, wantedRoutes(nodes.slice(0, 2), config));
  expect(gone.ip).toEqual([
    'route del 10.244.3.0/24 proto 84',
    'neigh del 10.244.3.0 dev trireme.vxlan',
  ]);
  const moved = wantedRoutes([nodes[0]!, node('n2', '192.168.5.9', '10.244.2.0/24')], config);
  const before = wantedRoutes(nodes.slice(0, 2), config);
  expect(planRoutes(before, moved).ip).toEqual([
    'route replace 10.244.2.0/24 via 192.168.5.9 proto 84',
  ]);
});

test.each([
  ["a master's address", '10.88.1.11/32'],
  ['everything', '0.0.0.0/0'],
  ["the whole cluster's pods", '10.244.0.0/16'],
  ["another node's range", '10.244.2.0/24'],
  ["one of another node's pods", '10.244.2.5/32'],
  ['what is no range', '10.244.9.0/33'],
])('a node that claims %s gets nothing routed to it', (_name, podCIDR) => {
  const honest = node('n2', '192.168.5.3', '10.244.2.0/24');
  const routes = wantedRoutes([node('n3', '192.168.5.66', podCIDR), honest], config);
  expect([...routes.values()].map(({ nodeIp }) => nodeIp)).toEqual(['192.168.5.3']);
});
