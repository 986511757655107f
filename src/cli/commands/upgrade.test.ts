import { expect, test } from '@jest/globals';
import { clusterStatus, member } from '../testkit/cluster-status.js';
import { machineSteps } from './upgrade.js';

const old = '0.1.0+g1a2b3c4d5e';

test('machines that were installed are named in order, the one that leads behind the other masters', () => {
  const members = [member(1, { leader: true }), member(2, { build: '2' }), member(3)];
  const text = machineSteps(clusterStatus({ members }), { version: '2' });
  expect(text.match(/^ +\d\. .*$/gm)).toEqual([
    `  1. master master-3 (${old}): sudo scripts/install master`,
    `  2. master master-1 (${old}), which leads: sudo scripts/install master`,
    `  3. worker node-1 (${old}): sudo scripts/install worker`,
    expect.stringMatching(/^ {2}4\. worker node-2.*: sudo scripts\/install worker$/),
  ]);
});

test('a build that has no netproxy leaves none behind', () => {
  const flags = { master: [], worker: ['--node-name'] };
  expect(machineSteps(clusterStatus(), { version: '0', flags })).toContain(
    ': sudo systemctl disable --now trireme-netproxy; sudo scripts/install worker\n',
  );
});

test('a master that does not answer is said to be one', () => {
  const members = [member(1, { leader: true }), member(2, { reachable: false, build: '' })];
  expect(machineSteps(clusterStatus({ members, nodes: [] }), { version: '2' })).toContain(
    '  1. master master-2, which does not answer: sudo scripts/install master\n',
  );
});

test('nothing is left where all run the build', () => {
  expect(machineSteps(clusterStatus({ nodes: [] }), { version: old })).toContain('already');
});

test('a worker whose netproxy runs another build is not done', () => {
  const nodes = clusterStatus()
    .nodes.slice(0, 1)
    .map((node) => ({ ...node, netproxy: { state: 'running', mode: 'iptables', build: '0.0.9' } }));
  expect(machineSteps(clusterStatus({ members: [], nodes }), { version: old })).toContain(
    '  1. worker node-1 (0.0.9): sudo scripts/install worker\n',
  );
});
