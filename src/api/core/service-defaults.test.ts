import { expect, test } from '@jest/globals';
import type { KubeObject } from '../object.js';
import type { Service } from '../types/core.js';
import { applyDefaults } from '../strategy.js';
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
