/** Disruption budgets and evictions, and autoscalers that have no metrics. */
import { pod, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const budget = (name: string, app: string, spec: Json): Json => ({
  kind: 'PodDisruptionBudget',
  metadata: { name },
  spec: { selector: { matchLabels: { app } }, ...spec },
});
const evict = (name: string, more: Json = {}): Step => ({
  post: `Pod/${name}`,
  subresource: 'eviction',
  body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more },
});
const look: Step = { look: ['PodDisruptionBudget', 'Event'] };
const lookPods: Step = { look: ['Pod', 'PodDisruptionBudget', 'Event'] };
const ready = (status: string): Json => ({ conditions: [{ type: 'Ready', status }] });
const target = (name: string, kind = 'Deployment'): Json => ({
  scaleTargetRef: { apiVersion: 'apps/v1', kind, name },
});
const scaler = (name: string, spec: Json): Json => ({
  kind: 'HorizontalPodAutoscaler',
  metadata: { name },
  spec: { ...target(name), maxReplicas: 5, ...spec },
});
const resource = (name: string, more: Json = {}): Json => ({
  type: 'Resource',
  resource: { name, target: { type: 'Utilization', averageUtilization: 50 } },
  ...more,
});

export const budgets: readonly Scenario[] = [
  {
    name: 'pdb-owners',
    steps: [
      {
        create: [
          workload('Deployment', 'dep', { replicas: 3 }),
          workload('StatefulSet', 'set', { replicas: 2, serviceName: 's' }),
          workload('DaemonSet', 'dae', {}),
          pod('lone'),
        ],
      },
      { look: ['Pod'] },
      {
        create: [
          budget('dep', 'dep', { maxUnavailable: '34%' }),
          budget('set', 'set', { maxUnavailable: 1 }),
          budget('dae', 'dae', { maxUnavailable: 1 }),
          budget('lone', 'lone', { minAvailable: 1 }),
          budget('percent', 'lone', { minAvailable: '50%' }),
          { kind: 'PodDisruptionBudget', metadata: { name: 'every' }, spec: { selector: {} } },
        ],
      },
      look,
      { patch: 'Deployment/dep', body: { spec: { replicas: 5 } } },
      look,
      { patch: 'PodDisruptionBudget/lone', body: { spec: { minAvailable: 0 } } },
      look,
    ],
  },
  {
    name: 'pdb-evict',
    steps: [
      { create: [pod('a', {}, { app: 'x' }), pod('b', {}, { app: 'x' })] },
      { look: ['Pod'] },
      { create: [budget('one', 'x', { minAvailable: 1 })] },
      look,
      evict('nobody'),
      evict('a', { deleteOptions: { dryRun: ['All'] } }),
      evict('a', { deleteOptions: { preconditions: { uid: 'other' } } }),
      { kubelet: 'idle' },
      evict('a', { deleteOptions: { gracePeriodSeconds: 60 } }),
      lookPods,
      evict('b'),
      evict('a'),
      lookPods,
      { remove: 'Pod/a', options: { gracePeriodSeconds: 0 } },
      lookPods,
    ],
  },
  {
    name: 'pdb-unhealthy',
    steps: [
      {
        create: [
          pod('a', {}, { app: 'x' }),
          pod('b', {}, { app: 'x' }),
          pod('c', {}, { app: 'y' }),
          pod('d', {}, { app: 'y' }),
        ],
      },
      { look: ['Pod'] },
      {
        create: [
          budget('idle', 'x', { minAvailable: 1, unhealthyPodEvictionPolicy: 'IfHealthyBudget' }),
          budget('always', 'y', { minAvailable: 2, unhealthyPodEvictionPolicy: 'AlwaysAllow' }),
        ],
      },
      look,
      { pods: 'a', status: ready('False') },
      { pods: 'c', status: ready('False') },
      look,
      evict('c'),
      evict('d'),
      evict('a'),
      { pods: 'b', status: { phase: 'Failed' } },
      lookPods,
      evict('b'),
      lookPods,
    ],
  },
  {
    name: 'pdb-pending',
    steps: [
      { kubelet: 'idle' },
      { create: [pod('p', {}, { app: 'x' }), budget('one', 'x', { maxUnavailable: 0 })] },
      look,
      evict('p'),
      look,
    ],
  },
  {
    name: 'hpa-metrics',
    steps: [
      {
        create: [
          workload('Deployment', 'many', { replicas: 9 }),
          workload('Deployment', 'cpu', { replicas: 2 }),
          workload('Deployment', 'object', { replicas: 2 }),
          workload('Deployment', 'off', { replicas: 0 }),
          workload('Deployment', 'few', { replicas: 1 }),
          workload('StatefulSet', 'set', { replicas: 1, serviceName: 's' }),
        ],
      },
      { look: ['Pod'] },
      {
        create: [
          scaler('many', {}),
          scaler('cpu', { metrics: [resource('cpu'), resource('memory')] }),
          scaler('off', {}),
          scaler('few', { minReplicas: 3 }),
          scaler('set', { ...target('set', 'StatefulSet'), metrics: [resource('cpu')] }),
          scaler('object', {
            metrics: [
              {
                type: 'Object',
                object: {
                  metric: { name: 'm' },
                  describedObject: { apiVersion: 'v1', kind: 'Service', name: 'x' },
                  target: { type: 'Value', value: '5' },
                },
              },
              {
                type: 'Pods',
                pods: { metric: { name: 'p' }, target: { type: 'AverageValue', averageValue: 1 } },
              },
              {
                type: 'External',
                external: {
                  metric: { name: 'e', selector: { matchLabels: { a: 'b' } } },
                  target: { type: 'AverageValue', averageValue: '3' },
                },
              },
              {
                type: 'ContainerResource',
                containerResource: {
                  name: 'cpu',
                  container: 'c',
                  target: { type: 'Utilization', averageUtilization: 1 },
                },
              },
            ],
          }),
          scaler('kindless', target('x', 'Nothing')),
        ],
      },
      { settle: 20 },
      { look: ['HorizontalPodAutoscaler', 'Deployment', 'Event'] },
    ],
  },
  {
    name: 'hpa-shared',
    steps: [
      { create: [workload('Deployment', 'web', { replicas: 2 })] },
      { look: ['Pod'] },
      { create: [scaler('a', target('web')), scaler('b', target('web'))] },
      { settle: 20 },
      { look: ['HorizontalPodAutoscaler', 'Event'] },
    ],
  },
];
