import { describe, expect, test } from '@jest/globals';
import type { HorizontalPodAutoscaler } from '../../../api/types/policy.js';
import { startHistory } from './behavior.js';
import type { Proposal } from './metrics.js';
import { MetricError } from './metrics.js';
import type { Plan, Situation } from './plan.js';
import { afterRescale, judgeSize, planAutoscaler, planWithoutTarget } from './plan.js';

const now = '2026-01-01T00:00:00Z';
const before = '2025-12-31T00:00:00Z';

function autoscaler(part: Partial<HorizontalPodAutoscaler['spec']> = {}): HorizontalPodAutoscaler {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 2,
      maxReplicas: 10,
      ...part,
    },
    status: { currentReplicas: 3, desiredReplicas: 7 },
  };
}

function proposal(replicas: number, name = 'cpu resource'): Proposal {
  return { replicas, name, status: { type: 'Resource', resource: { name, current: {} } } };
}

const failure = new MetricError('FailedGetResourceMetric', 'cpu resource', 'nobody measures');

function plan(part: Partial<Situation>, of = autoscaler()): Plan {
  const history = startHistory(0, 0);
  return planAutoscaler(of, { current: 4, readings: [], history, nowMs: 1_000_000, now, ...part });
}

const conditions = ({ status }: Pick<Plan, 'status'>): string[] =>
  (status.conditions ?? []).map((one) => `${one.type}=${one.status} ${one.reason}`);
const notices = (of: Pick<Plan, 'notices'>): string[] =>
  of.notices.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

const gotScale = 'AbleToScale=True SucceededGetScale';
const ready = 'AbleToScale=True ReadyForNewScale';
const active = 'ScalingActive=True ValidMetricFound';
const free = 'ScalingLimited=False DesiredWithinRange';

describe('the size alone', () => {
  test.each([
    [0, {}, { type: 'disabled' }],
    [0, { minReplicas: 0 }, { type: 'measure' }],
    [2, {}, { type: 'measure' }],
    [10, {}, { type: 'measure' }],
    [
      11,
      {},
      {
        type: 'bound',
        rescale: { replicas: 10, reason: 'Current number of replicas above Spec.MaxReplicas' },
      },
    ],
    [
      1,
      {},
      {
        type: 'bound',
        rescale: { replicas: 2, reason: 'Current number of replicas below Spec.MinReplicas' },
      },
    ],
  ])('%d with %j', (current, spec, verdict) => {
    expect(judgeSize(autoscaler(spec).spec, current)).toEqual(verdict);
  });

  test('a target at zero is left there', () => {
    const made = plan({ current: 0 });
    expect(conditions(made)).toEqual([gotScale, 'ScalingActive=False ScalingDisabled']);
    expect(made.status).toMatchObject({ currentReplicas: 0, desiredReplicas: 0 });
    expect(made.rescale).toBeUndefined();
  });

  test('a target beyond its bounds is brought back without a look at metrics', () => {
    const made = plan({ current: 11 });
    expect(made.rescale?.replicas).toBe(10);
    expect(conditions(made)).toEqual([gotScale]);
    expect(made.status).toMatchObject({ currentReplicas: 11, desiredReplicas: 7 });
  });
});

