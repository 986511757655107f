import { expect, test } from '@jest/globals';
import { wantedOf } from './door-attributes.js';

test.each<[string, string, string, string[]]>([
  ['GET', '/metrics', 'get', ['metrics']],
  ['GET', '/metrics/cadvisor', 'get', ['metrics']],
  ['GET', '/stats/summary', 'get', ['stats']],
  ['POST', '/stats/summary', 'create', ['stats']],
  ['GET', '/logs/x', 'get', ['log']],
  ['POST', '/checkpoint/n/p/c', 'create', ['checkpoint']],
  ['GET', '/healthz/ping', 'get', ['healthz', 'proxy']],
  ['GET', '/pods', 'get', ['pods', 'proxy']],
  ['GET', '/runningpods/', 'get', ['pods', 'proxy']],
  ['GET', '/configz', 'get', ['configz', 'proxy']],
  ['GET', '/metricsx', 'get', ['proxy']],
  ['GET', '/podsecrets', 'get', ['proxy']],
  ['GET', '', 'get', ['proxy']],
  ['GET', '/', 'get', ['proxy']],
  ['PUT', '/debug/flags/v', 'update', ['proxy']],
  ['DELETE', '/pods', 'delete', ['pods', 'proxy']],
  ['PROPFIND', '/pods', '', ['pods', 'proxy']],
])('%s %s', (method, path, verb, subresources) => {
  expect(wantedOf(method, path)).toEqual({ verb, subresources });
});
