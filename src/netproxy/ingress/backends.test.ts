import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WatchedServices, until } from '../testkit/watched-services.js';
import { Backends } from './backends.js';

let cluster: WatchedServices;
let backends: Backends;
beforeEach(async () => {
  cluster = new WatchedServices();
  await cluster.watch.whenSynced();
  backends = new Backends(cluster.watch);
  await cluster.addService('default/web', {
    clusterIP: '10.96.5.5',
    ports: [
      { name: 'http', port: 80 },
      { name: 'admin', port: 81 },
    ],
  });
  await cluster.addSlice(
    'default/web',
    { ports: [{ name: 'http', port: 8080 }], at: ['10.244.1.5 n1', '10.244.2.5 n2'] },
    'web',
  );
  await until(
    () =>
      cluster.watch.service('default/web') !== undefined &&
      cluster.watch.slicesOf('default/web').length === 1,
  );
});
afterEach(() => {
  backends.stop();
  cluster.end();
});

/** The addresses in the order in which they are tried, or why there is none. */
function next(service: string, port: string | number): string {
  const found = backends.next({ namespace: 'default', service, port });
  if (found.kind === 'none') return found.reason;
  return found.targets.map(({ host, port }) => `${host}:${port}`).join(' ');
}

describe('a backend', () => {
  test('is its endpoints in turn, each followed by the others', () => {
    expect(next('web', 80)).toBe('10.244.1.5:8080 10.244.2.5:8080');
    expect(next('web', 80)).toBe('10.244.2.5:8080 10.244.1.5:8080');
    expect(next('web', 80)).toBe('10.244.1.5:8080 10.244.2.5:8080');
  });

  test('is named by its port’s name or number', () => {
    expect(next('web', 'http')).toBe('10.244.1.5:8080 10.244.2.5:8080');
  });

  test.each([
    ['nothing', 80, 'service "default/nothing" not found'],
    ['web', 99, 'service "default/web" has no port 99'],
    ['web', 'grpc', 'service "default/web" has no port grpc'],
    ['web', 81, 'service "default/web" has no endpoints'],
  ])('that is not there: %s:%s', (service, port, reason) => {
    expect(next(service, port)).toBe(reason);
  });

  test('gets nothing once its endpoints have gone', async () => {
    expect(next('web', 80)).not.toContain('no endpoints');
    await cluster.removeSlice('default/web');
    await until(() => cluster.watch.slicesOf('default/web').length === 0);
    expect(next('web', 80)).toBe('service "default/web" has no endpoints');
  });

  test.each([
    ['www.example.com', 'www.example.com:80'],
    ['evil.example\r\nx: y', 'service "default/outside" names no host'],
  ])('outside of the cluster is the name itself: %j', async (externalName, wanted) => {
    const ports = [{ port: 80 }];
    await cluster.addService('default/outside', { type: 'ExternalName', externalName, ports });
    await until(() => cluster.watch.service('default/outside') !== undefined);
    expect(next('outside', 80)).toBe(wanted);
  });
});

test.each([
  [undefined, undefined],
  ['http', undefined],
  ['kubernetes.io/h2c', true],
  ['grpc', true],
])('of appProtocol %s', async (appProtocol, http2) => {
  const ports = [{ name: 'http', port: 80, ...(appProtocol !== undefined && { appProtocol }) }];
  await cluster.addService('default/api', { clusterIP: '10.96.5.6', ports });
  const slice = { ports: [{ name: 'http', port: 8080 }], at: ['10.244.1.9 n1'] };
  await cluster.addSlice('default/api', slice, 'api');
  await until(() => cluster.watch.slicesOf('default/api').length === 1);
  const found = backends.next({ namespace: 'default', service: 'api', port: 80 });
  const [target] = found.kind === 'targets' ? found.targets : [];
  expect([target?.host, target?.http2]).toEqual(['10.244.1.9', http2]);
});
