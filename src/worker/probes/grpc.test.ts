/** gRPC probes against a server of ours. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { HealthCheckResponse_ServingStatus, HealthDefinition } from '../../gen/etcd/health.js';
import { systemClock } from '../../lib/clock.js';
import { Code, createGrpcServer, GrpcError } from '../../lib/grpc/index.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import { attemptProbe } from './attempt.js';

const clock = systemClock();
const context = {
  podIp: '127.0.0.1',
  ports: [],
  clock,
  execSync: async () => ({ exitCode: 1, output: '', timedOut: false }),
};
const statuses = HealthCheckResponse_ServingStatus;
let server: GrpcServer;
let port: number;

beforeEach(async () => {
  server = createGrpcServer({ log: silentLogger, clock });
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});
afterEach(() => server.close({ graceMs: 0 }));

function serve(): void {
  server.addService(HealthDefinition, {
    check: async ({ service }) => {
      if (service === 'slow') await new Promise(() => undefined);
      if (service === 'unknown') throw new GrpcError(Code.NotFound, 'unknown service');
      return { status: service === 'sick' ? statuses.NOT_SERVING : statuses.SERVING };
    },
    watch: async () => undefined,
  });
}

function ask(service?: string, at = port): ReturnType<typeof attemptProbe> {
  const grpc = service === undefined ? { port: at } : { port: at, service };
  return attemptProbe({ grpc, timeoutSeconds: 1 }, context);
}

test.each([
  [undefined, { ok: true, output: 'service healthy' }],
  ['sick', { ok: false, output: 'service unhealthy (responded with "NOT_SERVING")' }],
  ['unknown', { ok: false, output: expect.stringContaining('error: health rpc probe failed: ') }],
  ['slow', { ok: false, output: 'timeout: health rpc did not complete within 1s' }],
])('the service %s', async (service, expected) => {
  serve();
  expect(await ask(service)).toEqual(expected);
});

test('a server without the health service', async () => {
  expect(await ask()).toEqual({
    ok: false,
    output: expect.stringContaining('does not implement the grpc health protocol'),
  });
});

test('nobody there', async () => {
  const free = net.createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port: taken } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  expect(await ask(undefined, taken)).toEqual({
    ok: false,
    output: expect.stringContaining(`failed to connect service at "127.0.0.1:${taken}"`),
  });
});
