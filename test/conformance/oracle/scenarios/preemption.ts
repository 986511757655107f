/** Pods that make room for others, and nodes that come, go and are full of taints. */
import { node, pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Pod', 'Event'] };
const at = (nodeName: string): Json => ({ nodeSelector: { 'kubernetes.io/hostname': nodeName } });
const sized = (name: string, cpu: string, priorityClassName: string, more: Json = {}): Json => ({
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: podSpec({ priorityClassName, ...more }, cpu),
});
const classes: Step = {
  create: [
    { kind: 'PriorityClass', metadata: { name: 'top' }, value: 1000 },
    { kind: 'PriorityClass', metadata: { name: 'mid' }, value: 100 },
    { kind: 'PriorityClass', metadata: { name: 'bottom' }, value: 10 },
  ],
};
const guard = (name: string, app: string): Json => ({
  kind: 'PodDisruptionBudget',
  metadata: { name },
  spec: { maxUnavailable: 0, selector: { matchLabels: { app } } },
});
const taint = (effect: string): Json => ({ spec: { taints: [{ key: 'k', value: 'v', effect }] } });
const tolerates = (more: Json): Json => ({
  tolerations: [{ key: 'k', operator: 'Exists', ...more }],
});

export const preemption: readonly Scenario[] = [
  {
    name: 'preempt-budget',
    nodes: [node('b1'), node('b2')],
    steps: [
      classes,
      { settle: 1 },
      {
        create: [sized('kept', '3', 'bottom', at('b1')), sized('free', '3', 'mid', at('b2'))],
      },
      look,
      { create: [guard('kept', 'kept')] },
      { look: ['PodDisruptionBudget'] },
      { kubelet: 'idle' },
      { create: [sized('takes', '3', 'top')] },
      { settle: 2 },
      { look: ['Pod', 'PodDisruptionBudget', 'Event'] },
      { create: [sized('again', '3', 'top')] },
      { settle: 2 },
      look,
      { kubelet: 'ready' },
      look,
    ],
  },
  {
    name: 'preempt-many',
    nodes: [node('m1'), node('m2', {}, { taints: [{ key: 'k', effect: 'NoSchedule' }] })],
    steps: [
      classes,
      { settle: 1 },
      {
        create: [
          sized('one', '1', 'bottom'),
          sized('two', '1', 'bottom'),
          sized('three', '1', 'mid'),
        ],
      },
      look,
      { create: [sized('takes', '2500m', 'top')] },
      { settle: 2 },
      look,
      { create: [sized('huge', '20', 'top'), sized('selects', '1', 'top', at('nowhere'))] },
      look,
    ],
  },
  {
    name: 'preempt-affinity',
    nodes: [node('a1', { zone: 'a' })],
    steps: [
      classes,
      { settle: 1 },
      { create: [sized('low', '1', 'bottom'), sized('owner', '1', 'mid')] },
      look,
      {
        create: [
          sized('apart', '1', 'top', {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'low' } } },
                ],
              },
            },
          }),
        ],
      },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'priority-order',
    nodes: [],
    steps: [
      classes,
      { settle: 1 },
      { create: [sized('c', '3', 'bottom'), sized('b', '3', 'mid'), sized('a', '3', 'top')] },
      look,
      { create: [{ ...node('late'), kind: 'Node' }] },
      {
        patch: 'Node/late',
        subresource: 'status',
        body: {
          status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
        },
      },
      { settle: 3 },
      look,
      { remove: 'Node/late' },
    ],
  },
  {
    name: 'taint-evicts',
    nodes: [node('t1'), node('t2')],
    steps: [
      {
        create: [
          pod('goes', at('t1')),
          pod('stays', { ...at('t1'), ...tolerates({}) }),
          pod('soon', {
            ...at('t1'),
            ...tolerates({ effect: 'NoExecute', tolerationSeconds: 4 }),
          }),
          pod('never', {
            ...at('t1'),
            ...tolerates({ effect: 'NoExecute', tolerationSeconds: 3600 }),
          }),
          workload('DaemonSet', 'agent', {}),
        ],
      },
      look,
      { patch: 'Node/t1', body: taint('NoExecute') },
      { settle: 1 },
      look,
      { settle: 6 },
      look,
      { patch: 'Node/t1', body: { spec: { taints: null } } },
      { settle: 2 },
      look,
      { patch: 'Node/t2', body: taint('NoSchedule') },
      { patch: 'Node/t1', body: { spec: { unschedulable: true } } },
      { settle: 2 },
      { look: ['Node', 'Pod', 'Event', 'DaemonSet'] },
    ],
  },
  {
    name: 'node-not-ready',
    nodes: [node('n1'), node('n2')],
    steps: [
      { create: [pod('p', at('n1')), workload('DaemonSet', 'agent', {})] },
      look,
      {
        patch: 'Node/n1',
        subresource: 'status',
        body: {
          status: {
            conditions: [
              { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'm' },
              { type: 'MemoryPressure', status: 'True', reason: 'R', message: 'm' },
              { type: 'DiskPressure', status: 'True', reason: 'R', message: 'm' },
              { type: 'PIDPressure', status: 'True', reason: 'R', message: 'm' },
              { type: 'NetworkUnavailable', status: 'True', reason: 'R', message: 'm' },
            ],
          },
        },
      },
      { settle: 12 },
      { look: ['Node', 'Pod', 'DaemonSet', 'Event'] },
      { look: ['Event'], namespace: 'default', about: 'n1' },
      {
        patch: 'Node/n1',
        subresource: 'status',
        body: {
          status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
        },
      },
      { settle: 12 },
      { look: ['Node', 'Pod', 'DaemonSet', 'Event'] },
    ],
  },
  {
    name: 'node-gone',
    nodes: [node('g1'), node('g2')],
    steps: [
      {
        create: [
          pod('p', at('g1')),
          workload('DaemonSet', 'agent', {}),
          workload('StatefulSet', 'db', { replicas: 1, serviceName: 's' }, at('g1')),
        ],
      },
      look,
      { remove: 'Node/g1' },
      { settle: 75 },
      { look: ['Pod', 'DaemonSet', 'StatefulSet', 'Event'] },
    ],
  },
  {
    name: 'node-out-of-service',
    nodes: [node('o1'), node('o2')],
    steps: [
      { create: [pod('p', at('o1'))] },
      look,
      { silence: ['o1'] },
      {
        patch: 'Node/o1',
        body: {
          spec: {
            taints: [{ key: 'node.kubernetes.io/out-of-service', value: 'x', effect: 'NoExecute' }],
          },
        },
      },
      { settle: 75 },
      look,
    ],
  },
];
