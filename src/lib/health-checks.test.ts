import { expect, test } from '@jest/globals';
import { alwaysHolds, answerHealth, healthPath } from './health-checks.js';
import { HealthMetrics } from './health-metrics.js';

const ill = { name: 'etcd', holds: () => Promise.resolve(false) };
const [ping, log] = [alwaysHolds('ping'), alwaysHolds('log')];

test.each([
  ['/healthz', { root: 'healthz', single: '' }],
  ['/livez/ping', { root: 'livez', single: 'ping' }],
  ['/readyz/poststarthook/x', { root: 'readyz', single: 'poststarthook/x' }],
  ['/readyzz', undefined],
  ['/a/healthz', undefined],
  ['/metrics', undefined],
])('%s', (path, found) => {
  expect(healthPath(path)).toEqual(found);
});

test.each([
  ['/healthz', '', [ping, log], 200, 'ok'],
  ['/healthz', 'verbose', [ping, log], 200, '[+]ping ok\n[+]log ok\nhealthz check passed\n'],
  [
    '/livez',
    '',
    [ping, ill],
    500,
    '[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n',
  ],
  ['/livez', 'exclude=etcd', [ping, ill], 200, 'ok'],
  ['/livez', 'exclude=etcd', [ill], 200, 'ok'],
  [
    '/livez',
    'verbose&exclude=etcd&exclude=b&exclude=a',
    [ping, ill],
    200,
    '[+]ping ok\n[+]etcd excluded: ok\n' +
      'warn: some health checks cannot be excluded: no matches for "a","b"\nlivez check passed\n',
  ],
  ['/livez/ping', '', [ping, ill], 200, 'ok'],
  ['/livez/ping', 'verbose&exclude=ping', [ping, ill], 200, 'ok'],
  ['/readyz/etcd', '', [ping, ill], 500, 'internal server error: etcd failed\n'],
  [
    '/readyz/etcd',
    '',
    [{ ...ill, reason: 'no answer' }],
    500,
    'internal server error: no answer\n',
  ],
])('%s?%s', async (path, query, checks, status, text) => {
  const found = healthPath(path) ?? { root: '', single: '' };
  expect(await answerHealth(found, new URLSearchParams(query), checks)).toEqual({ status, text });
});

test('there is no check of that name', async () => {
  const path = { root: 'healthz', single: 'pong' };
  expect(await answerHealth(path, new URLSearchParams(), [ping])).toBeUndefined();
});

test('what the checks found is counted by name, kind and outcome', async () => {
  const metrics = new HealthMetrics();
  const look = (root: string, checks: readonly (typeof ping)[]) =>
    answerHealth({ root, single: '' }, new URLSearchParams(), checks, metrics);
  await look('livez', [ping]);
  await look('livez', [ping, ill]);
  await look('readyz', [ill]);
  expect(metrics.registry.metrics().split('\n')).toEqual(
    expect.arrayContaining([
      '# TYPE kubernetes_healthcheck gauge',
      'kubernetes_healthcheck{name="ping",type="livez"} 1',
      'kubernetes_healthcheck{name="etcd",type="readyz"} 0',
      '# TYPE kubernetes_healthchecks_total counter',
      'kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 2',
      'kubernetes_healthchecks_total{name="etcd",status="error",type="livez"} 1',
    ]),
  );
});
