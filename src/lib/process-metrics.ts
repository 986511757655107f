/**
 * The metrics of a component's process and of the event loop that it runs on, under the names that Prometheus' clients
 * share.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { Counter, Gauge, Histogram } from './metrics.js';
import type { Metric, Registry } from './metrics.js';

type Read = () => number;

const pageBytes = 4096;
const nanosecondsPerSecond = 1e9;
/**
 * How often the delay of the event loop is looked at. Each look wakes the thread, and costs a few tens of microseconds:
 * a hundred a second, as is usual, were the most that an idle component did at all.
 */
const lookEveryMs = 250;

/** Adds `process_…`: read when they are asked for, at no cost before. */
export function observeProcess(registry: Registry): void {
  const gauge = (name: string, help: string, read: Read): void => {
    registry.registerMetric(new Gauge({ name, help, collect: (metric) => metric.set(read()) }));
  };
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () =>
    process.memoryUsage.rss(),
  );
  gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', () => {
    const pages = Number(fromProc('statm', /^(\d+)/) ?? 0);
    return pages * pageBytes;
  });
  registry.registerMetric(
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      collect(metric) {
        const { user, system } = process.cpuUsage();
        metric.reset();
        metric.inc((user + system) / 1e6);
      },
    }),
  );
  // Whole milliseconds of the day are taken once: the process does not start twice.
  const startSeconds = Math.round(performance.timeOrigin) / 1000;
  gauge(
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.',
    () => startSeconds,
  );
  gauge('process_open_fds', 'Number of open file descriptors.', openFiles);
  gauge('process_max_fds', 'Maximum number of open file descriptors.', fileLimit);
}

/** Its observers take time for as long as the thread lives: all registries share them. */
let ofThread: readonly Metric[] | undefined;

/** Adds `nodejs_…`: of the thread that calls it. Its observers live as long as the thread. */
export function observeEventLoop(registry: Registry): void {
  ofThread ??= [...delayMetrics(), ...heapMetrics(), collectionMetric()];
  for (const metric of ofThread) registry.registerMetric(metric);
}

/** How much later than planned the event loop came to a timer. */
function delayMetrics(): Metric[] {
  // What it records is the time from one look to the next, the planned one included.
  const delays = monitorEventLoopDelay({ resolution: lookEveryMs });
  delays.enable();
  const lags: Readonly<Record<string, Read>> = {
    mean: () => delays.mean,
    max: () => delays.max,
    p50: () => delays.percentile(50),
    p90: () => delays.percentile(90),
    p99: () => delays.percentile(99),
  };
  return Object.entries(lags).map(
    ([name, read]) =>
      new Gauge({
        name: `nodejs_eventloop_lag_${name}_seconds`,
        help: `The ${name} of the recorded event loop delays.`,
        collect(metric) {
          const value = read() / nanosecondsPerSecond - lookEveryMs / 1000;
          metric.set(Number.isNaN(value) ? 0 : Math.max(0, value));
        },
      }),
  );
}

function heapMetrics(): Metric[] {
  const heap: Readonly<Record<string, () => number>> = {
    heap_size_total: () => process.memoryUsage().heapTotal,
    heap_size_used: () => process.memoryUsage().heapUsed,
    external_memory: () => process.memoryUsage().external,
  };
  return Object.entries(heap).map(
    ([name, read]) =>
      new Gauge({
        name: `nodejs_${name}_bytes`,
        help: `Node.js' ${name.replaceAll('_', ' ')} in bytes.`,
        collect: (metric) => metric.set(read()),
      }),
  );
}

/** Measures how long the garbage collector stops the thread. */
function collectionMetric(): Metric {
  const seconds = new Histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
    labelNames: ['kind'],
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
  });
  const kinds: Readonly<Record<number, string>> = {
    [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
    [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
    [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
  };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const detail = 'detail' in entry ? entry.detail : undefined;
      seconds.observe({ kind: kindOf(detail, kinds) }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return seconds;
}

function kindOf(detail: unknown, kinds: Readonly<Record<number, string>>): string {
  const hasKind = typeof detail === 'object' && detail !== null && 'kind' in detail;
  return (hasKind ? kinds[Number(detail.kind)] : undefined) ?? 'unknown';
}

/** The file descriptors that the process holds; 0 where the system does not tell. */
export function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Not Linux: nothing to tell it from.
    return 0;
  }
}

/** Returns the number of file descriptors that the process may hold; 0 where the system does not tell. */
export function fileLimit(): number {
  return Number(fromProc('limits', /Max open files\s+(\d+)/) ?? 0);
}

/** The first group of a pattern in a file of the process's own; undefined where there is no such file. */
function fromProc(file: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(`/proc/self/${file}`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
