import { expect, test } from '@jest/globals';
import { clientCalls, metricsRegistry } from './metrics.js';

test('calls are counted by the version of their client, and no more versions than are sensible', async () => {
  const unary = clientCalls('unary');
  const stream = clientCalls('stream');
  unary('3.5');
  unary('3.5');
  stream('3.5');
  unary(undefined);
  unary('x'.repeat(1000));
  for (let at = 0; at < 100; at++) stream(`v${at}`);
  const { values } = (await metricsRegistry
    .getSingleMetric('etcd_server_client_requests_total')
    ?.get()) ?? { values: [] };
  const counted = values.map(({ labels, value }) => [
    labels['type'],
    labels['client_api_version'],
    value,
  ]);
  expect(counted).toContainEqual(['unary', '3.5', 2]);
  expect(counted).toContainEqual(['stream', '3.5', 1]);
  expect(counted).toContainEqual(['unary', 'unknown', 2]);
  expect(counted).toContainEqual(['stream', 'v0', 1]);
  expect(counted).toContainEqual(['stream', 'unknown', 69]);
  expect(counted.length).toBeLessThan(40);
});
