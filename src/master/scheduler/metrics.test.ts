import { afterEach, expect, test } from '@jest/globals';
import type { Node, Pod } from '../../api/types/core.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import { delay, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { Registry } from '../../lib/metrics.js';
import { Prng } from '../../lib/prng.js';
import { SchedulerMetrics } from './metrics.js';
import { startScheduler } from './scheduler.js';
import { nodeOf, podOf } from './testkit/objects.js';
import type { PodFields } from './testkit/objects.js';

const clock = systemClock();
let cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of cleanup) await stop();
  cleanup = [];
});

/** The series of a registry by name and labels. */
function read(registry: Registry): Record<string, number> {
  const lines = registry.metrics().split('\n');
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [
        line.slice(0, at).replace(/,?profile="default-scheduler"/, ''),
        Number(line.slice(at)),
      ];
    }),
  );
}

async function schedule(api: FakeApi, registry: Registry): Promise<() => Promise<void>> {
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const metrics = new SchedulerMetrics(registry, 'default-scheduler');
  const parts = { client: api, informers, clock, prng: new Prng(1), log: silentLogger, metrics };
  const scheduler = await startScheduler(parts);
  const stop = async (): Promise<void> => {
    await scheduler.stop();
    informers.stop();
  };
  cleanup.push(stop);
  return stop;
}

async function until(registry: Registry, wanted: Record<string, number>): Promise<void> {
  const deadlineMs = clock.monotonicMs() + 15_000;
  for (;;) {
    const now = read(registry);
    if (Object.entries(wanted).every(([name, value]) => now[name] === value)) return;
    // Tells what is missing.
    if (clock.monotonicMs() > deadlineMs) expect(now).toMatchObject(wanted);
    await delay(clock, 5);
  }
}

const put = (api: FakeApi, name: string, fields: PodFields = {}): Promise<Pod> =>
  api.create<Pod>(resources.pods, podOf(name, fields));

test('pods that are placed, that wait, and that wait for their gates', async () => {
  const [api, registry] = [new FakeApi(), new Registry()];
  await api.create<Node>(resources.nodes, nodeOf('n', {}));
  const stop = await schedule(api, registry);
  await put(api, 'small');
  await put(api, 'huge', { requests: { cpu: '400' } });
  const gated = podOf('gated', {});
  gated.spec.schedulingGates = [{ name: 'example.com/later' }];
  await api.create<Pod>(resources.pods, gated);
  await api.create<Pod>(resources.pods, {
    ...podOf('foreign', {}),
    spec: { ...podOf('foreign', {}).spec, schedulerName: 'another' },
  });
  await until(registry, {
    'scheduler_schedule_attempts_total{result="scheduled"}': 1,
    'scheduler_schedule_attempts_total{result="unschedulable"}': 1,
    'scheduler_scheduling_attempt_duration_seconds_count{result="scheduled"}': 1,
    scheduler_scheduling_algorithm_duration_seconds_count: 2,
    'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"}': 1,
    scheduler_pod_scheduling_attempts_count: 1,
    scheduler_pod_scheduling_attempts_sum: 1,
    'scheduler_queue_incoming_pods_total{queue="active",event="UnscheduledPodAdd"}': 2,
    'scheduler_queue_incoming_pods_total{queue="unschedulable",event="ScheduleAttemptFailure"}': 1,
    'scheduler_pending_pods{queue="active"}': 0,
    'scheduler_pending_pods{queue="unschedulable"}': 1,
    'scheduler_pending_pods{queue="gated"}': 1,
    'scheduler_unschedulable_pods{plugin="NodeResourcesFit"}': 1,
    'scheduler_cache_size{type="nodes"}': 1,
    'scheduler_cache_size{type="pods"}': 1,
    // As kube-scheduler's PostFilter, for each pod that no node takes.
    scheduler_preemption_attempts_total: 1,
    scheduler_preemption_victims_count: 0,
  });
  // A pod whose gates open is not gated any more; a pod that goes waits no more.
  const now = await api.get<Pod>(resources.pods, { namespace: 'default', name: 'gated' });
  await api.update(resources.pods, { ...now, spec: { ...now.spec, schedulingGates: [] } });
  await api.delete(resources.pods, { namespace: 'default', name: 'huge' });
  await until(registry, {
    'scheduler_schedule_attempts_total{result="scheduled"}': 2,
    'scheduler_pending_pods{queue="gated"}': 0,
    'scheduler_pending_pods{queue="unschedulable"}': 0,
    'scheduler_cache_size{type="pods"}': 2,
  });
  expect(Object.keys(read(registry)).filter((name) => name.includes('NodeResourcesFit'))).toEqual(
    [],
  );
  // The next leader is another: what is here is empty, what was counted stays.
  await stop();
  await until(registry, {
    'scheduler_cache_size{type="nodes"}': 0,
    'scheduler_schedule_attempts_total{result="scheduled"}': 2,
  });
});

test('a preemption counts its victims', async () => {
  const [api, registry] = [new FakeApi(), new Registry()];
  await api.create<Node>(resources.nodes, nodeOf('n', {}));
  await put(api, 'low-1', { requests: { cpu: '2' }, priority: 1, nodeName: 'n' });
  await put(api, 'low-2', { requests: { cpu: '2' }, priority: 1, nodeName: 'n' });
  await schedule(api, registry);
  await put(api, 'vip', { requests: { cpu: '4' }, priority: 10 });
  await until(registry, {
    scheduler_preemption_victims_count: 1,
    scheduler_preemption_victims_sum: 2,
  });
});

test('a binding that fails is an error, and its next attempt counts on', async () => {
  const [api, registry] = [new FakeApi(), new Registry()];
  await api.create<Node>(resources.nodes, nodeOf('n', {}));
  let failures = 1;
  api.intercept = ({ verb, subresource }) => {
    if (verb === 'create' && subresource === 'binding' && failures-- > 0) {
      throw new ApiError(500, 'InternalError', 'no');
    }
  };
  await schedule(api, registry);
  await put(api, 'web');
  await until(registry, {
    'scheduler_schedule_attempts_total{result="error"}': 1,
    'scheduler_schedule_attempts_total{result="scheduled"}': 1,
    'scheduler_queue_incoming_pods_total{queue="backoff",event="ScheduleAttemptFailure"}': 1,
    'scheduler_queue_incoming_pods_total{queue="active",event="BackoffComplete"}': 1,
    'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="2"}': 1,
    scheduler_pod_scheduling_attempts_sum: 2,
  });
});

test('very many attempts share a label', () => {
  const registry = new Registry();
  const metrics = new SchedulerMetrics(registry, 'default-scheduler');
  for (const attempts of [14, 15, 16, 1000]) metrics.placed(attempts, 1);
  const counts = Object.entries(read(registry)).filter(([name]) =>
    name.includes('sli_duration_seconds_count'),
  );
  expect(counts.map(([name, count]) => `${/"(.*)"/.exec(name)?.[1]}: ${count}`)).toEqual([
    '14: 1',
    '15+: 3',
  ]);
});
