import { describe, expect, test } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from './metrics.js';
import { observeEventLoop, observeProcess } from './process-metrics.js';

describe('what is shown', () => {
  test('is in the order of registration, with help, type and labels as they were given', () => {
    const registry = new Registry();
    const registers = [registry];
    const counter = new Counter({ name: 'c_total', help: 'A "c"\\\n.', registers });
    const labelled = new Counter({ name: 'l', help: 'L.', labelNames: ['a', 'b'], registers });
    const gauge = new Gauge({ name: 'g', help: 'G.', registers });
    counter.inc();
    counter.inc(2);
    labelled.inc({ b: 'x"y\\z\n', a: 1 });
    labelled.inc({ a: 1, b: 'x"y\\z\n' }, 4);
    labelled.labels({ a: 2 }).inc();
    gauge.set(3);
    gauge.inc();
    gauge.dec(1.5);
    expect(registry.metrics()).toBe(`# HELP c_total A "c"\\\\\\n.
# TYPE c_total counter
c_total 3

# HELP l L.
# TYPE l counter
l{b="x\\"y\\\\z\\n",a="1"} 5
l{a="2"} 1

# HELP g G.
# TYPE g gauge
g 2.5
`);
  });

  test('of a histogram are its cumulative buckets, sum and count', () => {
    const registry = new Registry();
    const buckets = [0.1, 1];
    const histogram = new Histogram({
      name: 'h',
      help: 'H.',
      labelNames: ['a'],
      buckets,
      registers: [registry],
    });
    for (const value of [0.1, 0.5, 1, 2]) histogram.observe({ a: 'x' }, value);
    expect(registry.metrics()).toBe(`# HELP h H.
# TYPE h histogram
h_bucket{le="0.1",a="x"} 1
h_bucket{le="1",a="x"} 3
h_bucket{le="+Inf",a="x"} 4
h_sum{a="x"} 3.6
h_count{a="x"} 4
`);
  });

  test('are values that are no finite numbers, in words', () => {
    const registry = new Registry();
    const gauge = new Gauge({ name: 'g', help: 'G.', labelNames: ['a'], registers: [registry] });
    gauge.set({ a: 'n' }, Number.NaN);
    gauge.set({ a: 'p' }, Infinity);
    gauge.set({ a: 'm' }, -Infinity);
    expect(registry.metrics()).toContain('g{a="n"} NaN\ng{a="p"} +Inf\ng{a="m"} -Inf\n');
  });

  test('is collected when it is read', () => {
    const registry = new Registry();
    let value = 0;
    const collect = (metric: Counter): void => {
      metric.reset();
      metric.inc(value);
    };
    registry.registerMetric(new Counter({ name: 'c', help: 'C.', collect }));
    value = 7;
    expect(registry.metrics()).toContain('\nc 7\n');
    expect(registry.metrics()).toContain('\nc 7\n');
  });

  test('of a histogram without labels is there from the beginning, and a timer adds to it', () => {
    const registry = new Registry();
    const histogram = new Histogram({ name: 'h', help: 'H.', buckets: [1], registers: [registry] });
    expect(registry.metrics()).toContain('h_count 0\n');
    histogram.startTimer()();
    expect(registry.metrics()).toContain('h_count 1\n');
  });
});

test('a name is registered once, and labels are those of the metric', () => {
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({ name: 'c', help: 'C.', registers });
  registry.registerMetric(counter);
  expect(() => new Counter({ name: 'c', help: 'C.', registers })).toThrow(
    'already been registered',
  );
  const labelled = new Counter({ name: 'd', help: 'D.', labelNames: ['a'], registers });
  const wrong: Record<string, string> = { b: 'x' };
  expect(() => labelled.inc(wrong)).toThrow('the metric d has no label b');
});

test('a process and its event loop are shown', () => {
  const registry = new Registry();
  observeProcess(registry);
  observeEventLoop(registry);
  const names = [...registry.metrics().matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
  expect(names).toEqual([
    'process_resident_memory_bytes',
    'process_virtual_memory_bytes',
    'process_cpu_seconds_total',
    'process_start_time_seconds',
    'process_open_fds',
    'process_max_fds',
    'nodejs_eventloop_lag_mean_seconds',
    'nodejs_eventloop_lag_max_seconds',
    'nodejs_eventloop_lag_p50_seconds',
    'nodejs_eventloop_lag_p90_seconds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_total_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_external_memory_bytes',
    'nodejs_gc_duration_seconds',
  ]);
  expect(registry.metrics()).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
  expect(registry.metrics()).toMatch(/^process_cpu_seconds_total \d/m);
});

test('all registries of a thread share its observers, which never end', () => {
  const registry = new Registry();
  observeEventLoop(new Registry());
  observeEventLoop(registry);
  // Other metrics of these names would be refused.
  expect(() => observeEventLoop(registry)).not.toThrow();
});
