import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePorts } from '../../../test/cluster/etcd-processes.js';
import { silentLogger } from '../../lib/log.js';
import type { ServiceFields } from '../testkit/service-cluster.js';
import { WatchedServices, until } from '../testkit/watched-services.js';
import { HealthChecks } from './health-check.js';

let cluster: WatchedServices;
let checks: HealthChecks;
let isHealthy = true;
beforeEach(async () => {
  cluster = new WatchedServices();
  await cluster.watch.whenSynced();
  checks = new HealthChecks(cluster.watch, 'n1', silentLogger, () => isHealthy);
  isHealthy = true;
  checks.start();
});
afterEach(async () => {
  await checks.stop();
  cluster.end();
});

const balanced = (port: number): ServiceFields => ({
  type: 'LoadBalancer',
  clusterIP: '10.96.5.5',
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: port,
  ports: [{ port: 80 }],
});

/** @returns status, weight and body; undefined while nobody listens */
async function ask(port: number): Promise<readonly [number, string | null, unknown] | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
  if (answer === undefined) return undefined;
  const weight = answer.headers.get('x-load-balancing-endpoint-weight');
  return [answer.status, weight, await answer.json()];
}

test('a balancer hears how many endpoints this node has', async () => {
  const [port = 0] = await freePorts(1);
  const service = { namespace: 'default', name: 'web' };
  await cluster.addService('default/web', balanced(port));
  await until(async () => (await ask(port)) !== undefined);
  expect(await ask(port)).toEqual([
    503,
    '0',
    { service, localEndpoints: 0, serviceProxyHealthy: true },
  ]);

  const at = ['10.244.1.5 n1', '10.244.1.6 n1', '10.244.2.5 n2'];
  await cluster.addSlice('default/web', { ports: [{ port: 8080 }], at }, 'web');
  await until(async () => (await ask(port))?.[0] === 200);
  expect(await ask(port)).toEqual([
    200,
    '2',
    { service, localEndpoints: 2, serviceProxyHealthy: true },
  ]);

  isHealthy = false;
  expect(await ask(port)).toEqual([
    503,
    '2',
    { service, localEndpoints: 2, serviceProxyHealthy: false },
  ]);
  isHealthy = true;
  await cluster.removeSlice('default/web');
  await until(async () => (await ask(port))?.[0] === 503);
});

test('endpoints that end do not count, though they still serve', async () => {
  const [port = 0] = await freePorts(1);
  await cluster.addService('default/web', balanced(port));
  const at = ['10.244.1.5 n1', '10.244.1.6 n1 ending'];
  await cluster.addSlice('default/web', { ports: [{ port: 8080 }], at }, 'web');
  await until(async () => (await ask(port))?.[1] === '1');
  await cluster.removeSlice('default/web');
  await until(async () => (await ask(port))?.[1] === '0');
  const ending = ['10.244.1.6 n1 ending', '10.244.2.5 n2'];
  await cluster.addSlice('default/web', { ports: [{ port: 8080 }], at: ending }, 'web');
  await until(() => cluster.watch.slicesOf('default/web').length === 1);
  expect((await ask(port))?.slice(0, 2)).toEqual([503, '0']);
});

test('a service that goes is no longer answered for', async () => {
  const [port = 0] = await freePorts(1);
  await cluster.addService('default/web', balanced(port));
  await until(async () => (await ask(port)) !== undefined);
  await cluster.removeService('default/web');
  await until(async () => (await ask(port)) === undefined);
});

test('only services with the Local policy have one', async () => {
  const [port = 0] = await freePorts(1);
  await cluster.addService('default/web', {
    ...balanced(port),
    externalTrafficPolicy: 'Cluster',
  });
  await until(() => cluster.watch.service('default/web') !== undefined);
  expect(await ask(port)).toBeUndefined();
});
