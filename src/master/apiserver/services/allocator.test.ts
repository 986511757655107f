import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Service } from '../../../api/types/core.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import { addressNumber, addressText, parseRange } from './address-range.js';
import { ServiceAllocator } from './allocator.js';

let bench: ApiBench;
/** The next places at which a search begins; 0 when there are no more. */
let draws: number[];

async function setUp(cidr = '10.0.0.0/28', first = 30000, last = 30003): Promise<void> {
  bench = await ApiBench.create();
  useAllocator(first, last);
  await bench.add(cidrDraft('kubernetes', cidr));
}

function useAllocator(first: number, last: number): void {
  draws = [];
  const random = { ...bench.objects.random, below: (n: number) => (draws.shift() ?? 0) % n };
  const { watchCache } = bench;
  const now = (): string => bench.objects.now();
  bench.objects.setWriteHook(
    'services',
    new ServiceAllocator({ watchCache, ports: { first, last }, random, now }),
  );
}
beforeEach(() => setUp());

const cidrDraft = (name: string, ...cidrs: readonly string[]): Draft =>
  ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name },
    spec: { cidrs },
  }) as Draft;

const draft = (name: string, spec: object = {}): Draft =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns' },
    spec,
  }) as Draft;

async function make(name: string, spec: object = {}): Promise<Service['spec']> {
  await bench.add(draft(name, spec));
  return (await bench.present<Service>(draft(name))).spec;
}

async function change(
  name: string,
  spec: (old: Service['spec']) => object,
): Promise<Service['spec']> {
  await bench.objects.change(bench.place(draft(name)), (old) => ({
    next: { ...old, spec: spec((old as Service).spec) } as KubeObject,
  }));
  await bench.watchCache.fresh();
  return (await bench.present<Service>(draft(name))).spec;
}

/** What is handed out at present. */
const handedOut = (): string[] =>
  ['serviceips', 'servicenodeports'].flatMap((id) =>
    [...bench.watchCache.cache(id).list()].map((entry) => entry.key),
  );

const port = (number: number, more: object = {}): object => ({
  port: number,
  protocol: 'TCP',
  ...more,
});
const nodePorts = ({ ports }: Service['spec']): unknown => ports?.map(({ nodePort }) => nodePort);

