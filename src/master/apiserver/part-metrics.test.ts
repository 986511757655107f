import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../../api/kinds.js';
import { AdmissionChain } from './admission/chain.js';
import type { AdmissionPlugin } from './admission/chain.js';
import { PartMetrics } from './part-metrics.js';
import type { AdmissionRequest } from './registry/types.js';

const samples = (metrics: PartMetrics): string[] =>
  metrics.registry
    .metrics()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The series of one name, without its buckets. */
const of = (metrics: PartMetrics, name: string): string[] =>
  samples(metrics).filter((line) => line.startsWith(name) && !line.includes('_bucket'));

test('the version is that of the Kubernetes whose promises are kept', () => {
  expect(of(new PartMetrics(), 'kubernetes_build_info')).toEqual([
    expect.stringMatching(
      /git_version="v1\.33\.[^"]+".*major="1",minor="33",platform="[^"]+"\} 1$/,
    ),
  ]);
});

test('calls of the store, by operation and resource', () => {
  const metrics = new PartMetrics();
  const call = { operation: 'update', type: 'pods', failed: false, elapsedMs: 40 } as const;
  metrics.onStoreCall(call);
  metrics.onStoreCall({ ...call, failed: true, elapsedMs: 10 });
  metrics.onStoreCall({ ...call, operation: 'list', elapsedMs: 2000 });
  expect(of(metrics, 'etcd_request')).toEqual([
    'etcd_requests_total{operation="update",type="pods"} 2',
    'etcd_requests_total{operation="list",type="pods"} 1',
    'etcd_request_errors_total{operation="update",type="pods"} 1',
    'etcd_request_duration_seconds_sum{operation="update",type="pods"} 0.05',
    'etcd_request_duration_seconds_count{operation="update",type="pods"} 2',
    'etcd_request_duration_seconds_sum{operation="list",type="pods"} 2',
    'etcd_request_duration_seconds_count{operation="list",type="pods"} 1',
  ]);
});

test('events of watches, by kind', () => {
  const metrics = new PartMetrics();
  const kind = builtInRegistry().byResource('apps', 'v1', 'deployments');
  if (kind === undefined) throw new Error('no such kind');
  metrics.onWatchEvents(kind, 3);
  metrics.onWatchEvents(kind, 1);
  expect(of(metrics, 'apiserver_watch_events_total')).toEqual([
    'apiserver_watch_events_total{group="apps",version="v1",kind="Deployment"} 4',
  ]);
});

test('requests that were let in, and how long they waited for it', () => {
  const metrics = new PartMetrics();
  const request = { level: 'leader-election', schema: 'system-leader-election' };
  metrics.onDispatched({ ...request, waitedMs: 0 });
  metrics.onDispatched({ ...request, waitedMs: 1500 });
  const labels = 'priority_level="leader-election",flow_schema="system-leader-election"';
  expect(of(metrics, 'apiserver_flowcontrol')).toEqual([
    `apiserver_flowcontrol_dispatched_requests_total{${labels}} 2`,
    `apiserver_flowcontrol_request_wait_duration_seconds_sum{${labels},execute="true"} 1.5`,
    `apiserver_flowcontrol_request_wait_duration_seconds_count{${labels},execute="true"} 2`,
  ]);
  expect(samples(metrics)).toContain(
    `apiserver_flowcontrol_request_wait_duration_seconds_bucket{le="0",${labels},execute="true"} 1`,
  );
});

test('the steps of admission are timed, of each plugin that has something to do', async () => {
  const metrics = new PartMetrics();
  let nowMs = 0;
  const spend = (ms: number) => (): void => void (nowMs += ms);
  const plugin = (name: string, parts: Partial<AdmissionPlugin>): AdmissionPlugin => ({
    name,
    handles: () => true,
    ...parts,
  });
  const chain = new AdmissionChain(
    [
      plugin('NamespaceLifecycle', { mutate: spend(10) }),
      plugin('Idle', { handles: () => false, mutate: spend(1000) }),
      plugin('Later', { mutate: async () => spend(20)() }),
      plugin('ResourceQuota', {
        validate: async () => {
          spend(40)();
          throw new Error('exceeded quota');
        },
      }),
    ],
    { monotonicMs: () => nowMs, onStep: (step) => metrics.onAdmission(step) },
  );
  const request = { operation: 'CREATE' } as AdmissionRequest;
  await chain.mutate(request);
  await expect(chain.validate(request)).rejects.toThrow('exceeded quota');
  const sums = of(metrics, 'apiserver_admission').filter((line) => line.includes('_sum'));
  const step = 'apiserver_admission_step_admission_duration_seconds_sum';
  const controller = 'apiserver_admission_controller_admission_duration_seconds_sum';
  const ok = 'operation="CREATE",rejected="false",type="admit"';
  const refused = 'operation="CREATE",rejected="true",type="validate"';
  expect(sums).toEqual([
    `${step}{${ok}} 0.03`,
    `${step}{${refused}} 0.04`,
    `${controller}{name="NamespaceLifecycle",${ok}} 0.01`,
    `${controller}{name="Later",${ok}} 0.02`,
    `${controller}{name="ResourceQuota",${refused}} 0.04`,
  ]);
});
