/** Addresses as objects: what the allocator writes, of which ranges, and what no crash or race leaves behind. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { IPAddress } from '../../../api/types/networking.js';
import type { StoreOp } from '../storage/store.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import { ServiceAllocator } from './allocator.js';

let bench: ApiBench;

beforeEach(async () => {
  bench = await ApiBench.create();
  const random = { ...bench.objects.random, below: () => 0 };
  const { watchCache } = bench;
  const ports = { first: 30000, last: 30003 };
  const now = (): string => bench.objects.now();
  const hook = new ServiceAllocator({ watchCache, ports, random, now });
  bench.objects.setWriteHook('services', hook);
  await bench.add(cidr('kubernetes', '10.0.0.0/30'));
});

const draft = (apiVersion: string, kind: string, metadata: object, more: object): Draft =>
  ({ apiVersion, kind, metadata, ...more }) as Draft;
const cidr = (name: string, ...cidrs: readonly string[]): Draft =>
  draft('networking.k8s.io/v1', 'ServiceCIDR', { name }, { spec: { cidrs } });
const service = (name: string, spec: object = {}): Draft =>
  draft('v1', 'Service', { name, namespace: 'ns' }, { spec });
const address = (name: string, parentRef: object): Draft =>
  draft('networking.k8s.io/v1', 'IPAddress', { name }, { spec: { parentRef } });
const ofService = (name: string): object => ({ resource: 'services', namespace: 'ns', name });

async function given(name: string, spec: object = {}): Promise<string | undefined> {
  await bench.add(service(name, spec));
  const { spec: made } = await bench.present<KubeObject & { spec: { clusterIP?: string } }>(
    service(name),
  );
  return made.clusterIP;
}

const names = (id: string): string[] =>
  [...bench.watchCache.cache(id).list()].map(({ name }) => name);
const ipAddresses = (): string[] => names('networking.k8s.io/ipaddresses');
const locks = (): string[] => names('serviceips');

test('a change that is only tried takes, fills in and gives back nothing', async () => {
  await given('s');
  const before = await bench.watchCache.fresh();
  const tried = await bench.objects.change(bench.place(service('s')), (old) => {
    const bare = { ...old, spec: { type: 'ExternalName' } };
    return { next: Object.freeze({ ...bare, spec: Object.freeze(bare.spec) }), isDry: true };
  });
  expect(tried.object).toMatchObject({ spec: { clusterIP: '10.0.0.1' } });
  expect(await bench.watchCache.fresh()).toBe(before);
  expect([ipAddresses(), locks()]).toEqual([['10.0.0.1'], ['10.0.0.1']]);
});

async function change(place: Draft, more: object): Promise<void> {
  await bench.objects.change(bench.place(place), (old) => ({
    next: { ...old, ...more, metadata: { ...old.metadata, ...(more as KubeObject).metadata } },
  }));
  await bench.watchCache.fresh();
}

const deletion = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
const condition = (status: string): object => ({
  status: { conditions: [{ type: 'Ready', status }] },
});

test('the IPAddress of a service says whose it is, and goes with it', async () => {
  expect(await given('s')).toBe('10.0.0.1');
  const made = await bench.present<IPAddress>(address('10.0.0.1', {}));
  expect(made).toMatchObject({
    metadata: {
      uid: expect.stringMatching(/^[-0-9a-f]{36}$/),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
      managedFields: [{ manager: 'kube-apiserver', operation: 'Update' }],
    },
    spec: { parentRef: ofService('s') },
  });
  await bench.remove(service('s'));
  expect([ipAddresses(), locks()]).toEqual([[], []]);
});

describe('a service and its address', () => {
  /** What each transaction changes. */
  function recorded(): string[][] {
    const seen: string[][] = [];
    const { store } = bench;
    const txn = store.txn.bind(store);
    store.txn = async (guards, ops: readonly StoreOp[]) => {
      const done = await txn(guards, ops);
      if (done.succeeded) seen.push(ops.map(({ type, key }) => `${type} ${key.slice(10)}`));
      return done;
    };
    return seen;
  }
  const object = 'networking.k8s.io/ipaddresses/10.0.0.1';

  test('come and go in one transaction, so that there is no between in which to crash', async () => {
    const seen = recorded();
    await given('s');
    await bench.remove(service('s'));
    expect(seen).toEqual([
      ['put services/ns/s', 'put serviceips/10.0.0.1', `put ${object}`],
      ['delete services/ns/s', 'delete serviceips/10.0.0.1', `delete ${object}`],
    ]);
  });

  test('are there together when the answer is lost, and the next gets another', async () => {
    const { store } = bench;
    const txn = store.txn.bind(store);
    store.txn = async (guards, ops) => {
      await txn(guards, ops);
      throw new Error('the answer is lost');
    };
    await expect(bench.add(service('s'))).rejects.toThrow('the answer is lost');
    store.txn = txn;
    expect(await given('t')).toBe('10.0.0.2');
    expect([names('services'), ipAddresses()]).toEqual([
      ['s', 't'],
      ['10.0.0.1', '10.0.0.2'],
    ]);
  });

  test('are of two services never, however many ask at once', async () => {
    await bench.add(cidr('more', '10.1.0.0/28'));
    const asked = Array.from({ length: 14 }, (_, n) => service(`s${n}`));
    await Promise.all(asked.map((each) => bench.objects.create(bench.place(each), { ...each })));
    await bench.watchCache.fresh();
    expect(new Set(ipAddresses()).size).toBe(14);
    expect(ipAddresses()).toEqual(locks());
  });
});

