/** StatefulSets: order, partitions, ordinals, claims, and updates that get stuck. */
import { image, pod, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['StatefulSet', 'ControllerRevision', 'Pod', 'Event'] };
const lookClaims: Step = { look: ['StatefulSet', 'PersistentVolumeClaim', 'Pod', 'Event'] };
const set = (spec: Json, podMore: Json = {}): Json =>
  workload('StatefulSet', 'db', { replicas: 3, serviceName: 's', ...spec }, podMore);
const change = (spec: Json): Step => ({ patch: 'StatefulSet/db', body: { spec } });
const claim = (name: string, more: Json = {}): Json => ({
  metadata: { name, labels: { l: 'v' }, annotations: { a: 'v' } },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'none',
    resources: { requests: { storage: '1Gi' } },
    ...more,
  },
});

export const statefulSets: readonly Scenario[] = [
  {
    name: 'sts-ordinals',
    steps: [
      { create: [set({ replicas: 2 })] },
      look,
      change({ ordinals: { start: 1 } }),
      look,
      change({ ordinals: { start: 4 } }),
      look,
      change({ ordinals: null }),
      look,
    ],
  },
  {
    name: 'sts-stuck',
    steps: [
      { create: [set({})] },
      look,
      { kubelet: 'running' },
      { patch: 'StatefulSet/db', body: image('2') },
      look,
      { patch: 'StatefulSet/db', body: image('1') },
      look,
      { kubelet: 'ready' },
      { remove: 'Pod/db-2' },
      look,
    ],
  },
  {
    name: 'sts-parallel-update',
    steps: [
      {
        create: [
          set({
            podManagementPolicy: 'Parallel',
            minReadySeconds: 2,
            updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
          }),
        ],
      },
      look,
      { patch: 'StatefulSet/db', body: image('2') },
      look,
      { kubelet: 'running' },
      change({ replicas: 5 }),
      look,
      change({ replicas: 1 }),
      look,
    ],
  },
  {
    name: 'sts-partition',
    steps: [
      { create: [set({ updateStrategy: { rollingUpdate: { partition: 2 } } })] },
      look,
      { patch: 'StatefulSet/db', body: image('2') },
      look,
      { remove: 'Pod/db-0' },
      look,
      change({ updateStrategy: { rollingUpdate: { partition: 9 } } }),
      { patch: 'StatefulSet/db', body: image('3') },
      look,
      change({ revisionHistoryLimit: 0, updateStrategy: { rollingUpdate: { partition: 0 } } }),
      look,
    ],
  },
  {
    name: 'sts-retention',
    steps: [
      {
        create: [
          set({
            replicas: 2,
            volumeClaimTemplates: [claim('data'), claim('logs')],
            persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' },
          }),
        ],
      },
      lookClaims,
      change({
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
      }),
      lookClaims,
      change({ replicas: 1 }),
      lookClaims,
      change({ replicas: 2 }),
      lookClaims,
      change({
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      }),
      lookClaims,
      { remove: 'StatefulSet/db', options: { propagationPolicy: 'Foreground' } },
      lookClaims,
    ],
  },
  {
    name: 'sts-claim-waits',
    steps: [
      {
        create: [
          {
            ...claim('data-db-0'),
            kind: 'PersistentVolumeClaim',
            metadata: { name: 'data-db-0', finalizers: ['example.com/hold'] },
          },
        ],
      },
      { remove: 'PersistentVolumeClaim/data-db-0' },
      { create: [set({ replicas: 1, volumeClaimTemplates: [claim('data')] })] },
      { settle: 2 },
      lookClaims,
      { patch: 'PersistentVolumeClaim/data-db-0', body: { metadata: { finalizers: null } } },
      { settle: 3 },
      lookClaims,
    ],
  },
  {
    name: 'sts-adopts',
    steps: [
      { create: [pod('db-0', {}, { app: 'db' }), pod('stray', {}, { app: 'db' })] },
      { look: ['Pod'] },
      { create: [set({ replicas: 2 })] },
      { settle: 2 },
      look,
      { patch: 'Pod/db-0', body: { metadata: { labels: { app: 'other' } } } },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'sts-quota',
    steps: [
      {
        create: [{ kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } }],
      },
      { look: ['ResourceQuota'] },
      { create: [set({ replicas: 2 })] },
      { settle: 2 },
      { look: ['StatefulSet', 'Pod'] },
    ],
  },
  {
    name: 'sts-succeeded',
    steps: [
      { create: [set({ replicas: 2 })] },
      look,
      { pods: 'db-1', status: { phase: 'Succeeded' } },
      look,
      change({ replicas: 0 }),
      look,
    ],
  },
  {
    name: 'sts-labels',
    steps: [
      { create: [set({ replicas: 1, minReadySeconds: 3600 })] },
      look,
      change({ minReadySeconds: 0 }),
      look,
      {
        patch: 'Pod/db-0',
        body: { metadata: { labels: { 'apps.kubernetes.io/pod-index': '7' } } },
      },
      look,
      { patch: 'StatefulSet/db', body: { metadata: { labels: { tier: 'y' } } } },
      look,
    ],
  },
];
