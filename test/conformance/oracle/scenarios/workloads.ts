/** Deployments, ReplicaSets, StatefulSets, DaemonSets, ReplicationControllers, and what owns what. */
import { image, pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Deployment', 'ReplicaSet', 'Pod', 'Event'] };
const lookSet: Step = { look: ['StatefulSet', 'ControllerRevision', 'Pod', 'Event'] };
const lookDaemon: Step = { look: ['DaemonSet', 'ControllerRevision', 'Pod', 'Event'] };
const spec = (body: Json): Json => ({ spec: body });
const claim = (name: string): Json => ({
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'none',
    resources: { requests: { storage: '1Gi' } },
  },
});

export const workloads: readonly Scenario[] = [
  {
    name: 'deploy-roll',
    steps: [
      { create: [workload('Deployment', 'web', { replicas: 3 })] },
      look,
      { patch: 'Deployment/web', body: image('2') },
      look,
      { patch: 'Deployment/web', body: image('1') },
      look,
      {
        patch: 'Deployment/web',
        body: { ...spec({ replicas: 5 }), metadata: { annotations: { a: 'b' } } },
      },
      look,
    ],
  },
  {
    name: 'deploy-stuck',
    steps: [
      {
        create: [
          workload('Deployment', 'web', {
            replicas: 4,
            progressDeadlineSeconds: 6,
            minReadySeconds: 1,
            strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
          }),
        ],
      },
      look,
      { kubelet: 'running' },
      { patch: 'Deployment/web', body: image('2') },
      { settle: 9 },
      look,
      { patch: 'Deployment/web', body: spec({ replicas: 8 }) },
      { settle: 9 },
      look,
    ],
  },
  {
    name: 'deploy-pause',
    steps: [
      { create: [workload('Deployment', 'web', { replicas: 2, revisionHistoryLimit: 1 })] },
      look,
      { patch: 'Deployment/web', body: spec({ paused: true }) },
      { patch: 'Deployment/web', body: image('2') },
      look,
      { patch: 'Deployment/web', body: spec({ replicas: 3 }) },
      look,
      { patch: 'Deployment/web', body: spec({ paused: false }) },
      look,
      { patch: 'Deployment/web', body: image('3') },
      look,
    ],
  },
  {
    name: 'deploy-recreate',
    steps: [
      {
        create: [
          workload('Deployment', 'web', {
            replicas: 2,
            strategy: { type: 'Recreate', rollingUpdate: null },
          }),
        ],
      },
      look,
      { patch: 'Deployment/web', body: image('2') },
      look,
      { remove: 'Deployment/web', options: { propagationPolicy: 'Orphan' } },
      look,
    ],
  },
  {
    name: 'deploy-adopt',
    steps: [
      {
        create: [pod('lone', {}, { app: 'web' }), workload('ReplicaSet', 'web', { replicas: 2 })],
      },
      look,
      { create: [workload('Deployment', 'web', { replicas: 3 })] },
      look,
      { patch: 'Pod/lone', body: { metadata: { labels: { app: 'other' } } } },
      look,
      { remove: 'Deployment/web', options: { propagationPolicy: 'Foreground' } },
      look,
    ],
  },
  {
    name: 'deploy-quota',
    steps: [
      {
        create: [{ kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } }],
      },
      { look: ['ResourceQuota'] },
      { create: [workload('Deployment', 'web', { replicas: 2 })] },
      { look: ['Deployment', 'ReplicaSet', 'ResourceQuota'] },
    ],
  },
  {
    name: 'replicaset',
    steps: [
      { create: [workload('ReplicaSet', 'web', { replicas: 3, minReadySeconds: 2 })] },
      look,
      { patch: 'ReplicaSet/web', body: spec({ replicas: 1 }) },
      look,
      { patch: 'ReplicaSet/web', body: spec({ replicas: 0 }) },
      { remove: 'ReplicaSet/web', options: { propagationPolicy: 'Background' } },
      look,
    ],
  },
  {
    name: 'rc',
    steps: [
      {
        create: [
          {
            kind: 'ReplicationController',
            metadata: { name: 'web' },
            spec: {
              replicas: 2,
              selector: { app: 'web' },
              template: { metadata: { labels: { app: 'web' } }, spec: podSpec() },
            },
          },
        ],
      },
      { look: ['ReplicationController', 'Pod', 'Event'] },
      { patch: 'ReplicationController/web', body: spec({ replicas: 1 }) },
      { look: ['ReplicationController', 'Pod', 'Event'] },
    ],
  },
  {
    name: 'sts-ordered',
    steps: [
      {
        create: [
          workload('StatefulSet', 'db', {
            replicas: 3,
            serviceName: 's',
            ordinals: { start: 2 },
            updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 3 } },
          }),
        ],
      },
      lookSet,
      { patch: 'StatefulSet/db', body: image('2') },
      lookSet,
      {
        patch: 'StatefulSet/db',
        body: spec({ updateStrategy: { rollingUpdate: { partition: 0 } } }),
      },
      lookSet,
      { patch: 'StatefulSet/db', body: spec({ replicas: 1 }) },
      lookSet,
    ],
  },
  {
    name: 'sts-parallel-claims',
    steps: [
      {
        create: [
          workload('StatefulSet', 'db', {
            replicas: 2,
            serviceName: 's',
            podManagementPolicy: 'Parallel',
            volumeClaimTemplates: [claim('data')],
            persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
          }),
        ],
      },
      { look: ['StatefulSet', 'ControllerRevision', 'Pod', 'PersistentVolumeClaim', 'Event'] },
      { patch: 'StatefulSet/db', body: spec({ replicas: 1 }) },
      { look: ['StatefulSet', 'Pod', 'PersistentVolumeClaim', 'Event'] },
      { remove: 'StatefulSet/db' },
      { look: ['Pod', 'PersistentVolumeClaim', 'Event'] },
    ],
  },
  {
    name: 'sts-ondelete',
    steps: [
      {
        create: [
          workload('StatefulSet', 'db', {
            replicas: 2,
            serviceName: 's',
            revisionHistoryLimit: 0,
            updateStrategy: { type: 'OnDelete' },
          }),
        ],
      },
      lookSet,
      { patch: 'StatefulSet/db', body: image('2') },
      lookSet,
      { remove: 'Pod/db-1' },
      lookSet,
      { patch: 'StatefulSet/db', body: image('3') },
      { remove: 'Pod/db-0' },
      lookSet,
      { remove: 'StatefulSet/db', options: { propagationPolicy: 'Orphan' } },
      lookSet,
    ],
  },
  {
    name: 'sts-broken',
    steps: [
      { kubelet: 'running' },
      { create: [workload('StatefulSet', 'db', { replicas: 2, serviceName: 's' })] },
      lookSet,
      { pods: 'db-0', status: { phase: 'Failed', reason: 'Evicted' } },
      lookSet,
      { patch: 'StatefulSet/db', body: image('2') },
      lookSet,
    ],
  },
  {
    name: 'daemon',
    steps: [
      { create: [workload('DaemonSet', 'agent', { minReadySeconds: 1 })] },
      lookDaemon,
      { patch: 'DaemonSet/agent', body: image('2') },
      lookDaemon,
      { patch: 'DaemonSet/agent', body: image('1') },
      lookDaemon,
      { pods: 'agent', status: { phase: 'Failed', reason: 'Evicted', message: 'm' }, count: 1 },
      lookDaemon,
    ],
  },
  {
    name: 'daemon-surge',
    steps: [
      {
        create: [
          workload('DaemonSet', 'agent', {
            updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          }),
        ],
      },
      lookDaemon,
      { patch: 'DaemonSet/agent', body: image('2') },
      lookDaemon,
      {
        patch: 'DaemonSet/agent',
        body: spec({ template: { spec: { nodeSelector: { no: 'node' } } } }),
      },
      lookDaemon,
    ],
  },
  {
    name: 'daemon-ondelete',
    steps: [
      {
        create: [
          workload(
            'DaemonSet',
            'agent',
            { updateStrategy: { type: 'OnDelete' }, revisionHistoryLimit: 0 },
            { hostNetwork: true, tolerations: [{ key: 'k', operator: 'Exists' }] },
          ),
        ],
      },
      lookDaemon,
      { patch: 'DaemonSet/agent', body: image('2') },
      lookDaemon,
      { remove: 'DaemonSet/agent', options: { propagationPolicy: 'Orphan' } },
      lookDaemon,
    ],
  },
];
