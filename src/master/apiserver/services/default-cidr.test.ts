import { beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { ServiceCIDR } from '../../../api/types/networking.js';
import { Writer } from '../registry/writer.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { Draft } from '../testkit/api-bench.js';
import { parseRange } from './address-range.js';
import { DefaultServiceCidr } from './default-cidr.js';

let bench: ApiBench;
let keeper: DefaultServiceCidr;

const draft: Draft = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
};

beforeEach(async () => {
  bench = await ApiBench.create();
  const { kinds, objects } = bench;
  const nothing = async (): Promise<void> => undefined;
  const admission = { mutate: nothing, validate: nothing };
  const writer = new Writer({ objects, admission, mayCreate: nothing });
  keeper = new DefaultServiceCidr({ kinds, objects, writer }, parseRange('10.96.7.9/24'));
});

const present = (): Promise<ServiceCIDR> => bench.present<ServiceCIDR>(draft);
const ready = {
  type: 'Ready',
  status: 'True',
  reason: '',
  message: 'Kubernetes default Service CIDR is ready',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

test('it is made of the range, and told to be ready, once', async () => {
  await keeper.sync();
  const made = await present();
  expect(made.spec.cidrs).toEqual(['10.96.7.0/24']);
  expect(made.status?.conditions).toEqual([ready]);
  await keeper.sync();
  expect((await present()).metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  await bench.remove(draft);
  await keeper.sync();
  expect((await present()).metadata.uid).not.toBe(made.metadata.uid);
});

test.each<[string, object]>([
  ['has another range', { spec: { cidrs: ['10.0.0.0/24'] } }],
  ['is said not to be ready', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }],
  ['is being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
])('one that %s stays as it is', async (_, more) => {
  await bench.add({ ...draft, spec: { cidrs: ['10.96.7.0/24'] } } as Draft);
  await bench.objects.change(bench.place(draft), (old) => {
    const metadata = { ...old.metadata, ...(more as KubeObject).metadata };
    return { next: { ...old, ...more, metadata } };
  });
  await bench.watchCache.fresh();
  const before = await present();
  await keeper.sync();
  expect(await present()).toEqual(before);
});
