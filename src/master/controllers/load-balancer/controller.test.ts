import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Event, Node, Service } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

let running: RunningControllers;

beforeEach(async () => {
  running = await runControllers(['load-balancer-pool-controller']);
});
afterEach(() => running.stop());

async function setPool(addresses: string): Promise<void> {
  const metadata = { namespace: 'kube-system', name: 'load-balancer-pool' };
  await running.api.create(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { addresses },
  });
}

async function create(name: string, spec: Partial<Service['spec']> = {}): Promise<void> {
  await running.api.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  });
}

const untilIp = (name: string, ip: string | undefined) =>
  running.untilObject<Service>(
    resources.services,
    { namespace: 'default', name },
    ({ status }) => status?.loadBalancer?.ingress?.[0]?.ip === ip,
  );

test('a Service gets an address, the next waits until it is free', async () => {
  await create('a');
  await setPool('192.0.2.1');
  const { status } = await untilIp('a', '192.0.2.1');
  expect(status?.loadBalancer?.ingress).toEqual([{ ip: '192.0.2.1', ipMode: 'VIP' }]);
  await create('b');
  await running.until('an Event says why', async () => {
    const { items } = await running.api.list<Event>(resources.events);
    const found = items.find(({ reason }) => reason === 'AllocationFailed');
    return found?.message === 'no address of the pool is free' ? true : undefined;
  });
  await running.api.delete(resources.services, { namespace: 'default', name: 'a' });
  await untilIp('b', '192.0.2.1');
  const b = await untilIp('b', '192.0.2.1');
  await running.api.update<Service>(resources.services, {
    ...b,
    spec: { ...b.spec, type: 'ClusterIP' },
  });
  const after = await untilIp('b', undefined);
  expect(after.status?.conditions ?? []).toEqual([]);
});

test('an address that becomes a node’s is taken back, and another’s is left alone', async () => {
  await setPool('192.0.2.1-192.0.2.2');
  await create('a');
  await untilIp('a', '192.0.2.1');
  await running.api.create<Node>(resources.nodes, {
    metadata: { name: 'n1' },
    spec: {},
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  });
  const a = await untilIp('a', '192.0.2.2');
  const [condition] = a.status?.conditions ?? [];
  const waits = { ...condition!, status: 'False' as const };
  await create('b', { loadBalancerClass: 'example.com/other' });
  await running.api.updateStatus<Service>(resources.services, {
    ...(await untilIp('b', undefined)),
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] }, conditions: [waits] },
  });
  await running.untilObject<Service>(
    resources.services,
    { namespace: 'default', name: 'b' },
    ({ status }) => (status?.conditions ?? []).length === 0,
  );
  await untilIp('b', '203.0.113.1');
});
