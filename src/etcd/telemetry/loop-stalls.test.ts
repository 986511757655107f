import { expect, test } from '@jest/globals';
import { Telemetry } from './telemetry.js';
import { watchCollections } from './loop-stalls.js';

function stalls(telemetry: Telemetry): string[] {
  const lines = telemetry.registry.metrics().split('\n');
  return lines.filter((line) => line.startsWith('trireme_etcd_event_loop_stall'));
}

test('what takes more than 20 ms is counted under its cause, and nothing else is', () => {
  const telemetry = new Telemetry();
  const { server } = telemetry;
  server.applied(20);
  server.applied(30);
  server.backendCommitted(19);
  server.backendCommitted(500);
  server.collected(21);
  server.collected(1);
  expect(stalls(telemetry)).toEqual([
    'trireme_etcd_event_loop_stalls_total{cause="apply"} 1',
    'trireme_etcd_event_loop_stalls_total{cause="commit"} 1',
    'trireme_etcd_event_loop_stalls_total{cause="gc"} 1',
    'trireme_etcd_event_loop_stall_seconds_total{cause="apply"} 0.03',
    'trireme_etcd_event_loop_stall_seconds_total{cause="commit"} 0.5',
    'trireme_etcd_event_loop_stall_seconds_total{cause="gc"} 0.021',
  ]);
});

test('collections of this thread are told until nobody listens', async () => {
  let garbage: number[][] = [];
  const told: number[] = [];
  const stop = watchCollections((durationMs) => told.push(durationMs));
  while (told.length === 0) {
    garbage = Array.from({ length: 2000 }, (_, at) => Array.from({ length: 100 }, () => at));
    await new Promise(setImmediate);
  }
  stop();
  expect(garbage).toHaveLength(2000);
  expect(told[0]).toBeGreaterThan(0);
});
