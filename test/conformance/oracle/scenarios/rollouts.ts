/** Deployments, ReplicaSets and DaemonSets: roll-outs with limits, undone, held up, and what they own. */
import { image, pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Deployment', 'ReplicaSet', 'Pod', 'Event'] };
const lookDaemon: Step = { look: ['DaemonSet', 'ControllerRevision', 'Pod', 'Event'] };
const web = (spec: Json): Json => workload('Deployment', 'web', spec);
const to = (tag: string): Step => ({ patch: 'Deployment/web', body: image(tag) });
const change = (spec: Json): Step => ({ patch: 'Deployment/web', body: { spec } });
const rolling = (maxSurge: unknown, maxUnavailable: unknown): Json => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});
const agent = (tag: string): Step => ({ patch: 'DaemonSet/agent', body: image(tag) });

export const rollouts: readonly Scenario[] = [
  {
    name: 'deploy-undo',
    steps: [
      { create: [web({ replicas: 2, revisionHistoryLimit: 2 })] },
      look,
      to('2'),
      look,
      to('3'),
      look,
      to('1'),
      look,
      to('4'),
      look,
      {
        patch: 'Deployment/web',
        body: { metadata: { annotations: { 'kubernetes.io/change-cause': 'c' } } },
      },
      look,
    ],
  },
  {
    name: 'deploy-percent',
    steps: [
      { kubelet: 'running' },
      { create: [web({ replicas: 7, ...rolling('30%', '20%') })] },
      look,
      { kubelet: 'ready' },
      { pods: 'web', status: { conditions: [{ type: 'Ready', status: 'True' }] }, count: 7 },
      look,
      { kubelet: 'running' },
      to('2'),
      look,
      change({ replicas: 10 }),
      look,
      change({ replicas: 3 }),
      look,
    ],
  },
  {
    name: 'deploy-no-surge',
    steps: [
      { create: [web({ replicas: 3, ...rolling(0, '34%') })] },
      look,
      { kubelet: 'running' },
      to('2'),
      look,
      to('3'),
      look,
    ],
  },
  {
    name: 'deploy-surge-all',
    steps: [
      { create: [web({ replicas: 2, minReadySeconds: 2, ...rolling('100%', 0) })] },
      look,
      to('2'),
      look,
      change({ replicas: 0 }),
      look,
      to('3'),
      look,
    ],
  },
  {
    name: 'deploy-pause-scale',
    steps: [
      { create: [web({ replicas: 4, paused: true })] },
      look,
      change({ paused: false }),
      look,
      { kubelet: 'running' },
      to('2'),
      look,
      change({ paused: true }),
      change({ replicas: 8 }),
      look,
      to('3'),
      look,
      change({ paused: false }),
      look,
    ],
  },
  {
    name: 'deploy-progress',
    steps: [
      { kubelet: 'running' },
      { create: [web({ replicas: 2, progressDeadlineSeconds: 3 })] },
      { settle: 6 },
      look,
      { kubelet: 'ready' },
      { pods: 'web', status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      look,
      { pods: 'web', status: { conditions: [{ type: 'Ready', status: 'False' }] }, count: 1 },
      { settle: 5 },
      look,
    ],
  },
  {
    name: 'deploy-recreate-held',
    steps: [
      { create: [web({ replicas: 2, strategy: { type: 'Recreate', rollingUpdate: null } })] },
      look,
      { kubelet: 'idle' },
      to('2'),
      look,
      { kubelet: 'ready' },
      look,
    ],
  },
  {
    name: 'deploy-collision',
    steps: [
      { create: [web({ replicas: 1 })] },
      look,
      { remove: 'Deployment/web', options: { propagationPolicy: 'Orphan' } },
      { patchAll: 'ReplicaSet', body: { metadata: { labels: { app: 'other' } } } },
      look,
      { create: [web({ replicas: 1 })] },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'deploy-overlap',
    steps: [
      {
        create: [
          web({ replicas: 1 }),
          workload('Deployment', 'web2', {
            replicas: 1,
            selector: { matchLabels: { app: 'web' } },
            template: { metadata: { labels: { app: 'web' } }, spec: podSpec() },
          }),
        ],
      },
      look,
      { removeAll: 'ReplicaSet', options: { propagationPolicy: 'Orphan' } },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'deploy-select-all',
    steps: [
      {
        create: [
          {
            kind: 'ReplicaSet',
            metadata: { name: 'bad' },
            spec: {
              replicas: 1,
              selector: { matchLabels: { app: 'web' } },
              template: {
                metadata: { labels: { app: 'web' } },
                spec: podSpec({ serviceAccountName: 'nobody' }),
              },
            },
          },
          web({
            replicas: 1,
            template: {
              metadata: { labels: { app: 'web' } },
              spec: podSpec({ serviceAccountName: 'nobody' }),
            },
          }),
        ],
      },
      { settle: 2 },
      { look: ['Deployment', 'ReplicaSet'] },
    ],
  },
  {
    name: 'rs-adopt-release',
    steps: [
      {
        create: [
          pod('one', {}, { app: 'web' }),
          pod('two', {}, { app: 'web' }),
          pod('three', {}, { app: 'web' }),
        ],
      },
      { look: ['Pod'] },
      { create: [workload('ReplicaSet', 'web', { replicas: 2 })] },
      look,
      { pods: 'two', status: { phase: 'Failed', reason: 'Evicted' } },
      { pods: 'one', status: { phase: 'Succeeded' } },
      look,
      { removeAll: 'ReplicaSet', options: { propagationPolicy: 'Orphan' } },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'rs-deletion-cost',
    steps: [
      { create: [workload('ReplicaSet', 'web', { replicas: 4 })] },
      look,
      {
        patchAll: 'Pod',
        count: 3,
        body: { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '10' } } },
      },
      { patch: 'ReplicaSet/web', body: { spec: { replicas: 3 } } },
      look,
      { patch: 'ReplicaSet/web', body: { spec: { replicas: 1, minReadySeconds: 3600 } } },
      look,
    ],
  },
  {
    name: 'daemon-percent',
    nodes: [],
    steps: [
      {
        create: [
          workload('DaemonSet', 'agent', {
            updateStrategy: { rollingUpdate: { maxUnavailable: '50%' } },
          }),
        ],
      },
      lookDaemon,
    ],
  },
  {
    name: 'daemon-stuck',
    steps: [
      { create: [workload('DaemonSet', 'agent', {})] },
      lookDaemon,
      { kubelet: 'running' },
      agent('2'),
      lookDaemon,
      agent('3'),
      lookDaemon,
      {
        patch: 'DaemonSet/agent',
        body: { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: '100%' } } } },
      },
      lookDaemon,
    ],
  },
  {
    name: 'daemon-adopts',
    steps: [
      {
        create: [
          pod('lone', { nodeName: 'w1' }, { app: 'agent' }),
          workload('DaemonSet', 'agent', {}),
        ],
      },
      lookDaemon,
      { patch: 'DaemonSet/agent', body: { metadata: { annotations: { x: 'y' } } } },
      { remove: 'DaemonSet/agent', options: { propagationPolicy: 'Foreground' } },
      lookDaemon,
    ],
  },
  {
    name: 'daemon-surge-stuck',
    steps: [
      {
        create: [
          workload('DaemonSet', 'agent', {
            updateStrategy: { rollingUpdate: { maxSurge: '50%', maxUnavailable: 0 } },
          }),
        ],
      },
      lookDaemon,
      { kubelet: 'running' },
      agent('2'),
      lookDaemon,
    ],
  },
];
