import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { delay, systemClock } from '../../../lib/clock.js';
import type { KubeObject } from '../../../api/object.js';
import type { AdmissionRequest } from '../registry/types.js';
import { Writer } from '../registry/writer.js';
import { ApiBench } from '../testkit/api-bench.js';
import { parseRange } from './address-range.js';
import { ServiceAllocator } from './allocator.js';
import { DefaultServiceCidr } from './default-cidr.js';
import { KubernetesService } from './kubernetes-service.js';

let bench: ApiBench;
let keeper: KubernetesService;
/** Kinds that admission refuses. */
let refused: Set<string>;
const real = systemClock({ unref: true });
const nothing = async (): Promise<void> => undefined;

beforeEach(async () => {
  bench = await ApiBench.create();
  refused = new Set();
  const { kinds, objects, watchCache } = bench;
  const ports = { first: 30000, last: 30003 };
  const { random } = objects;
  const hook = new ServiceAllocator({ watchCache, ports, random, now: () => objects.now() });
  objects.setWriteHook('services', hook);
  const mutate = async ({ context }: AdmissionRequest): Promise<void> => {
    if (refused.has(context.target.kind.kind)) throw new Error('refused');
  };
  const writer = new Writer({
    objects,
    admission: { mutate, validate: nothing },
    mayCreate: nothing,
  });
  const deps = { kinds, objects, writer };
  const range = parseRange('10.0.0.0/24');
  const serviceCidr = new DefaultServiceCidr(deps, range);
  keeper = new KubernetesService({ deps, range, serviceCidr, address: '192.0.2.1', port: 6443 });
});

afterEach(() => keeper.stop());

const draft = (apiVersion: string, kind: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'kubernetes', namespace: 'default' },
});
const service = draft('v1', 'Service');
const isThere = (one: KubeObject): boolean =>
  bench.objects.cached(bench.place(one as Parameters<ApiBench['place']>[0])) !== undefined;

/** Lets time go on until it is so. */
async function passes(isSo: () => boolean): Promise<void> {
  const endMs = real.monotonicMs() + 10_000;
  while (!isSo()) {
    if (real.monotonicMs() > endMs) throw new Error('waited in vain');
    bench.clock.advance(1_000);
    await delay(real, 1);
  }
}

test('the endpoints are there without a range of addresses, the service when there is one', async () => {
  refused.add('ServiceCIDR');
  await keeper.start();
  await bench.watchCache.fresh();
  const endpoints = draft('v1', 'Endpoints');
  expect(await bench.present(endpoints as Parameters<ApiBench['present']>[0])).toMatchObject({
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6443 }] }],
  });
  expect([isThere(draft('discovery.k8s.io/v1', 'EndpointSlice')), isThere(service)]).toEqual([
    true,
    false,
  ]);
  refused.clear();
  await passes(() => isThere(service));
});

test('a service that was deleted comes back', async () => {
  await keeper.start();
  await bench.watchCache.fresh();
  await bench.remove(service as Parameters<ApiBench['remove']>[0]);
  expect(isThere(service)).toBe(false);
  await passes(() => isThere(service));
});
