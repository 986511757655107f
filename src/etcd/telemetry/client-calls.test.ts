import { expect, test } from '@jest/globals';
import { Telemetry } from './telemetry.js';

test('calls are counted by the version of their client, and no more versions than are sensible', () => {
  const telemetry = new Telemetry();
  const { unary, stream } = telemetry.grpc;
  unary('3.5');
  unary('3.5');
  stream('3.5');
  unary(undefined);
  unary('x'.repeat(1000));
  for (let at = 0; at < 100; at++) stream(`v${at}`);
  const name = 'etcd_server_client_requests_total';
  const counted = telemetry.registry
    .metrics()
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length));
  expect(counted).toContain('{client_api_version="3.5",type="unary"} 2');
  expect(counted).toContain('{client_api_version="3.5",type="stream"} 1');
  expect(counted).toContain('{client_api_version="unknown",type="unary"} 2');
  expect(counted).toContain('{client_api_version="v0",type="stream"} 1');
  expect(counted).toContain('{client_api_version="unknown",type="stream"} 69');
  expect(counted.length).toBeLessThan(40);
});
