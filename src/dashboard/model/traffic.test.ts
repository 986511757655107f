import { describe, expect, test } from '@jest/globals';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice, Ingress } from '../../api/types/networking.js';
import { afterEvents, objectsKept, objectsOf } from './object-list.js';
import { trafficOf } from './traffic.js';

function service(spec: Service['spec']): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'd' }, spec };
}

const slice = {
  metadata: { name: 'web-1' },
  addressType: 'IPv4',
  ports: [{ port: 8080 }],
  endpoints: [
    {
      addresses: ['10.1.0.5'],
      nodeName: 'w2',
      targetRef: { kind: 'Pod', name: 'web-b' },
      conditions: { ready: false },
    },
    {
      addresses: ['10.1.0.4'],
      nodeName: 'w1',
      targetRef: { kind: 'Pod', name: 'web-a' },
      conditions: { ready: true },
    },
    {
      addresses: ['10.1.0.6'],
      targetRef: { kind: 'Pod', name: 'web-c' },
      conditions: { ready: false, serving: true, terminating: true },
    },
    { addresses: ['192.0.2.1'], conditions: {} },
  ],
} as unknown as EndpointSlice;

const ingress = {
  metadata: { name: 'front' },
  spec: {
    defaultBackend: { service: { name: 'other' } },
    rules: [
      {
        host: 'a.example',
        http: { paths: [{ path: '/x', backend: { service: { name: 'web' } } }] },
      },
      {
        http: {
          paths: [
            { backend: { service: { name: 'web' } } },
            { path: '/o', backend: { service: { name: 'other' } } },
          ],
        },
      },
    ],
  },
} as unknown as Ingress;

describe('the traffic of a service', () => {
  test.each([
    ['all', [{ ready: true }, {}], '2 ready', 'good'],
    ['some', [{ ready: true }, { ready: false }], '1 ready, 1 not', 'busy'],
    ['none', [{ ready: false }], '0 ready, 1 not', 'bad'],
    [
      'one that ends',
      [{ ready: false, serving: true, terminating: true }],
      '0 ready, 1 not',
      'bad',
    ],
    ['nobody', [], '0 ready', 'bad'],
  ])('is listed in slices: %s', (_, conditions, text, tone) => {
    const endpoints = conditions.map((one) => ({ addresses: ['10.1.0.9'], conditions: one }));
    const listed = (name: string): EndpointSlice => ({ ...slice, metadata: { name }, endpoints });
    const { slices } = trafficOf(service({ ports: [] }), [listed('web-2'), listed('web-1')], []);
    expect(slices).toEqual([
      { name: 'web-1', text, tone },
      { name: 'web-2', text, tone },
    ]);
  });

  test('goes from where it enters, by its ports, to the pods', () => {
    const spec = {
      clusterIP: '10.96.0.7',
      selector: { app: 'web' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080, nodePort: 30_080 },
        { port: 53, protocol: 'UDP' },
      ],
    };
    const traffic = trafficOf(service(spec), [slice], [ingress]);
    expect(traffic.entries.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'Ingress front: a.example/x',
      'Ingress front: */',
      'Port of every node: 30080',
      'Cluster address: 10.96.0.7',
    ]);
    expect(traffic.ports).toEqual(['http: 80/TCP → 8080', '53/UDP → 53']);
    expect(traffic.selector).toBe('app=web');
    expect(
      traffic.backends.map(({ pod, address, node, state, tone }) => [
        pod,
        address,
        node,
        state,
        tone,
      ]),
    ).toEqual([
      ['', '192.0.2.1', '', 'gets traffic', 'good'],
      ['web-a', '10.1.0.4', 'w1', 'gets traffic', 'good'],
      ['web-b', '10.1.0.5', 'w2', 'not ready: gets nothing', 'bad'],
      ['web-c', '10.1.0.6', '', 'ends, still serves', 'busy'],
    ]);
  });

  test('is said where there is no address, or only another name', () => {
    const headless = trafficOf(service({ clusterIP: 'None' }), [], []);
    expect(headless.entries).toEqual([
      { kind: 'Cluster address', text: 'none: its name leads to the pods' },
    ]);
    const named = trafficOf(service({ type: 'ExternalName', externalName: 'db.example' }), [], []);
    expect(named).toMatchObject({
      entries: [{ kind: 'Other name', text: 'db.example' }],
      ports: [],
    });
  });
});

test('a list of objects follows its watch, and is bounded', () => {
  const object = (name: string, label = ''): Service => ({
    ...service({}),
    metadata: { name, namespace: 'd', labels: { label } },
  });
  let list = objectsOf([object('a'), object('b')]);
  list = afterEvents(list, [
    { type: 'ADDED', object: object('c') },
    { type: 'MODIFIED', object: object('a', 'new') },
    { type: 'DELETED', object: object('b') },
    { type: 'BOOKMARK', object: object('') },
  ]);
  expect([...list.keys()]).toEqual(['d/a', 'd/c']);
  expect(list.get('d/a')?.metadata.labels).toEqual({ label: 'new' });
  const many = Array.from({ length: objectsKept + 5 }, (_, n) => object(`n${n}`));
  const full = objectsOf(many);
  expect(full.size).toBe(objectsKept);
  expect(afterEvents(full, [{ type: 'ADDED', object: object('z') }]).size).toBe(objectsKept);
});
