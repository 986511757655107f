import { expect, test } from '@jest/globals';
import type { NodeStatus } from '../../api/types/core.js';
import type { NodeHealth } from './node-object.js';
import { healthy, nodeStatus } from './node-object.js';

const machine = {
  cpus: 2,
  memoryBytes: 1e9,
  diskBytes: 1e9,
  hostname: 'n1',
  architecture: 'amd64',
  bootId: 'boot-2',
  kernelVersion: '6.1',
  machineId: 'm',
  osImage: 'Debian',
  systemUuid: 's',
};
const description = {
  name: 'n1',
  ips: ['10.0.0.1'],
  labels: {},
  taints: [],
  machine,
  runtimeVersion: 'fake://1',
  agentPort: 10250,
  podsMax: 110,
};

const nothing = { images: [], devices: { capacity: {}, allocatable: {} } };

function readyAfter(before: NodeStatus | undefined, health: Partial<NodeHealth>): unknown {
  const all = { ...healthy, ...health };
  const status = nodeStatus({ description, health: all, ...nothing, before, nowMs: 60_000 });
  const found = status.conditions?.find(({ type }) => type === 'Ready');
  return [found?.status, found?.lastHeartbeatTime, found?.lastTransitionTime];
}

function was(status: string, bootID = 'boot-2', at = '1970-01-01T00:00:01Z'): NodeStatus {
  const found = nodeStatus({
    description,
    health: healthy,
    ...nothing,
    before: undefined,
    nowMs: 0,
  });
  return {
    ...found,
    nodeInfo: { ...found.nodeInfo!, bootID },
    conditions: [{ type: 'Ready', status, lastTransitionTime: at, lastHeartbeatTime: at }],
  };
}

const starting = { problem: 'not yet', isStarting: true };
const [ready, unready] = [
  ['True', '1970-01-01T00:00:01Z', '1970-01-01T00:00:01Z'],
  ['False', '1970-01-01T00:01:00Z', '1970-01-01T00:01:00Z'],
];

test.each([
  ['was Ready', was('True'), starting, ready],
  ['was Ready, and has taken too long', was('True'), { problem: 'not yet' }, unready],
  ['was Ready before the machine started anew', was('True', 'boot-1'), starting, unready],
  [
    'was Ready, and whose agents have not come up since',
    was('True', 'boot-2', '1969-12-31T23:54:59Z'),
    starting,
    unready,
  ],
  ['was not known', was('Unknown'), starting, unready],
  ['is new', undefined, starting, unready],
])('while its agent starts, a node that %s', (_, before, health, expected) => {
  expect(readyAfter(before, health)).toEqual(expected);
});

test('devices of plugins, and resources that somebody else has written into the capacity', () => {
  const common = { description, health: healthy, images: [], nowMs: 0 };
  const devices = { capacity: { 'example.com/gpu': '3' }, allocatable: { 'example.com/gpu': '2' } };
  const before = { capacity: { cpu: '1', 'example.com/gpu': '9', 'example.com/dongle': '4' } };
  const found = nodeStatus({ ...common, devices, before });
  expect(found.capacity).toMatchObject({ cpu: '2', 'example.com/gpu': '3' });
  expect(found.allocatable).toMatchObject({ 'example.com/gpu': '2', 'example.com/dongle': '4' });
});
