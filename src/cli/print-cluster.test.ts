import { expect, test } from '@jest/globals';
import { renderCluster } from './print-cluster.js';
import { clusterStatus, member } from './testkit/cluster-status.js';

test('without a quorum nobody knows what components and nodes do', () => {
  const members = [member(1), member(2, { reachable: false }), member(3, { reachable: false })];
  const text = renderCluster(clusterStatus({ members }));
  expect(text).toMatch(/kube-scheduler +<unknown>/);
  expect(text).toMatch(/node-1 +Unknown/);
});

test.each([
  [
    '2026-12-31T00:00:00.000Z',
    'certificates: the first to end is one of master-2, on 2026-12-31 (363 days)',
  ],
  [
    '2026-01-30T12:00:00.000Z',
    'CERTIFICATES: one of master-2 ends on 2026-01-30 (28 days): it has not been renewed, see the log of master-2',
  ],
  [
    '2025-12-31T12:00:00.000Z',
    'CERTIFICATES: one of master-2 ended on 2025-12-31; a restart of it renews them',
  ],
  ['', undefined],
])('the first certificate that ends: %s', (certificatesEnd, line) => {
  const later = { certificatesEnd: certificatesEnd === '' ? '' : '2027-06-01T00:00:00.000Z' };
  const members = [member(1, later), member(2, { certificatesEnd })];
  const lines = renderCluster(clusterStatus({ members, nodes: [] })).split('\n');
  expect(lines.find((text) => /^certificates/i.test(text))).toBe(line);
});

test('each master and node whose certificates were not renewed is named', () => {
  const ends = { certificatesEnd: '2026-01-20T00:00:00.000Z' };
  const [node] = clusterStatus().nodes;
  if (node === undefined) throw new Error();
  const nodes = [
    { ...node, ...ends },
    { ...node, name: 'node-2', certificatesEnd: '2025-12-01T00:00:00.000Z' },
    { ...node, name: 'node-3', certificatesEnd: '' },
  ];
  const text = renderCluster(clusterStatus({ members: [member(1), member(2, ends)], nodes }));
  expect(text.split('\n').filter((line) => line.startsWith('CERTIFICATES'))).toEqual([
    'CERTIFICATES: one of node-2 ended on 2025-12-01; renew them by: trireme cert renew',
    'CERTIFICATES: one of master-2 ends on 2026-01-20 (18 days): it has not been renewed, see the log of master-2',
    'CERTIFICATES: one of node-1 ends on 2026-01-20 (18 days): it has not been renewed, see the log of node-1',
  ]);
  expect(text).toMatch(/node-1 .* 2026-01-20/);
});

test.each<[string, string, boolean, RegExp]>([
  ['running', '0.1.0+g1a2b3c4d5e', true, / running iptables {2,}10/],
  ['lagging', '0.1.0+gffffffffff', true, / lagging iptables 0\.1\.0\+gffffffffff {2,}10/],
  ['running', '0.1.0+g1a2b3c4d5e', false, / unknown iptables {2,}10/],
])('a netproxy that is %s with build %s, quorum %s', (state, build, isKnown, row) => {
  const nodes = clusterStatus().nodes.slice(0, 1);
  const members = [member(1), member(2, { reachable: isKnown })];
  const told = nodes.map((node) => ({ ...node, netproxy: { state, mode: 'iptables', build } }));
  expect(renderCluster(clusterStatus({ members, nodes: told }))).toMatch(row);
});
