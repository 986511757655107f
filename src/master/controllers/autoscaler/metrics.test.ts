import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import { FakeApi } from '../../../client/testkit/fake.js';
import type { MetricSpec, Scope } from './metrics.js';
import { propose } from './metrics.js';

const tolerance = { up: 0.1, down: 0.1 };
const nowMs = Date.UTC(2026, 0, 1, 12);

function pod(name: string, readySeconds = 3600): Pod {
  const at = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  return {
    metadata: { name, namespace: 'default', labels: { app: 'web' } },
    spec: {
      containers: [
        { name: 'app', resources: { requests: { cpu: '100m', memory: '100Mi' } } },
        { name: 'proxy', resources: { requests: { cpu: '100m', memory: '100Mi' } } },
      ],
    },
    status: {
      phase: 'Running',
      startTime: at(readySeconds + 5),
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(readySeconds) }],
    },
  };
}

interface PodMetrics extends KubeObject {
  timestamp: string;
  window: string;
  containers: { name: string; usage: Record<string, string> }[];
}

async function scope(pods: readonly Pod[], window = '30s', cpu = '150m'): Promise<Scope> {
  const api = new FakeApi();
  for (const { metadata } of pods) {
    await api.create<PodMetrics>(resources.podMetrics, {
      metadata: { name: metadata.name, namespace: 'default', labels: { app: 'web' } },
      timestamp: new Date(nowMs).toISOString(),
      window,
      containers: [
        { name: 'app', usage: { cpu, memory: '50Mi' } },
        { name: 'proxy', usage: { cpu: '50m', memory: '50Mi' } },
      ],
    });
  }
  const currentReplicas = pods.length;
  return {
    client: api,
    namespace: 'default',
    selector: 'app=web',
    pods,
    currentReplicas,
    tolerance,
    nowMs,
  };
}

const utilization = (name: string, averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name, target: { type: 'Utilization', averageUtilization } },
});

test('a share of the requests of all containers', async () => {
  const proposal = await propose(await scope([pod('a'), pod('b')]), utilization('cpu', 50));
  expect(proposal).toEqual({
    replicas: 4,
    name: 'cpu resource utilization (percentage of request)',
    status: {
      type: 'Resource',
      resource: { name: 'cpu', current: { averageValue: '200m', averageUtilization: 100 } },
    },
  });
});

test('of one container only', async () => {
  const target = { type: 'Utilization', averageUtilization: 50 };
  const metric = {
    type: 'ContainerResource',
    containerResource: { name: 'cpu', container: 'proxy', target },
  };
  const proposal = await propose(await scope([pod('a'), pod('b')]), metric);
  expect(proposal.replicas).toBe(2);
  expect(proposal.name).toBe('cpu container resource utilization (percentage of request)');
});

test('a container that a pod does not measure', async () => {
  const target = { type: 'Utilization', averageUtilization: 50 };
  const containerResource = { name: 'cpu', container: 'other', target };
  const metric = { type: 'ContainerResource', containerResource };
  await expect(propose(await scope([pod('a')]), metric)).rejects.toMatchObject({
    reason: 'FailedGetContainerResourceMetric',
    metric: 'cpu container',
    message:
      'failed to get cpu utilization: unable to get metrics for resource cpu: failed to get container metrics: container other not present in metrics for pod default/a',
  });
});

test('an average value', async () => {
  const target = { type: 'AverageValue', averageValue: '50Mi' };
  const metric = { type: 'Resource', resource: { name: 'memory', target } };
  const proposal = await propose(await scope([pod('a'), pod('b')]), metric);
  expect(proposal.replicas).toBe(4);
  expect(proposal.status.resource?.current).toEqual({ averageValue: '104857600' });
});

test.each([
  ['30s', 4],
  ['1m30s', 2],
])(
  'a window of %s: pods that became ready within it do not count yet',
  async (window, replicas) => {
    const young = [pod('a', 60), pod('b', 60)];
    const asked = propose(await scope(young, window), utilization('cpu', 50));
    if (replicas === 4) expect((await asked).replicas).toBe(4);
    else await expect(asked).rejects.toThrow('did not receive metrics for targeted pods');
  },
);

test.each([
  [
    'nobody measures',
    [],
    utilization('cpu', 50),
    'FailedGetResourceMetric',
    'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API',
  ],
  [
    'another kind of metric',
    [pod('a')],
    { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue' } } },
    'FailedGetPodsMetric',
    'unable to get metric rps: unable to fetch metrics from custom metrics API: the server could not find the requested resource',
  ],
])('%s', async (_, pods, metric, reason, message) => {
  await expect(propose(await scope(pods), metric)).rejects.toMatchObject({ reason, message });
});