describe('the metrics', () => {
  test.each<[string, Situation['readings'], number | undefined, string | undefined]>([
    ['the greatest proposal counts', [proposal(5), proposal(6, 'b')], 6, 'b above target'],
    ['fewer where all say so', [proposal(2), proposal(3)], 3, 'All metrics below target'],
    ['as many as there are', [proposal(4)], undefined, undefined],
    ['one fails, another wants more', [failure, proposal(5)], 5, 'cpu resource above target'],
  ])('%s', (_name, readings, replicas, reason) => {
    const made = plan({ readings });
    expect([made.rescale?.replicas, made.rescale?.reason]).toEqual([replicas, reason]);
    expect(conditions(made)).toEqual([ready, active, free]);
    expect(made.status.desiredReplicas).toBe(replicas === undefined ? 4 : 7);
  });

  test('what was measured is written, in the order of the metrics', () => {
    const made = plan({ readings: [proposal(4, 'a'), failure, proposal(5, 'b')] });
    expect(made.status.currentMetrics?.map(({ resource }) => resource?.name)).toEqual(['a', 'b']);
    expect(notices(made)).toEqual(['Warning FailedGetResourceMetric: nobody measures']);
  });

  test.each<[string, Situation['readings'], number]>([
    ['none can be read', [failure], 1],
    ['one fails, another wants fewer', [failure, proposal(2)], 2],
  ])('%s: nothing changes', (_name, readings, count) => {
    const made = plan({ readings });
    expect(conditions(made)).toEqual([gotScale, 'ScalingActive=False FailedGetResourceMetric']);
    expect(made.status.conditions?.[1]?.message).toBe(
      'the HPA was unable to compute the replica count: nobody measures',
    );
    expect(notices(made)).toEqual([
      'Warning FailedGetResourceMetric: nobody measures',
      `Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of ${count}), first error is: failed to get cpu resource metric value: nobody measures`,
    ]);
    expect(made.rescale).toBeUndefined();
    expect(made.status).toMatchObject({ currentReplicas: 4, desiredReplicas: 7 });
  });

  test('pods that cannot be chosen', () => {
    const condition = { reason: 'InvalidSelector', message: 'no selector' };
    const readings = { reason: 'SelectorRequired', message: 'selector is required', condition };
    const made = plan({ readings });
    expect(conditions(made)).toEqual([gotScale, 'ScalingActive=False InvalidSelector']);
    expect(notices(made)).toEqual([
      'Warning SelectorRequired: selector is required',
      'Warning FailedComputeMetricsReplicas: selector is required',
    ]);
  });

  test('more than the bounds allow', () => {
    const made = plan({ readings: [proposal(90)] });
    expect(made.rescale?.replicas).toBe(8);
    expect(conditions(made)).toEqual([ready, active, 'ScalingLimited=True ScaleUpLimit']);
  });

  test('fewer than lately: it waits', () => {
    const history = startHistory(4, 900_000);
    const made = plan({ readings: [proposal(2)], history });
    expect(made.rescale).toBeUndefined();
    expect(conditions(made)).toEqual(['AbleToScale=True ScaleDownStabilized', active, free]);
  });

  test('rules of its own', () => {
    const scaleUp = { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] };
    const made = plan({ readings: [proposal(9)] }, autoscaler({ behavior: { scaleUp } }));
    expect(made.rescale?.replicas).toBe(5);
  });
});

test('a target that is not found', () => {
  const made = planWithoutTarget(autoscaler(), 'deployments.apps "web" not found', now);
  expect(conditions(made)).toEqual(['AbleToScale=False FailedGetScale']);
  expect(made.status.conditions?.[0]?.message).toBe(
    'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found',
  );
  expect(notices(made)).toEqual(['Warning FailedGetScale: deployments.apps "web" not found']);
  expect(made.status).toMatchObject({ currentReplicas: 3, desiredReplicas: 7 });
});

test('a condition keeps its time while its status does', () => {
  const of = autoscaler();
  const old = { type: 'AbleToScale', status: 'True', reason: 'Old', lastTransitionTime: before };
  of.status = { desiredReplicas: 4, conditions: [old] };
  const made = plan({ readings: [failure] }, of);
  expect(made.status.conditions?.map((one) => one.lastTransitionTime)).toEqual([before, now]);
});

describe('after the write', () => {
  const planned = plan({ readings: [proposal(6)] });

  test('the new size is told of', () => {
    const done = afterRescale(planned, undefined, now);
    expect(conditions(done)).toEqual(['AbleToScale=True SucceededRescale', active, free]);
    expect(done.status).toMatchObject({
      currentReplicas: 4,
      desiredReplicas: 6,
      lastScaleTime: now,
    });
    expect(notices(done)).toEqual([
      'Normal SuccessfulRescale: New size: 6; reason: cpu resource above target',
    ]);
  });

  test('a refusal is told of', () => {
    const done = afterRescale(planned, 'admission webhook denied the request', now);
    expect(conditions(done)).toEqual(['AbleToScale=False FailedUpdateScale', active, free]);
    expect(done.status.desiredReplicas).toBe(7);
    expect(done.status.lastScaleTime).toBeUndefined();
    expect(notices(done)).toEqual([
      'Warning FailedRescale: New size: 6; reason: cpu resource above target; error: admission webhook denied the request',
    ]);
  });
});
