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
  const said = { fieldSelector: '', warnings: [], notes: {} };
  const call = { caller, verb: 'get', resource, path: '', ...said };
  const attributes = { ...resource, user, verb: 'get', isResource: true, path: '' };
  return { call, attributes, code, elapsedMs: 3 };
}

test('certificates of clients are counted by what is left of their time', () => {
  const metrics = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    flow: () => ({ rejected: new Map(), levels: [] }),
    watches: () => 0,
    objects: () => [],
  });
  const dayMs = 86_400_000;
  for (const days of [-1, 3, 100, 364]) metrics.onCertificate(days * dayMs);
  const text = metrics.registry.metrics();
  const counts = [...text.matchAll(/certificate_expiration_seconds_bucket\{le="(.*)"\} (\d+)/g)];
  expect(counts.map(([, le, count]) => `${le}: ${count}`)).toEqual([
    '0: 1',
    '1800: 1',
    '3600: 1',
    '7200: 1',
    '21600: 1',
    '43200: 1',
    '86400: 1',
    '172800: 1',
    '345600: 2',
    '604800: 2',
    '2592000: 2',
    '7776000: 2',
    '15552000: 3',
    '31104000: 3',
    '+Inf: 4',
  ]);
});

test('requests are counted once each, however often the metrics are read', async () => {
  const metrics = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    flow: () => ({
      rejected: new Map([['l\0s\0queue-full', 3]]),
      levels: [{ name: 'l', limit: 7, inUse: 2, waiting: 1 }],
    }),
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

test('the levels of priority and fairness are shown as they are', () => {
  const metrics = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    flow: () => ({
      rejected: new Map([['l\0s\0queue-full', 3]]),
      levels: [{ name: 'l', limit: 7, inUse: 2, waiting: 1 }],
    }),
    watches: () => 0,
    objects: () => [],
  });
  metrics.registry.metrics();
  const text = metrics.registry.metrics();
  for (const line of [
    'apiserver_flowcontrol_nominal_limit_seats{priority_level="l"} 7',
    'apiserver_flowcontrol_lower_limit_seats{priority_level="l"} 7',
    'apiserver_flowcontrol_upper_limit_seats{priority_level="l"} 7',
    'apiserver_flowcontrol_current_limit_seats{priority_level="l"} 7',
    'apiserver_flowcontrol_current_executing_seats{priority_level="l"} 2',
    'apiserver_flowcontrol_current_inqueue_requests{priority_level="l"} 1',
    'apiserver_flowcontrol_rejected_requests_total{priority_level="l",flow_schema="s",reason="queue-full"} 3',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test('who asks is known or not, and may or may not', () => {
  const metrics = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    flow: () => ({ rejected: new Map(), levels: [] }),
    watches: () => 0,
    objects: () => [],
  });
  const decision = { allowed: true, reason: '' };
  metrics.onRequest({ ...finished(200), decision });
  metrics.onRequest({ ...finished(404), decision });
  metrics.onRequest({ ...finished(403), decision: { allowed: false, reason: '' } });
  metrics.onRequest({ ...finished(401), attributes: undefined });
  const text = metrics.registry.metrics();
  for (const line of [
    'authentication_attempts{result="success"} 3',
    'authentication_attempts{result="failure"} 1',
    'authorization_attempts_total{result="allowed"} 2',
    'authorization_attempts_total{result="denied"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});
