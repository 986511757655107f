import type { Clock } from '../../lib/clock.js';
import { Counter, exponentialBuckets, Histogram } from '../../lib/metrics.js';
import type { Registry } from '../../lib/metrics.js';
import type { ContainerRuntime } from '../../runtime/types.js';

/** The operations that are measured, with kubelet's names for them. */
const operations: ReadonlyMap<keyof ContainerRuntime, string> = new Map([
  ['health', 'status'],
  ['list', 'list_containers'],
  ['createSandbox', 'run_podsandbox'],
  ['removeSandbox', 'remove_podsandbox'],
  ['imageStatus', 'image_status'],
  ['pullImage', 'pull_image'],
  ['listImages', 'list_images'],
  ['removeImage', 'remove_image'],
  ['createContainer', 'create_container'],
  ['startContainer', 'start_container'],
  ['updateContainer', 'update_container'],
  ['stopContainer', 'stop_container'],
  ['removeContainer', 'remove_container'],
  ['containerStatus', 'container_status'],
  ['execSync', 'exec_sync'],
  ['exec', 'exec'],
  ['attach', 'attach'],
  ['connect', 'port_forward'],
  ['stats', 'list_container_stats'],
]);

type Operation = (...args: unknown[]) => Promise<unknown>;

/** A runtime whose operations are counted and timed, under kubelet's names. */
export function measuredRuntime(
  runtime: ContainerRuntime,
  registry: Registry,
  clock: Pick<Clock, 'monotonicMs'>,
): ContainerRuntime {
  const labelNames: string[] = ['operation_type'];
  const registers = [registry];
  const total = new Counter({
    name: 'kubelet_runtime_operations_total',
    help: 'Cumulative number of runtime operations by operation type.',
    labelNames,
    registers,
  });
  const errors = new Counter({
    name: 'kubelet_runtime_operations_errors_total',
    help: 'Cumulative number of runtime operation errors by operation type.',
    labelNames,
    registers,
  });
  const seconds = new Histogram({
    name: 'kubelet_runtime_operations_duration_seconds',
    help: 'Duration in seconds of runtime operations. Broken down by operation type.',
    labelNames,
    buckets: exponentialBuckets(0.005, 2.5, 14),
    registers,
  });
  const measured = new Map<PropertyKey, Operation>();
  for (const [method, name] of operations) {
    const operation = runtime[method] as Operation;
    const labels = { operation_type: name };
    measured.set(method, async (...args) => {
      const startedMs = clock.monotonicMs();
      total.inc(labels);
      try {
        return await operation.apply(runtime, args);
      } catch (error) {
        errors.inc(labels);
        throw error;
      } finally {
        seconds.observe(labels, (clock.monotonicMs() - startedMs) / 1000);
      }
    });
  }
  return new Proxy(runtime, {
    get(target, name) {
      const value: unknown = measured.get(name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' && !measured.has(name) ? value.bind(target) : value;
    },
  });
}
