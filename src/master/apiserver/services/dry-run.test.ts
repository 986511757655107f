/** What a dry run of a service shows, through the writer as requests go. */
import { beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Service } from '../../../api/types/core.js';
import { Writer } from '../registry/writer.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import { ServiceAllocator } from './allocator.js';

let bench: ApiBench;
let writer: Writer;
const nothing = async (): Promise<void> => undefined;

beforeEach(async () => {
  bench = await ApiBench.create();
  const { watchCache, objects } = bench;
  const ports = { first: 30000, last: 32767 };
  const random = { ...objects.random, below: () => 0 };
  const hook = new ServiceAllocator({ watchCache, ports, random, now: () => objects.now() });
  objects.setWriteHook('services', hook);
  const admission = { mutate: nothing, validate: nothing };
  writer = new Writer({ objects, admission, mayCreate: nothing });
  const spec = { cidrs: ['10.0.0.0/28'] };
  const metadata = { name: 'kubernetes' };
  await bench.add({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata,
    spec,
  } as Draft);
});

const service = (given: object): Draft & KubeObject => {
  const metadata = { name: 's', namespace: 'ns' };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: structuredClone(given) } as Draft &
    KubeObject;
};
const ports = [
  { name: 'web', port: 80, protocol: 'TCP' },
  { name: 'tls', port: 443, protocol: 'TCP' },
];

async function tried(spec: object): Promise<Service['spec']> {
  const draft = service(spec);
  const { object } = await writer.create(bench.context(draft, { dryRun: true }), draft);
  return (object as Service).spec;
}

test('a creation shows an address and ports, which nobody keeps', async () => {
  const before = await bench.watchCache.fresh();
  const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports };
  expect(await tried(local)).toMatchObject({
    clusterIP: '10.0.0.0',
    clusterIPs: ['10.0.0.0'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ nodePort: 32769 }, { nodePort: 32770 }],
    healthCheckNodePort: 32771,
  });
  expect(await bench.watchCache.fresh()).toBe(before);
});

test('what is asked for is shown, or refused as it would be', async () => {
  const asked = {
    clusterIP: '10.0.0.5',
    type: 'NodePort',
    ports: [{ ...ports[0], nodePort: 30001 }],
  };
  expect(await tried(asked)).toMatchObject({
    clusterIPs: ['10.0.0.5'],
    ports: [{ nodePort: 30001 }],
  });
  await expect(tried({ clusterIP: '10.1.0.1', ports })).rejects.toThrow(
    'the provided network does not match the current range',
  );
});

test('a change shows what it would bring', async () => {
  await writer.create(bench.context(service({ ports })), service({ ports }));
  const before = await bench.watchCache.fresh();
  const { object } = await writer.update(bench.context(service({}), { dryRun: true }), {
    createsMissing: false,
    tracksFields: false,
    next: (old) => {
      const next = structuredClone(old) as Service;
      next.spec.type = 'NodePort';
      return next;
    },
  });
  expect((object as Service).spec).toMatchObject({
    clusterIP: '10.0.0.9',
    ports: [{ nodePort: 32769 }, { nodePort: 32770 }],
  });
  expect(await bench.watchCache.fresh()).toBe(before);
});
