import { expect, test } from '@jest/globals';
import type { KubeObject } from '../object.js';
import type { Service } from '../types/core.js';
import { applyDefaults, prepareUpdate, validateSubresourceUpdate } from '../strategy.js';
import { serviceKind } from './service.js';

test.each<[string, object, object]>([
  ['LoadBalancer', { ip: '203.0.113.1' }, { ip: '203.0.113.1', ipMode: 'VIP' }],
  ['LoadBalancer', { ip: '203.0.113.1', ipMode: 'Proxy' }, { ip: '203.0.113.1', ipMode: 'Proxy' }],
  ['LoadBalancer', { hostname: 'a.example.com' }, { hostname: 'a.example.com' }],
  ['ClusterIP', { ip: '203.0.113.1' }, { ip: '203.0.113.1' }],
])('a %s that is reached at %j', (type, point, wanted) => {
  const status = { loadBalancer: { ingress: [{ ...point }] } };
  const service = { metadata: { name: 's' }, spec: { type }, status } as unknown as KubeObject;
  applyDefaults(serviceKind, service);
  expect((service as Service).status?.loadBalancer?.ingress).toEqual([wanted]);
});

test.each<[string, object]>([
  ['LoadBalancer', { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] }],
  ['ClusterIP', {}],
  ['NodePort', {}],
])(
  'a balanced service that becomes a %s is reached at %j, and its status can be written',
  (type, wanted) => {
    const metadata = { name: 's', namespace: 'ns', resourceVersion: '1' };
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } };
    const service = (now: string): Service =>
      structuredClone({ metadata, spec: { type: now, ports: [] }, status });
    const [next, old] = [service(type), service('LoadBalancer')];
    for (const object of [next, old]) applyDefaults(serviceKind, object);
    prepareUpdate(serviceKind, next, old, { now: '2026-01-01T00:00:00Z' });
    expect(next.status?.loadBalancer).toEqual(wanted);
    const part = serviceKind.subresources.find(({ name }) => name === 'status');
    if (part === undefined) throw new Error('no status');
    expect(validateSubresourceUpdate(serviceKind, part, next, next)).toEqual([]);
  },
);
