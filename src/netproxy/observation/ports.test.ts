import { afterEach, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Node } from '../../api/types/core.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { Gauge, Registry } from '../../lib/metrics.js';
import { until } from '../testkit/watched-services.js';
import { ObservationPorts } from './ports.js';

const free = { host: '127.0.0.1', port: 0 };
let open: ObservationPorts[] = [];

afterEach(async () => {
  for (const ports of open) await ports.stop();
  open = [];
});

function start(
  addresses: { metrics?: typeof free; healthz?: typeof free },
  clock = new ManualClock(),
) {
  const found: { node?: Node } = {};
  const ports = new ObservationPorts({
    ...(addresses.metrics && { metricsAddress: addresses.metrics }),
    ...(addresses.healthz && { healthzAddress: addresses.healthz }),
    mode: 'iptables',
    clock,
    log: silentLogger,
    node: () => found.node,
  });
  open.push(ports);
  return { ports, found, clock };
}

const get = async (port: number, path: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
};

test('what the process measures besides is among the metrics', async () => {
  const registry = new Registry();
  new Gauge({ name: 'of_the_process', help: 'x', registers: [registry] }).set(7);
  const ports = new ObservationPorts({
    metricsAddress: free,
    registries: [registry],
    mode: 'none',
    clock: new ManualClock(),
    log: silentLogger,
    node: () => undefined,
  });
  open.push(ports);
  await ports.start();
  const { text } = await get(ports.ports.metrics, '/metrics');
  expect(text).toMatch(/^of_the_process 7$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d/m);
});

test('metrics and health each have a port of their own', async () => {
  const { ports, found, clock } = start({ metrics: free, healthz: free });
  await ports.start();
  const { metrics, healthz } = ports.ports;
  expect(metrics).not.toBe(healthz);
  expect(await get(metrics, '/healthz')).toEqual({ status: 200, text: 'ok' });
  expect(await get(metrics, '/proxyMode')).toEqual({ status: 200, text: 'iptables' });
  expect((await get(metrics, '/debug/flags/v')).status).toBe(404);
  expect((await get(healthz, '/metrics')).status).toBe(404);
  expect((await get(healthz, '/healthz')).status).toBe(200);
  found.node = { metadata: { name: 'n', deletionTimestamp: '2026-11-30T02:00:00Z' } } as Node;
  expect((await get(healthz, '/healthz')).status).toBe(503);
  expect((await get(healthz, '/livez')).status).toBe(200);
  ports.metrics.queued();
  clock.advance(60_001);
  expect((await get(healthz, '/livez?verbose')).status).toBe(503);
  const { text } = await get(metrics, '/metrics');
  for (const line of [
    'kubeproxy_proxy_healthz_total{code="200"} 1',
    'kubeproxy_proxy_healthz_total{code="503"} 1',
    'kubeproxy_proxy_livez_total{code="503"} 1',
    'kubeproxy_sync_proxy_rules_duration_seconds_count 0',
    '# TYPE process_cpu_seconds_total counter',
    '# TYPE nodejs_eventloop_lag_p99_seconds gauge',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test('without addresses nothing is listened at', async () => {
  const { ports } = start({});
  await ports.start();
  expect(ports.ports).toEqual({ metrics: 0, healthz: 0 });
});

test('an address that is taken is tried again every five seconds', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const { ports, clock } = start({ metrics: { host: '127.0.0.1', port } });
  await ports.start();
  expect(ports.ports.metrics).toBe(0);
  clock.advance(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => other.close(resolve));
  await until(() => {
    clock.advance(5_000);
    return ports.ports.metrics === port;
  });
  expect((await get(port, '/healthz')).text).toBe('ok');
});

test('after a stop a taken address is tried no more', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const { ports, clock } = start({ healthz: { host: '127.0.0.1', port } });
  await ports.start();
  await ports.stop();
  await new Promise((resolve) => other.close(resolve));
  expect(clock.pending).toBe(0);
  expect(ports.ports.healthz).toBe(0);
});
