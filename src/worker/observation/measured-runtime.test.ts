import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Registry } from '../../lib/metrics.js';
import { RuntimeError } from '../../runtime/types.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import { measuredRuntime } from './measured-runtime.js';

test('operations are counted and timed, and do what they did', async () => {
  const [clock, registry] = [new ManualClock(), new Registry()];
  const fake = new FakeRuntime(clock);
  const runtime = measuredRuntime(fake, registry, clock);
  expect([runtime.name, runtime.version, runtime.isolatesNetwork]).toEqual([
    'hollow',
    'containerd://1.6.20',
    true,
  ]);
  fake.behaviour.intercept = () => clock.advance(2000);
  await expect(runtime.pullImage('nowhere:1')).rejects.toBeInstanceOf(RuntimeError);
  expect(await runtime.imageStatus('web:1')).toMatchObject({ reference: 'web:1' });
  expect(await runtime.list()).toEqual({ sandboxes: [], containers: [] });
  const seen: unknown[] = [];
  const end = runtime.onEvent((event) => seen.push(event));
  end();
  const text = registry.metrics();
  for (const line of [
    'kubelet_runtime_operations_total{operation_type="pull_image"} 1',
    'kubelet_runtime_operations_errors_total{operation_type="pull_image"} 1',
    'kubelet_runtime_operations_duration_seconds_count{operation_type="pull_image"} 1',
    'kubelet_runtime_operations_total{operation_type="image_status"} 1',
    'kubelet_runtime_operations_total{operation_type="list_containers"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toContain('errors_total{operation_type="image_status"}');
  const bounds = [...text.matchAll(/_bucket\{le="([^"]*)",operation_type="pull_image"\}/g)];
  expect(bounds.map(([, le]) => le).slice(0, 4)).toEqual([
    '0.005',
    '0.0125',
    '0.03125',
    '0.078125',
  ]);
});
