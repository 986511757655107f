/** The use of containers as series: kubelet's `/metrics/resource` and cAdvisor's `/metrics/cadvisor`. */
import { Readings, Registry } from '../../lib/metrics.js';
import type { ContainerStats } from '../../runtime/types.js';
import type { UsageReading } from '../service/usage-meter.js';

/** A run of a container, and what is known of its use. */
export interface UsedContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly image: string;
  readonly startedAtMs: number;
  readonly stats: ContainerStats;
}

/** The machine, as cAdvisor tells of it. */
export interface MachineSize {
  readonly cpus: number;
  readonly memoryBytes: number;
}

const nanos = 1e9;

type Type = 'counter' | 'gauge';

/** Makes the series of one scrape. */
function series(registry: Registry): (name: string, type: Type, help: string) => Readings {
  return (name, type, help) => {
    const readings = new Readings({ name, type, help });
    registry.registerMetric(readings);
    return readings;
  };
}

/** `/metrics/resource`. @param reading undefined when the runtime did not tell */
export function resourceMetrics(
  reading: UsageReading | undefined,
  containers: readonly UsedContainer[],
): Registry {
  const registry = new Registry();
  const make = series(registry);
  const start = make(
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds',
  );
  const cpu = make(
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the container in core-seconds',
  );
  const memory = make(
    'container_memory_working_set_bytes',
    'gauge',
    'Current working set of the container in bytes',
  );
  const nodeCpu = make(
    'node_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the node in core-seconds',
  );
  const nodeMemory = make(
    'node_memory_working_set_bytes',
    'gauge',
    'Current working set of the node in bytes',
  );
  const podCpu = make(
    'pod_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the pod in core-seconds',
  );
  const podMemory = make(
    'pod_memory_working_set_bytes',
    'gauge',
    'Current working set of the pod in bytes',
  );
  const error = make(
    'resource_scrape_error',
    'gauge',
    '1 if there was an error while getting container metrics, 0 otherwise',
  );
  error.add({}, reading === undefined ? 1 : 0);
  if (reading === undefined) return registry;
  const { machine } = reading;
  nodeCpu.add({}, machine.cpuUsageNanos / nanos, machine.atMs);
  nodeMemory.add({}, machine.memoryUsedBytes, machine.atMs);
  for (const { container, pod, namespace, startedAtMs, stats } of containers) {
    const labels = { container, namespace, pod };
    start.add(labels, startedAtMs / 1000);
    cpu.add(labels, stats.cpuUsageNanos / nanos, stats.atMs);
    memory.add(labels, stats.memoryWorkingSetBytes, stats.atMs);
  }
  for (const [first, ...rest] of byPod(containers)) {
    const labels = { namespace: first.namespace, pod: first.pod };
    const sum = (pick: (stats: ContainerStats) => number): number =>
      [first, ...rest].reduce((all, { stats }) => all + pick(stats), 0);
    podCpu.add(labels, sum(({ cpuUsageNanos }) => cpuUsageNanos) / nanos, first.stats.atMs);
    podMemory.add(
      labels,
      sum((stats) => stats.memoryWorkingSetBytes),
      first.stats.atMs,
    );
  }
  return registry;
}

function byPod(
  containers: readonly UsedContainer[],
): (readonly [UsedContainer, ...UsedContainer[]])[] {
  const pods = new Map<string, [UsedContainer, ...UsedContainer[]]>();
  for (const one of containers) {
    const key = `${one.namespace}/${one.pod}`;
    const found = pods.get(key);
    if (found === undefined) pods.set(key, [one]);
    else found.push(one);
  }
  return [...pods.values()];
}

/** `/metrics/cadvisor`. */
export function cadvisorMetrics(
  containers: readonly UsedContainer[],
  machine: MachineSize,
): Registry {
  const registry = new Registry();
  const make = series(registry);
  make('machine_cpu_cores', 'gauge', 'Number of logical CPU cores.').add({}, machine.cpus);
  make('machine_memory_bytes', 'gauge', 'Amount of memory installed on the machine.').add(
    {},
    machine.memoryBytes,
  );
  const cpu = make(
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed in seconds.',
  );
  const gauges: readonly (readonly [Readings, (stats: ContainerStats) => number])[] = [
    [
      make(
        'container_memory_usage_bytes',
        'gauge',
        'Current memory usage in bytes, including all memory regardless of when it was accessed',
      ),
      (stats) => stats.memoryUsageBytes,
    ],
    [
      make('container_memory_working_set_bytes', 'gauge', 'Current working set in bytes.'),
      (stats) => stats.memoryWorkingSetBytes,
    ],
    [
      make('container_memory_rss', 'gauge', 'Size of RSS in bytes.'),
      (stats) => stats.memoryRssBytes,
    ],
    [
      make('container_processes', 'gauge', 'Number of processes running inside the container.'),
      (stats) => stats.pids,
    ],
  ];
  const seen = make(
    'container_last_seen',
    'gauge',
    'Last time a container was seen by the exporter',
  );
  const start = make(
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds.',
  );
  for (const { container, image, namespace, pod, startedAtMs, stats } of containers) {
    const labels = { container, id: `/${stats.id}`, image, name: stats.id, namespace, pod };
    cpu.add({ ...labels, cpu: 'total' }, stats.cpuUsageNanos / nanos, stats.atMs);
    for (const [readings, pick] of gauges) readings.add(labels, pick(stats), stats.atMs);
    seen.add(labels, Math.floor(stats.atMs / 1000), stats.atMs);
    start.add(labels, startedAtMs / 1000, stats.atMs);
  }
  return registry;
}
