import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';
import { dnsKey } from './plan.js';

const address = '10.96.0.10';
let running: RunningControllers;

beforeEach(async () => {
  running = await runControllers(['cluster-dns-controller'], { clusterDns: address });
});
afterEach(() => running.stop());

const untilSlice = (holds: (slice: EndpointSlice) => boolean = () => true) =>
  running.untilObject<EndpointSlice>(resources.endpointSlices, dnsKey, holds);
const untilService = (holds: (service: Service) => boolean = () => true) =>
  running.untilObject<Service>(resources.services, dnsKey, holds);

test('the Service has the address at which nodes answer, and leads there', async () => {
  const slice = await untilSlice();
  expect((await untilService()).spec).toMatchObject({
    clusterIP: address,
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
  });
  expect((await untilService()).metadata.labels).toMatchObject({ 'k8s-app': 'kube-dns' });
  expect(slice).toMatchObject({
    metadata: { labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
  });
});

test('what is taken away or changed comes back', async () => {
  const { metadata } = await untilSlice();
  const changed = { ...(await untilSlice()), metadata, endpoints: [] };
  await running.api.update(resources.endpointSlices, changed);
  await untilSlice(({ endpoints }) => endpoints?.length === 1);
  const before = (await untilService()).metadata.uid;
  await running.api.delete(resources.services, dnsKey);
  const { metadata: again } = await untilService(({ metadata: { uid } }) => uid !== before);
  await untilSlice(({ metadata: { ownerReferences } }) => ownerReferences?.[0]?.uid === again.uid);
});

test('a name server that somebody puts behind the Service gets it', async () => {
  await untilSlice();
  const service = await untilService();
  const selector = { 'k8s-app': 'kube-dns' };
  await running.api.update(resources.services, { ...service, spec: { ...service.spec, selector } });
  await running.until('our endpoints are gone', async () => {
    const { items } = await running.api.list(resources.endpointSlices);
    return items.length === 0 ? true : undefined;
  });
  expect((await untilService()).spec.selector).toEqual(selector);
});
