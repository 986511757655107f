import { describe, expect, test } from '@jest/globals';
import type { Ingress } from '../../api/types/networking.js';
import { isOurs, RouteTable } from './route-table.js';

type Rule = readonly [host: string, path: string, pathType: string, service: string];

function ingress(name: string, rules: readonly Rule[], fallback?: string): Ingress {
  const backend = (service: string) => ({ service: { name: service, port: { number: 80 } } });
  return {
    metadata: { namespace: 'default', name, creationTimestamp: '2024-01-01T00:00:00Z' },
    spec: {
      ...(fallback === undefined ? {} : { defaultBackend: backend(fallback) }),
      rules: rules.map(([host, path, pathType, service]) => ({
        host,
        http: { paths: [{ path, pathType, backend: backend(service) }] },
      })),
    },
  };
}

describe('routes', () => {
  const table = new RouteTable([
    ingress(
      'one',
      [
        ['a.test', '/', 'Prefix', 'root'],
        ['a.test', '/foo', 'Prefix', 'foo'],
        ['a.test', '/foo/bar/', 'Prefix', 'bar'],
        ['a.test', '/foo', 'Exact', 'exact'],
        ['*.wild.test', '/', 'Prefix', 'wild'],
        ['b.wild.test', '/only', 'Exact', 'only'],
      ],
      'fallback',
    ),
  ]);

  test.each([
    ['a.test', '/', 'root'],
    ['A.test:8080', '/foo', 'exact'],
    ['a.test', '/foo/', 'foo'],
    ['a.test', '/foobar', 'root'],
    ['a.test', '/foo/bar', 'bar'],
    ['a.test', '/foo/bar/baz', 'bar'],
    ['x.wild.test', '/z', 'wild'],
    ['x.y.wild.test', '/z', 'fallback'],
    ['wild.test', '/z', 'fallback'],
    ['b.wild.test', '/only', 'only'],
    ['b.wild.test', '/else', 'fallback'],
    ['', '/', 'fallback'],
  ])('%s%s → %s', (host, path, service) => {
    expect(table.match(host, path)?.backend.service).toBe(service);
  });

  test('of equal rules the older Ingress wins', () => {
    const newer = ingress('a', [['h.test', '/', 'Prefix', 'new']]);
    newer.metadata.creationTimestamp = '2025-01-01T00:00:00Z';
    const both = new RouteTable([newer, ingress('z', [['h.test', '/', 'Prefix', 'old']])]);
    expect(both.match('h.test', '/')?.backend.service).toBe('old');
  });

  test('a class decides who serves', () => {
    const ours = { metadata: { name: 'mine' }, spec: { controller: 'trireme.dev/ingress' } };
    const theirs = { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } };
    const of = (ingressClassName?: string): Ingress => ({
      metadata: { name: 'i' },
      spec: ingressClassName === undefined ? {} : { ingressClassName },
    });
    expect(isOurs(of('mine'), [ours, theirs])).toBe(true);
    expect(isOurs(of('nginx'), [ours, theirs])).toBe(false);
    expect(isOurs(of(), [ours, theirs])).toBe(false);
    expect(isOurs(of(), [])).toBe(true);
    expect(isOurs(of('trireme'), [])).toBe(true);
  });
});