describe('an address', () => {
  test('that somebody has taken by an IPAddress is given to no service', async () => {
    await bench.add(address('10.0.0.1', { group: 'example.com', resource: 'gateways', name: 'g' }));
    expect(await given('s')).toBe('10.0.0.2');
    await expect(given('t', { clusterIP: '10.0.0.1' })).rejects.toThrow(
      'failed to allocate IP 10.0.0.1: provided IP is already allocated',
    );
  });

  test('stays that of its service when its IPAddress is deleted', async () => {
    await given('s');
    await bench.remove(address('10.0.0.1', {}));
    expect(await given('t')).toBe('10.0.0.2');
  });

  test.each<[string, object, object]>([
    ['is another’s', {}, { resource: 'gateways', name: 'g' }],
    ['has finalizers', { metadata: { finalizers: ['example.com/a'] } }, ofService('s')],
  ])('keeps its IPAddress when that %s', async (_, more, parentRef) => {
    await given('s');
    await bench.remove(address('10.0.0.1', {}));
    await bench.add(address('10.0.0.1', parentRef));
    await change(address('10.0.0.1', {}), more);
    await bench.remove(service('s'));
    expect([ipAddresses(), locks()]).toEqual([['10.0.0.1'], []]);
  });
});

describe('what is given back late', () => {
  const keys = {
    object: '/registry/networking.k8s.io/ipaddresses/10.0.0.1',
    lock: '/registry/serviceips/10.0.0.1',
    port: '/registry/servicenodeports/30000',
  };
  /** Another server's writes, which the cache does not show yet. */
  const put = async (key: string, value: object): Promise<void> => {
    await bench.store.txn([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(value)) }]);
  };
  const removeNow = async (name: string): Promise<void> => {
    await bench.objects.change(bench.place(service(name)), () => ({ next: undefined }));
    await bench.watchCache.fresh();
  };
  const allocation = (name: string, owner: string): object => ({
    kind: 'Allocation',
    apiVersion: 'internal.trireme/v1',
    metadata: { name, annotations: { service: owner } },
  });

  test('stays with whoever has it by now', async () => {
    await given('s', { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] });
    await put(keys.object, address('10.0.0.1', { resource: 'gateways', name: 'g' }));
    await removeNow('s');
    expect([ipAddresses(), locks(), names('servicenodeports')]).toEqual([['10.0.0.1'], [], []]);
  });

  test('stays with a service that holds it, the ports as well', async () => {
    await given('s', { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] });
    await put(keys.lock, allocation('10.0.0.1', 'ns/t'));
    await put(keys.port, allocation('30000', 'ns/t'));
    await removeNow('s');
    expect([ipAddresses(), locks(), names('servicenodeports')]).toEqual([
      [],
      ['10.0.0.1'],
      ['30000'],
    ]);
  });

  test('goes though the cache does not show it yet', async () => {
    const made = service('s', { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] });
    await bench.objects.create(bench.place(made), { ...made });
    await removeNow('s');
    expect([ipAddresses(), locks(), names('servicenodeports')]).toEqual([[], [], []]);
  });
});

describe('the ranges', () => {
  const full = 'failed to allocate a serviceIP: range is full';

  test('are those of all ServiceCIDRs, the default one first', async () => {
    await bench.add(cidr('a', '2001:db8::/64', '10.1.0.0/30'));
    const seen: (string | undefined)[] = [];
    for (const name of ['s', 't', 'u', 'v']) seen.push(await given(name));
    expect(seen).toEqual(['10.0.0.1', '10.0.0.2', '10.1.0.1', '10.1.0.2']);
    await expect(given('w')).rejects.toThrow(full);
  });

  test.each<[string, object]>([
    ['is not ready', condition('False')],
    ['is being deleted', deletion],
  ])('leave out a ServiceCIDR that %s', async (_, more) => {
    await change(cidr('kubernetes'), more);
    await expect(given('s')).rejects.toThrow(full);
    await expect(given('s', { clusterIP: '10.0.0.2' })).rejects.toThrow(
      'the provided network does not match the current range',
    );
    // The same range of another one counts, and so does one of which nothing is said yet.
    await bench.add(cidr('again', '10.0.0.0/30'));
    expect(await given('s')).toBe('10.0.0.1');
  });

  test.each(['10.1.0.1/32', '10.1.0.0/31'])('have no address of %s', async (range) => {
    await bench.add(cidr('small', range));
    await given('s');
    await given('t');
    await expect(given('u')).rejects.toThrow(full);
  });

  test('give nothing of one whose deletion another server has begun', async () => {
    const key = '/registry/networking.k8s.io/servicecidrs/kubernetes';
    const { kv } = await bench.store.get(key);
    const marked = JSON.parse(String(kv?.value)) as KubeObject;
    Object.assign(marked.metadata, deletion.metadata);
    // The cache does not show it yet when the service asks.
    await bench.store.txn([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(marked)) }]);
    await expect(
      bench.objects.create(bench.place(service('s')), { ...service('s') }),
    ).rejects.toThrow(full);
    expect(ipAddresses()).toEqual([]);
  });
});