describe('the address of a service', () => {
  test('is one from above those that are kept for who asks, while there is one', async () => {
    // Of sixteen, half are kept; the first and the last are no addresses of services.
    const given: (string | undefined)[] = [];
    for (let at = 0; at < 14; at++) given.push((await make(`s${at}`)).clusterIP);
    const numbers = given.map((address) => Number(address?.split('.')[3]));
    expect(numbers).toEqual([9, 10, 11, 12, 13, 14, 1, 2, 3, 4, 5, 6, 7, 8]);
    await expect(make('one-more')).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining('failed to allocate a serviceIP: range is full'),
    });
  });

  test('begins its search anywhere', async () => {
    draws = [3];
    expect((await make('s')).clusterIP).toBe('10.0.0.12');
  });

  test('is the one that is asked for, said in both fields', async () => {
    expect(await make('s', { clusterIP: '10.0.0.2' })).toMatchObject({
      clusterIP: '10.0.0.2',
      clusterIPs: ['10.0.0.2'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    expect((await make('t', { clusterIPs: ['10.0.0.3'] })).clusterIP).toBe('10.0.0.3');
    expect(handedOut()).toEqual(['10.0.0.2', '10.0.0.3']);
  });

  test('is none of a headless one, nor of an external name', async () => {
    expect((await make('s', { clusterIP: 'None' })).clusterIPs).toEqual(['None']);
    const external = { type: 'ExternalName', externalName: 'a.example.com' };
    const named = await make('t', { ...external, clusterIP: '10.0.0.2', ipFamilies: ['IPv4'] });
    expect(named).toEqual(external);
    expect(handedOut()).toEqual([]);
  });

  const head = (address: string): string =>
    `Service "t" is invalid: spec.clusterIPs: Invalid value: []string{"${address}"}: ` +
    `failed to allocate IP ${address}: `;
  const outside = (address: string): string =>
    `${head(address)}the provided network does not match the current range`;
  test.each([
    ['10.0.0.2', `${head('10.0.0.2')}provided IP is already allocated`],
    ['10.0.0.0', outside('10.0.0.0')],
    ['10.0.0.15', outside('10.0.0.15')],
    ['10.0.1.1', outside('10.0.1.1')],
    // Another spelling of an address that is taken.
    ['10.0.0.002', outside('10.0.0.002')],
    ['::1', outside('::1')],
  ])('is not %s', async (address, message) => {
    await make('s', { clusterIP: '10.0.0.2' });
    await expect(make('t', { clusterIP: address })).rejects.toMatchObject({ code: 422, message });
  });

  test.each<[object, string]>([
    [
      { ipFamilyPolicy: 'RequireDualStack' },
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": ' +
        'this cluster is not configured for dual-stack services',
    ],
    [
      { ipFamilies: ['IPv4', 'IPv6'] },
      'spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster',
    ],
  ])('is none of the sixth version: %j', async (spec, text) => {
    const message = `Service "t" is invalid: ${text}`;
    await expect(make('t', spec)).rejects.toMatchObject({ code: 422, message });
    const own = { ...spec, clusterIP: 'None' };
    expect((await make('t', own)).clusterIPs).toEqual(['None']);
  });

  test.each<object>([{ ipFamilyPolicy: 'RequireDualStack' }, { ipFamilies: ['IPv4', 'IPv6'] }])(
    'stays with a service that an earlier build let be %j',
    async (spec) => {
      const hook = { plan: () => ({ guards: [], ops: [] }), pretend: () => undefined };
      bench.objects.setWriteHook('services', hook);
      await make('s', { ...spec, clusterIP: '10.0.0.9', clusterIPs: ['10.0.0.9'] });
      useAllocator(30000, 30003);
      const selector = { a: 'b' };
      expect(await change('s', (old) => ({ ...old, selector }))).toMatchObject({
        ...spec,
        selector,
      });
    },
  );

  test('is given back at its end, and when it is a name only', async () => {
    await make('s', { clusterIP: '10.0.0.2' });
    await make('t', { clusterIP: '10.0.0.3' });
    await bench.remove(draft('s'));
    expect(handedOut()).toEqual(['10.0.0.3']);
    await change('t', (old) => ({ ...old, type: 'ExternalName', externalName: 'a.b' }));
    expect(handedOut()).toEqual([]);
    expect((await make('u', { clusterIP: '10.0.0.2' })).clusterIP).toBe('10.0.0.2');
  });

  test('stays through updates that do not say it', async () => {
    await make('s', { clusterIP: '10.0.0.2' });
    const { clusterIP } = await change('s', () => ({ selector: { a: 'b' } }));
    expect(clusterIP).toBe('10.0.0.2');
    expect(handedOut()).toEqual(['10.0.0.2']);
  });

  test('is given once, however stale the cache of who gives it', async () => {
    // Another server has written the key, and this one's cache does not show it yet.
    await bench.store.txn([], [{ type: 'put', key: '/registry/serviceips/10.0.0.9', value: lock }]);
    expect((await make('s')).clusterIP).toBe('10.0.0.10');
    await bench.store.txn([], [{ type: 'put', key: ipAddressKey('10.0.0.11'), value: reserved }]);
    expect((await make('t')).clusterIP).toBe('10.0.0.12');
  });
});

const lock = Buffer.from(
  '{"kind":"Allocation","apiVersion":"internal.trireme/v1","metadata":{"name":"10.0.0.9"}}',
);
const reserved = Buffer.from(
  '{"kind":"IPAddress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"10.0.0.11"},' +
    '"spec":{"parentRef":{"resource":"gateways","name":"g"}}}',
);
const ipAddressKey = (address: string): string =>
  `/registry/networking.k8s.io/ipaddresses/${address}`;

describe('the ports of a service', () => {
  test('are handed out to those that nodes open, and to no others', async () => {
    expect(nodePorts(await make('a', { ports: [port(80)] }))).toEqual([undefined]);
    const own = await make('b', { type: 'NodePort', ports: [port(80), port(443)] });
    expect(nodePorts(own)).toEqual([30000, 30001]);
    const none = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [port(80)] };
    expect(nodePorts(await make('c', none))).toEqual([undefined]);
    const balanced = await make('d', { type: 'LoadBalancer', ports: [port(80)] });
    expect(nodePorts(balanced)).toEqual([30002]);
  });

  test('are not given twice in one service, to whichever port asks for a number', async () => {
    const ports = [port(80), port(443, { nodePort: 30000 })];
    expect(nodePorts(await make('s', { type: 'NodePort', ports }))).toEqual([30001, 30000]);
    const both = [port(53, { nodePort: 30002 }), port(53, { nodePort: 30002, protocol: 'UDP' })];
    expect(nodePorts(await make('dns', { type: 'NodePort', ports: both }))).toEqual([30002, 30002]);
  });

  test('of a check of health is another one than those of the service', async () => {
    const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
    const spec = await make('s', { ...local, ports: [port(80), port(443)] });
    expect([...(nodePorts(spec) as number[]), spec.healthCheckNodePort]).toEqual([
      30000, 30001, 30002,
    ]);
    const cluster = await change('s', (old) => ({ ...old, externalTrafficPolicy: 'Cluster' }));
    expect(cluster.healthCheckNodePort).toBeUndefined();
    expect(handedOut()).not.toContain('30002');
  });

  test('stay through updates that do not say them, and are given back with their kind', async () => {
    await make('s', { type: 'NodePort', ports: [port(80, { nodePort: 30002 })] });
    const more = await change('s', (old) => ({ ...old, ports: [port(443), port(80)] }));
    expect(nodePorts(more)).toEqual([30000, 30002]);
    const inside = await change('s', (old) => ({ ...old, type: 'ClusterIP' }));
    expect(nodePorts(inside)).toEqual([undefined, undefined]);
    expect(handedOut()).toEqual([inside.clusterIP]);
  });

  const head = (number: number): string =>
    `Service "t" is invalid: spec.ports[0].nodePort: Invalid value: ${number}: `;
  test.each([
    [30001, `${head(30001)}provided port is already allocated`],
    [
      29999,
      `${head(29999)}provided port is not in the valid range. The range of valid ports is 30000-30003`,
    ],
    [
      30004,
      `${head(30004)}provided port is not in the valid range. The range of valid ports is 30000-30003`,
    ],
  ])('are not %d', async (number, message) => {
    await make('s', { type: 'NodePort', ports: [port(80, { nodePort: 30001 })] });
    const asks = { type: 'NodePort', ports: [port(80, { nodePort: number })] };
    await expect(make('t', asks)).rejects.toMatchObject({ code: 422, message });
  });

  test('come to an end', async () => {
    await make('s', { type: 'NodePort', ports: [1, 2, 3, 4].map((number) => port(number)) });
    await expect(make('t', { type: 'NodePort', ports: [port(80)] })).rejects.toThrow(
      'failed to allocate a nodePort: range is full',
    );
    await bench.remove(draft('s'));
    expect(nodePorts(await make('t', { type: 'NodePort', ports: [port(80)] }))).toEqual([30000]);
  });
});

describe('a range of addresses', () => {
  test.each([
    ['10.96.0.0/16', '10.96.0.0', 65536],
    ['10.96.7.9/24', '10.96.7.0', 256],
    ['10.0.0.0/30', '10.0.0.0', 4],
    ['255.0.0.0/8', '255.0.0.0', 16777216],
  ])('%s', (cidr, first, size) => {
    const range = parseRange(cidr);
    expect([addressText(range.first), range.size]).toEqual([first, size]);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/7',
    '10.0.0.0/31',
    '10.0.0.0/8.5',
    '10.0.0/8',
    '::/64',
    '',
  ])('is not %j', (cidr) => {
    expect(() => parseRange(cidr)).toThrow(`${cidr} is no IPv4 range between /8 and /30`);
  });

  test.each([
    '256.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.00',
    '1.2.3.-4',
    '1.2.3.4 ',
    '',
  ])('%j is no address', (text) => {
    expect(addressNumber(text)).toBeUndefined();
  });
});
