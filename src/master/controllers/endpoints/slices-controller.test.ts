/** The class around the plan: which changes count, and which slices are written. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Pod, Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

let running: RunningControllers;
beforeEach(async () => {
  running = await runControllers(['endpointslice-controller']);
});
afterEach(() => running.stop());

const namespace = 'ns';
const service = (name: string, more: object = {}): Service => ({
  metadata: { name, namespace, labels: { tier: 'front' } },
  spec: {
    clusterIP: '10.96.0.1',
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    ...more,
  },
});

function pod(name: string, address: string, more: object = {}): Pod {
  return {
    metadata: { name, namespace, labels: { app: 'web' }, ...more },
    spec: { nodeName: 'n1', containers: [] },
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

const slices = async (): Promise<EndpointSlice[]> =>
  (await running.api.list<EndpointSlice>(resources.endpointSlices, { namespace })).items;

/** The endpoints of all slices of the service, as `address ready`. */
async function endpoints(of = 'web'): Promise<string[]> {
  return (await slices())
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === of)
    .flatMap((slice) => slice.endpoints ?? [])
    .map(({ addresses, conditions }) => `${addresses?.join() ?? ''} ${String(conditions?.ready)}`)
    .toSorted();
}

const untilEndpoints = (...wanted: string[]): Promise<true> =>
  running.until(`the endpoints are ${wanted.join()}`, async () =>
    (await endpoints()).join() === wanted.join() ? true : undefined,
  );

async function makePods(...pods: Pod[]): Promise<void> {
  for (const made of pods) await running.api.create(resources.pods, made);
}

test('the pods that a service selects are its endpoints, in a slice of its own', async () => {
  await makePods(
    pod('a', '10.0.0.1'),
    pod('b', '10.0.0.2', { labels: { app: 'other' } }),
    pod('c', '10.0.0.3', { namespace: 'other' }),
  );
  const { metadata } = await running.api.create(resources.services, service('web'));
  await untilEndpoints('10.0.0.1 true');
  const [slice] = await slices();
  expect(slice).toMatchObject({
    metadata: {
      generateName: 'web-',
      labels: {
        tier: 'front',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name: 'web', uid: metadata.uid, controller: true },
      ],
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ nodeName: 'n1', targetRef: { kind: 'Pod', name: 'a', namespace } }],
  });
});

test('what changes of a pod changes its endpoint', async () => {
  const { api } = running;
  await api.create(resources.services, service('web'));
  await makePods(pod('a', '10.0.0.1'), pod('b', '10.0.0.2'));
  await untilEndpoints('10.0.0.1 true', '10.0.0.2 true');
  const key = { namespace, name: 'a' };
  const change = (change: object, subresource?: string): Promise<unknown> =>
    api.patch(
      resources.pods,
      key,
      'application/merge-patch+json',
      change,
      subresource === undefined ? {} : { subresource },
    );
  await change({ status: { conditions: [{ type: 'Ready', status: 'False' }] } }, 'status');
  await untilEndpoints('10.0.0.1 false', '10.0.0.2 true');
  await change({ status: { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] } }, 'status');
  await untilEndpoints('10.0.0.2 true', '10.0.0.9 false');
  // It leaves the service by its labels, and comes back.
  await change({ metadata: { labels: { app: 'other' } } });
  await untilEndpoints('10.0.0.2 true');
  await change({ metadata: { labels: { app: 'web' } } });
  await untilEndpoints('10.0.0.2 true', '10.0.0.9 false');
  await change({ status: { phase: 'Succeeded' } }, 'status');
  await untilEndpoints('10.0.0.2 true');
  await api.delete(resources.pods, { namespace, name: 'b' }, { gracePeriodSeconds: 0 });
  await untilEndpoints();
});

test('slices are written again when somebody else has changed them, and only ours', async () => {
  const { api } = running;
  await makePods(pod('a', '10.0.0.1'));
  const alien: EndpointSlice = {
    metadata: { name: 'alien', namespace, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.1'] }],
    ports: [],
  };
  await api.create(resources.endpointSlices, alien);
  await api.create(resources.services, service('web'));
  await untilEndpoints('10.0.0.1 true', '192.0.2.1 undefined');
  const ours = (await slices()).find(({ metadata }) => metadata.name !== 'alien');
  if (ours === undefined) throw new Error('no slice');
  await api.update(resources.endpointSlices, {
    ...ours,
    metadata: { ...ours.metadata, labels: { ...ours.metadata.labels, tier: 'back' } },
    endpoints: [],
  });
  await untilEndpoints('10.0.0.1 true', '192.0.2.1 undefined');
  const mended = await api.get<EndpointSlice>(resources.endpointSlices, ours.metadata);
  expect(mended.metadata.labels?.['tier']).toBe('front');
  await api.delete(resources.services, { namespace, name: 'web' });
  await running.until('ours are gone', async () =>
    (await slices()).map(({ metadata }) => metadata.name).join() === 'alien' ? true : undefined,
  );
});

test('a service without a selector, or that is a name, has no slices of ours', async () => {
  const { api } = running;
  await makePods(pod('a', '10.0.0.1'));
  await api.create(resources.services, service('none', { selector: undefined }));
  await api.create(
    resources.services,
    service('name', { type: 'ExternalName', externalName: 'a.b', clusterIP: undefined }),
  );
  await api.create(resources.services, service('web'));
  await untilEndpoints('10.0.0.1 true');
  expect(await endpoints('none')).toEqual([]);
  expect(await endpoints('name')).toEqual([]);
});

test('as many slices as it takes', async () => {
  const { api } = running;
  const count = 150;
  for (let at = 0; at < count; at++) await makePods(pod(`p${at}`, `10.0.1.${at}`));
  await api.create(resources.services, service('web'));
  await running.until('all have endpoints', async () =>
    (await endpoints()).length === count ? true : undefined,
  );
  const sizes = (await slices()).map((slice) => slice.endpoints?.length ?? 0);
  expect(sizes.toSorted((a, b) => b - a)).toEqual([100, 50]);
});
