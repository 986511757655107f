/** The example dashboard and the example configuration of Prometheus name only what the components export. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { Registry } from '../../src/lib/metrics.js';
import { watchExpiry } from '../../src/lib/pki/expiry.js';
import type { ObservedMember } from '../../src/etcd/telemetry/member-metrics.js';
import { observeMember } from '../../src/etcd/telemetry/member-metrics.js';
import { Telemetry } from '../../src/etcd/telemetry/telemetry.js';
import { ServerMetrics } from '../../src/master/apiserver/metrics.js';
import { PartMetrics } from '../../src/master/apiserver/part-metrics.js';
import { ComponentMetrics } from '../../src/master/component/metrics.js';
import { SchedulerMetrics } from '../../src/master/scheduler/metrics.js';
import { ProxyMetrics } from '../../src/netproxy/observation/proxy-metrics.js';
import { AgentMetrics } from '../../src/worker/observation/agent-metrics.js';
import { measuredRuntime } from '../../src/worker/observation/measured-runtime.js';
import { cadvisorMetrics, resourceMetrics } from '../../src/worker/observation/usage-metrics.js';
import { FakeRuntime } from '../../src/worker/testkit/fake-runtime.js';
import { seriesNames } from './promql.js';

const clock = systemClock({ unref: true });
const folder = 'examples/monitoring';

const counts = { rev: 1, compactRev: 1, keyCount: 0, watcherCount: 0, behindWatcherCount: 0 };
const member: ObservedMember = {
  memberId: 1n,
  isLearner: false,
  quotaBytes: 1,
  version: { server: '3.5.30', cluster: '3.5.0' },
  store: { ...counts, counts: {} as ObservedMember['store']['counts'] },
  watches: { streamCount: 0, eventCount: 0, pendingEventCount: 0 },
  backend: { sizeBytes: () => 1, sizeInUseBytes: () => 1 },
  leaseCount: 0,
  leases: { granted: 0, revoked: 0, renewed: 0 },
  authRevision: 1,
  diskFull: false,
  traffic: { receivedBytes: 0, sentBytes: 0 },
};
/** Etcd calls them gauges, although they only go up. */
const gaugesThatCount = new Set(['etcd_server_proposals_committed_total']);

/** All that the components export, by its name and its type. */
function exported(): ReadonlyMap<string, string> {
  const server = new ServerMetrics({
    inFlight: () => ({ reading: 0, mutating: 0 }),
    flow: () => ({ rejected: new Map(), levels: [] }),
    watches: () => 0,
    objects: () => [],
  });
  const shared = new ComponentMetrics();
  const [proxy, other, certificates] = [new Registry(), new Registry(), new Registry()];
  // They write themselves down.
  expect([
    new SchedulerMetrics(shared.registry, 'default-scheduler'),
    new ProxyMetrics(proxy, clock, 'iptables'),
    new ProxyMetrics(other, clock, 'nftables'),
  ]).toHaveLength(3);
  watchExpiry({}, { registry: certificates, clock, log: silentLogger })();
  const agent = new AgentMetrics('n', () => undefined);
  measuredRuntime(new FakeRuntime(clock), agent.registry, clock);
  const store = new Telemetry();
  observeMember(store.set, member);
  const registries = [
    server.registry,
    new PartMetrics().registry,
    store.registry,
    shared.registry,
    certificates,
    agent.registry,
    agent.probes(),
    resourceMetrics(undefined, []),
    cadvisorMetrics([], { cpus: 1, memoryBytes: 1 }),
    proxy,
    other,
  ];
  const types = registries.flatMap((registry) =>
    [...registry.metrics().matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name = '', type = '']) => [name, type] as const,
    ),
  );
  return new Map(types);
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard = JSON.parse(readFileSync(`${folder}/grafana-dashboard.json`, 'utf8')) as {
  readonly panels: readonly Panel[];
};

describe('names of series in PromQL', () => {
  test.each([
    ['up', ['up']],
    ['sum by (job) (up)', ['up']],
    ['rate(a_total{code=~"5..",verb!="b_total"}[5m]) / ignoring (x) b:c', ['a_total', 'b:c']],
    ['histogram_quantile(0.99, sum by (le, name) (rate(w_bucket[5m])))', ['w_bucket']],
    ['min by (c) (not_after - time()) / 86400', ['not_after']],
    ['topk(10, m) and on (pod) n offset 5m', ['m', 'n']],
  ])('%s', (expression, names) => {
    expect(seriesNames(expression)).toEqual(names);
  });
});

describe('the dashboard', () => {
  const types = exported();
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );

  test.each(queries)('%s: %s', (_, expression) => {
    const names = seriesNames(expression);
    expect(names.length).toBeGreaterThan(0);
    const missing = names.filter((name) => {
      if (name === 'up') return false;
      const [, base, suffix] = /^(.*?)(_bucket|_sum|_count)?$/.exec(name) ?? [];
      return suffix === undefined
        ? types.get(name) === undefined || types.get(name) === 'histogram'
        : types.get(base ?? '') !== 'histogram';
    });
    expect(missing).toEqual([]);
    // Only what goes up has a rate.
    for (const [, counted = ''] of expression.matchAll(/(?:rate|increase)\((\w+)/g)) {
      const isCounter =
        types.get(counted) === 'counter' ||
        gaugesThatCount.has(counted) ||
        counted.endsWith('_bucket');
      expect({ counted, isCounter }).toEqual({ counted, isCounter: true });
    }
  });

  test('has panels that do not lie on one another', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect({ title, end: gridPos.x + gridPos.w <= 24 }).toEqual({ title, end: true });
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`)).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });
});

test('the configuration of Prometheus has the jobs that the dashboard asks for', () => {
  const configuration = parse(readFileSync(`${folder}/prometheus.yml`, 'utf8')) as {
    readonly scrape_configs: readonly {
      readonly job_name: string;
      readonly metrics_path?: string;
    }[];
  };
  const jobs = new Set(configuration.scrape_configs.map(({ job_name }) => job_name));
  const text = JSON.stringify(dashboard);
  const asked = [...text.matchAll(/job=\\\\?\\?"([^"\\]+)/g)].map(([, job = '']) => job);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter((job) => !jobs.has(job))).toEqual([]);
});
