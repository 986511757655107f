import { expect, test } from '@jest/globals';
import type { Event, Pod } from '../../../api/types/core.js';
import type { HorizontalPodAutoscaler } from '../../../api/types/policy.js';
import type { Deployment } from '../../../api/types/workloads.js';
import type { KubeObject } from '../../../api/object.js';
import { resources } from '../../../client/resources.js';
import { ApiError } from '../../../client/types.js';
import { systemClock } from '../../../lib/clock.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

const key = { namespace: 'default', name: 'web' };

/** A deployment of two pods that use twice their target, and its autoscaler. */
async function setUp({ api }: RunningControllers): Promise<void> {
  const template = { spec: { containers: [{ name: 'c' }] } };
  await api.create<Deployment>(resources.deployments, {
    metadata: { ...key },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
  });
  const nowMs = systemClock().nowMs();
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  for (const name of ['a', 'b']) {
    const metadata = { namespace: 'default', name, labels: { app: 'web' } };
    await api.create<Pod>(resources.pods, {
      metadata,
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] },
      status: {
        phase: 'Running',
        startTime: at(900_000),
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(890_000) }],
      },
    });
    await api.create<KubeObject>(resources.podMetrics, {
      metadata: { ...metadata },
      timestamp: at(1000),
      window: '30s',
      containers: [{ name: 'c', usage: { cpu: '100m' } }],
    } as KubeObject);
  }
  const target = { type: 'Utilization', averageUtilization: 50 };
  await api.create<HorizontalPodAutoscaler>(resources.autoscalers, {
    metadata: { ...key },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      maxReplicas: 10,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
    },
  });
}

const replicasOf = async ({ api }: RunningControllers): Promise<number | undefined> =>
  (await api.get<Deployment>(resources.deployments, key)).spec.replicas;

async function reasons({ api }: RunningControllers): Promise<(string | undefined)[]> {
  return (await api.list<Event>(resources.events)).items.map(({ reason }) => reason);
}

test('the target is scaled through its Scale, and the autoscaler tells of it', async () => {
  const running = await runControllers(['horizontal-pod-autoscaler-controller']);
  await setUp(running);
  const done = await running.untilObject<HorizontalPodAutoscaler>(
    resources.autoscalers,
    key,
    ({ status }) => status?.desiredReplicas === 4,
  );
  expect(await replicasOf(running)).toBe(4);
  expect(done.status).toMatchObject({ currentReplicas: 2, lastScaleTime: expect.any(String) });
  await running.until('the event', async () =>
    (await reasons(running)).includes('SuccessfulRescale') ? true : undefined,
  );
  await running.stop();
});

test('a refused size is told of and tried again', async () => {
  const running = await runControllers(['horizontal-pod-autoscaler-controller']);
  let refusals = 1;
  running.api.intercept = ({ subresource, verb }) => {
    if (subresource !== 'scale' || verb !== 'patch' || refusals-- <= 0) return;
    throw new ApiError(422, 'Invalid', 'no more');
  };
  await setUp(running);
  await running.untilObject<HorizontalPodAutoscaler>(
    resources.autoscalers,
    key,
    ({ status }) => status?.desiredReplicas === 4,
  );
  const seen = await running.until('both events', async () => {
    const all = await reasons(running);
    return all.includes('SuccessfulRescale') ? all : undefined;
  });
  expect(seen).toContain('FailedRescale');
  await running.stop();
});
