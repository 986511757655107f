import { expect, test } from '@jest/globals';
import type { UsedContainer } from './usage-metrics.js';
import { cadvisorMetrics, resourceMetrics } from './usage-metrics.js';

const atMs = 1_800_000_000_500;

const used = (pod: string, container: string, seconds: number): UsedContainer => ({
  namespace: 'team',
  pod,
  container,
  image: 'docker.io/library/web:1',
  startedAtMs: 1_700_000_000_250,
  stats: {
    id: `${pod}-${container}`,
    atMs,
    cpuUsageNanos: seconds * 1e9,
    memoryUsageBytes: 300,
    memoryWorkingSetBytes: 200,
    memoryRssBytes: 100,
    pids: 7,
  },
});

const samples = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('the use of containers, of their pods and of the node, each with its time', () => {
  const machine = { atMs, cpuUsageNanos: 9.5e9, memoryUsedBytes: 4000, memoryFreeBytes: 1 };
  const containers = [used('a', 'web', 1.5), used('b', 'web', 4), used('a', 'log', 0.25)];
  const text = resourceMetrics({ machine, containers: new Map() }, containers).metrics();
  expect(samples(text)).toEqual([
    'container_start_time_seconds{container="web",namespace="team",pod="a"} 1700000000.25',
    'container_start_time_seconds{container="web",namespace="team",pod="b"} 1700000000.25',
    'container_start_time_seconds{container="log",namespace="team",pod="a"} 1700000000.25',
    `container_cpu_usage_seconds_total{container="web",namespace="team",pod="a"} 1.5 ${atMs}`,
    `container_cpu_usage_seconds_total{container="web",namespace="team",pod="b"} 4 ${atMs}`,
    `container_cpu_usage_seconds_total{container="log",namespace="team",pod="a"} 0.25 ${atMs}`,
    `container_memory_working_set_bytes{container="web",namespace="team",pod="a"} 200 ${atMs}`,
    `container_memory_working_set_bytes{container="web",namespace="team",pod="b"} 200 ${atMs}`,
    `container_memory_working_set_bytes{container="log",namespace="team",pod="a"} 200 ${atMs}`,
    `node_cpu_usage_seconds_total 9.5 ${atMs}`,
    `node_memory_working_set_bytes 4000 ${atMs}`,
    `pod_cpu_usage_seconds_total{namespace="team",pod="a"} 1.75 ${atMs}`,
    `pod_cpu_usage_seconds_total{namespace="team",pod="b"} 4 ${atMs}`,
    `pod_memory_working_set_bytes{namespace="team",pod="a"} 400 ${atMs}`,
    `pod_memory_working_set_bytes{namespace="team",pod="b"} 200 ${atMs}`,
    'resource_scrape_error 0',
  ]);
  expect(text).toContain('# TYPE container_cpu_usage_seconds_total counter\n');
  expect(text).toContain('# TYPE pod_memory_working_set_bytes gauge\n');
});

test('a runtime that does not tell is an error of the scrape', () => {
  expect(samples(resourceMetrics(undefined, []).metrics())).toEqual(['resource_scrape_error 1']);
});

test('the series of cAdvisor', () => {
  const text = cadvisorMetrics([used('a', 'web', 1.5)], { cpus: 2, memoryBytes: 8192 }).metrics();
  const labels =
    'container="web",id="/a-web",image="docker.io/library/web:1",name="a-web",namespace="team",pod="a"';
  expect(samples(text)).toEqual([
    'machine_cpu_cores 2',
    'machine_memory_bytes 8192',
    `container_cpu_usage_seconds_total{${labels},cpu="total"} 1.5 ${atMs}`,
    `container_memory_usage_bytes{${labels}} 300 ${atMs}`,
    `container_memory_working_set_bytes{${labels}} 200 ${atMs}`,
    `container_memory_rss{${labels}} 100 ${atMs}`,
    `container_processes{${labels}} 7 ${atMs}`,
    `container_last_seen{${labels}} 1800000000 ${atMs}`,
    `container_start_time_seconds{${labels}} 1700000000.25 ${atMs}`,
  ]);
});
