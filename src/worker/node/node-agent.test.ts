import { beforeEach, expect, test } from '@jest/globals';
import type { NetproxyState } from '../../api/facts/node-network.js';
import type { Node } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import { until } from '../testkit/worker-rig.js';
import { readMachine } from './facts.js';
import { NodeAgent } from './node-agent.js';
import { healthy } from './node-object.js';

const key = { name: 'n1' };
const nothing = (): void => undefined;
let api: FakeApi;
let agent: NodeAgent;
let writes: number;
let netproxy: NetproxyState;
let clock: ManualClock;

beforeEach(async () => {
  api = new FakeApi();
  writes = 0;
  netproxy = { state: 'starting', mode: 'iptables', build: '0.1.0+dev' };
  const patch = api.patch.bind(api);
  api.patch = (resource, at, type, body, options) => {
    if (resource.resource === 'nodes' && options?.subresource === 'status') writes += 1;
    return patch(resource, at, type, body, options);
  };
  clock = new ManualClock();
  agent = new NodeAgent({
    client: api,
    runtime: new FakeRuntime(clock),
    description: {
      ...key,
      ips: ['10.0.0.1'],
      labels: {},
      taints: [],
      machine: await readMachine('/'),
      runtimeVersion: 'fake://1',
      agentPort: 10250,
      podsMax: 110,
    },
    clock,
    log: silentLogger,
    events: { normal: nothing, warning: nothing, event: nothing },
    health: () => Promise.resolve(healthy),
    netproxy: () => Promise.resolve(netproxy),
  });
  await agent.reportStatus();
});

function node(): Promise<Node> {
  return api.get<Node>(resources.nodes, key);
}

async function change(status: object): Promise<void> {
  const type = 'application/strategic-merge-patch+json';
  await api.patch(resources.nodes, key, type, { status }, { subresource: 'status' });
  writes = 0;
}

test('a status that is written is not written again', async () => {
  writes = 0;
  await agent.reportStatus();
  expect(writes).toBe(0);
});

test('a condition that somebody else has changed is set right', async () => {
  await change({ conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] });
  await agent.reportStatus();
  const ready = (await node()).status?.conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'True', reason: 'KubeletReady' });
  expect(writes).toBe(1);
});

test('capacity that somebody else has changed is set right', async () => {
  const before = (await node()).status?.capacity;
  await change({ capacity: { cpu: '1000', pods: '5000' } });
  await agent.reportStatus();
  expect((await node()).status?.capacity).toEqual(before);
});

test("others' conditions and fields make no writes", async () => {
  const ours = (await node()).status?.conditions ?? [];
  await change({
    conditions: [...ours, { type: 'KernelDeadlock', status: 'False' }],
    volumesAttached: [{ name: 'v', devicePath: '' }],
  });
  await agent.reportStatus();
  expect(writes).toBe(0);
});

test('a resource that somebody else has added stays, and makes one write', async () => {
  await change({ capacity: { 'example.com/dongle': '4' } });
  await agent.reportStatus();
  await agent.reportStatus();
  expect(writes).toBe(1);
  expect((await node()).status?.capacity).toMatchObject({ 'example.com/dongle': '4' });
});

test('what others have written into the capacity, pods may use', async () => {
  await change({ capacity: { 'example.com/dongle': '3' } });
  await agent.reportStatus();
  const { capacity, allocatable } = (await node()).status ?? {};
  expect([capacity?.['example.com/dongle'], allocatable?.['example.com/dongle']]).toEqual([
    '3',
    '3',
  ]);
  expect(allocatable?.['memory']).not.toBe(capacity?.['memory']);
});

test('an annotation says how the netproxy of the node is', async () => {
  const told = async (): Promise<string | undefined> =>
    (await node()).metadata.annotations?.['trireme.dev/netproxy'];
  await agent.reportStatus();
  expect(await told()).toBe('starting iptables 0.1.0+dev');
  netproxy = { state: 'silent', mode: '', build: '' };
  await agent.reportStatus();
  expect(await told()).toBe('silent');
});

test('a netproxy that comes up is reported before the next turn of the status', async () => {
  await agent.register();
  netproxy = { state: 'running', mode: 'nftables', build: '0.1.0+dev' };
  clock.advance(250);
  await until('the annotation tells it', async () => {
    const { annotations } = (await node()).metadata;
    return annotations?.['trireme.dev/netproxy'] === 'running nftables 0.1.0+dev';
  });
  await agent.stop();
});
