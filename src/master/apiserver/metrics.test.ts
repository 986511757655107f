import { expect, test } from '@jest/globals';
import { ServerMetrics } from './metrics.js';
import type { FinishedRequest } from './verbs/index.js';

const resource = {
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'default',
  name: 'web',
};

function finished(code: number): FinishedRequest {
  const user = { name: 'jane', groups: [] };
  const credentials = { certificate: undefined, token: '' };
  const caller = { credentials, impersonation: [], address: '', userAgent: '', uri: '' };
  const call = { caller, verb: 'get', resource, path: '', fieldSelector: '', warnings: [] };
  const attributes = { ...resource, user, verb: 'get', isResource: true, path: '' };
  return { call, attributes, code, elapsedMs: 3 };
}

test('requests are counted once each, however often the metrics are read', async () => {
  const metrics = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    watches: () => 0,
    objects: () => [],
  });
  const series = (code: number): string =>
    `verb="GET",group="",version="v1",resource="pods",subresource="",scope="resource",code="${code}"`;
  metrics.onRequest(finished(200));
  metrics.onRequest(finished(200));
  for (let reading = 0; reading < 2; reading++) {
    const text = metrics.registry.metrics();
    expect(text).toContain(`apiserver_request_total{${series(200)}} 2\n`);
  }
  metrics.onRequest(finished(200));
  metrics.onRequest(finished(409));
  const text = metrics.registry.metrics();
  expect(text).toContain(`apiserver_request_total{${series(200)}} 3\n`);
  expect(text).toContain(`apiserver_request_total{${series(409)}} 1\n`);
  expect(text).toMatch(/apiserver_request_duration_seconds_count\{.*resource="pods".*\} 4\n/);
});
