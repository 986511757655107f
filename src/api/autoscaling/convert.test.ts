/** Autoscalers between v1 and v2: the annotations are those of Kubernetes. */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../object.js';
import { adopt, fromV2, toV2 } from './convert.js';

const name = 'autoscaling.alpha.kubernetes.io';
const autoscaler = (spec: object, status?: object, annotations?: object): KubeObject =>
  ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'a', ...(annotations === undefined ? {} : { annotations }) },
    spec: { maxReplicas: 3, ...spec },
    ...(status === undefined ? {} : { status }),
  }) as unknown as KubeObject;
const selector = { matchLabels: { a: 'b' } };
const cpu = {
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
};

const metrics = [
  [
    {
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
    },
    { type: 'Resource', resource: { name: 'memory', targetAverageValue: '1Gi' } },
  ],
  [
    {
      type: 'ContainerResource',
      containerResource: {
        name: 'cpu',
        container: 'c',
        target: { type: 'Utilization', averageUtilization: 5 },
      },
    },
    {
      type: 'ContainerResource',
      containerResource: { name: 'cpu', targetAverageUtilization: 5, container: 'c' },
    },
  ],
  [
    {
      type: 'Pods',
      pods: {
        metric: { name: 'm', selector },
        target: { type: 'AverageValue', averageValue: '1' },
      },
    },
    { type: 'Pods', pods: { metricName: 'm', targetAverageValue: '1', selector } },
  ],
  [
    {
      type: 'Object',
      object: {
        describedObject: { kind: 'Service', name: 's' },
        metric: { name: 'm' },
        target: { type: 'AverageValue', averageValue: '2' },
      },
    },
    {
      type: 'Object',
      object: {
        target: { kind: 'Service', name: 's' },
        metricName: 'm',
        targetValue: '0',
        averageValue: '2',
      },
    },
  ],
  [
    {
      type: 'External',
      external: { metric: { name: 'm', selector }, target: { type: 'Value', value: '3' } },
    },
    { type: 'External', external: { metricName: 'm', metricSelector: selector, targetValue: '3' } },
  ],
] as const;

test.each(metrics)('a metric of v2 is noted: %j', (v2, v1) => {
  const object = autoscaler({ metrics: [cpu, v2] });
  fromV2(object);
  expect(object).toMatchObject({ spec: { targetCPUUtilizationPercentage: 50 } });
  expect(object.metadata.annotations).toEqual({ [`${name}/metrics`]: JSON.stringify([v1]) });
  toV2(object);
  expect(object).toEqual(autoscaler({ metrics: [v2, cpu] }));
});

test('conditions, metrics as read and behaviour travel too', () => {
  const status = {
    currentReplicas: 1,
    conditions: [{ type: 'AbleToScale', status: 'True' }],
    currentMetrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: 7, averageValue: '1' } },
      },
      { type: 'Pods', pods: { metric: { name: 'm' }, current: { averageValue: '4' } } },
    ],
  };
  const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] } };
  const object = autoscaler({ metrics: [cpu], behavior }, status);
  const before = structuredClone(object);
  fromV2(object);
  expect(object).toMatchObject({
    status: { currentReplicas: 1, currentCPUUtilizationPercentage: 7 },
    metadata: {
      annotations: {
        [`${name}/behavior`]:
          '{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":null,' +
          '"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
        [`${name}/current-metrics`]:
          '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":7,"currentAverageValue":"1"}},' +
          '{"type":"Pods","pods":{"metricName":"m","currentAverageValue":"4"}}]',
        [`${name}/conditions`]: '[{"type":"AbleToScale","status":"True"}]',
      },
    },
  });
  toV2(object);
  expect(object).toEqual(before);
});

test('notes of v1 stand in no object of v2, and what is no JSON says nothing', () => {
  const object = autoscaler({}, undefined, { [`${name}/metrics`]: '{', x: 'y' });
  toV2(object);
  expect(object).toEqual(
    autoscaler(
      {
        metrics: [
          {
            ...cpu,
            resource: { ...cpu.resource, target: { type: 'Utilization', averageUtilization: 80 } },
          },
        ],
      },
      undefined,
      { x: 'y' },
    ),
  );
});

test('what is stored under the name of v1 is told by its fields', () => {
  const old = autoscaler({ targetCPUUtilizationPercentage: 50 });
  adopt(old);
  expect(old).toEqual(autoscaler({ metrics: [cpu] }));
  adopt(old);
  expect(old).toEqual(autoscaler({ metrics: [cpu] }));
});
