import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Event, Service } from '../../../api/types/core.js';
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

async function create(name: string): Promise<void> {
  await running.api.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }] },
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
