/** PersistentVolumes and claims: bound, waiting, reclaimed, resized, and attached to nodes. */
import { pod } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['PersistentVolumeClaim', 'PersistentVolume', 'Event'] };
const claim = (name: string, storageClassName: string | null, more: Json = {}): Json => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    ...(storageClassName === null ? {} : { storageClassName }),
    resources: { requests: { storage: '2Gi' } },
    ...more,
  },
});
const volume = (name: string, storageClassName: string, more: Json = {}): Json => ({
  kind: 'PersistentVolume',
  metadata: { name, labels: { v: name } },
  spec: {
    capacity: { storage: '5Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName,
    hostPath: { path: '/x' },
    ...more,
  },
});
const csi = { hostPath: null, csi: { driver: 'example.com', volumeHandle: 'h' } };

export const storage: readonly Scenario[] = [
  {
    name: 'pv-choice',
    steps: [
      {
        create: [
          volume('ch-small', 'c1', { capacity: { storage: '1Gi' } }),
          volume('ch-large', 'c1', { capacity: { storage: '9Gi' } }),
          volume('ch-fit', 'c1', { capacity: { storage: '3Gi' } }),
          volume('ch-many', 'c1', { accessModes: ['ReadWriteMany', 'ReadOnlyMany'] }),
          volume('ch-block', 'c1', { volumeMode: 'Block' }),
          volume('ch-reserved', 'c1', {
            capacity: { storage: '2Gi' },
            claimRef: { namespace: '$ns', name: 'reserved' },
          }),
          volume('ch-lost', 'c1', {
            claimRef: {
              namespace: '$ns',
              name: 'nobody',
              uid: '11111111-1111-4111-8111-111111111111',
            },
          }),
        ],
      },
      { settle: 2 },
      {
        create: [
          claim('first', 'c1'),
          claim('many', 'c1', { accessModes: ['ReadWriteMany'] }),
          claim('block', 'c1', { volumeMode: 'Block' }),
          claim('select', 'c1', { selector: { matchLabels: { v: 'ch-large' } } }),
          claim('huge', 'c1', { resources: { requests: { storage: '90Gi' } } }),
          claim('reserved', 'c1'),
          claim('named', 'c1', { volumeName: 'ch-nowhere' }),
          claim('taken', 'c1', { volumeName: 'ch-block' }),
          claim('other-class', 'c2'),
          claim('default', null),
        ],
      },
      { settle: 4 },
      look,
    ],
  },
  {
    name: 'pv-reclaim',
    steps: [
      {
        create: [
          volume('re-retain', 'r1', { persistentVolumeReclaimPolicy: 'Retain' }),
          volume('re-delete', 'r2', { persistentVolumeReclaimPolicy: 'Delete' }),
          volume('re-recycle', 'r3', { persistentVolumeReclaimPolicy: 'Recycle' }),
          volume('re-csi', 'r4', { persistentVolumeReclaimPolicy: 'Delete', ...csi }),
          claim('retain', 'r1'),
          claim('delete', 'r2'),
          claim('csi', 'r4'),
        ],
      },
      { settle: 4 },
      look,
      { remove: 'PersistentVolumeClaim/retain' },
      { remove: 'PersistentVolumeClaim/delete' },
      { remove: 'PersistentVolumeClaim/csi' },
      { settle: 4 },
      look,
      { create: [claim('retain', 'r1')] },
      { settle: 2 },
      look,
      { patch: 'PersistentVolume/re-retain', body: { spec: { claimRef: null } } },
      { settle: 4 },
      look,
    ],
  },
  {
    name: 'pv-lost',
    steps: [
      { create: [volume('lo-v', 'l1'), claim('c', 'l1')] },
      { settle: 3 },
      look,
      { patch: 'PersistentVolume/lo-v', body: { metadata: { finalizers: null } } },
      { remove: 'PersistentVolume/lo-v' },
      { settle: 3 },
      look,
      { patch: 'PersistentVolume/lo-v', body: { metadata: { finalizers: null } } },
      { settle: 3 },
      look,
    ],
  },
  {
    name: 'pv-classes',
    steps: [
      {
        create: [
          {
            kind: 'StorageClass',
            metadata: { name: 'now' },
            provisioner: 'example.com/now',
            parameters: { a: 'b' },
          },
          {
            kind: 'StorageClass',
            metadata: { name: 'later' },
            provisioner: 'example.com/later',
            volumeBindingMode: 'WaitForFirstConsumer',
            allowVolumeExpansion: true,
          },
          {
            kind: 'StorageClass',
            metadata: { name: 'never' },
            provisioner: 'kubernetes.io/no-provisioner',
          },
          { kind: 'StorageClass', metadata: { name: 'plugin' }, provisioner: 'kubernetes.io/odd' },
          claim('now', 'now'),
          claim('later', 'later'),
          claim('never', 'never'),
          claim('plugin', 'plugin'),
          claim('cloned', 'now', { dataSource: { kind: 'PersistentVolumeClaim', name: 'now' } }),
        ],
      },
      { settle: 4 },
      look,
      { create: [pod('p', mounted('later'))] },
      { settle: 3 },
      { look: ['Pod', 'PersistentVolumeClaim', 'Event'] },
    ],
  },
  {
    name: 'pv-resize',
    steps: [
      {
        create: [
          {
            kind: 'StorageClass',
            metadata: { name: 'grows' },
            provisioner: 'example.com/g',
            allowVolumeExpansion: true,
          },
          volume('rs-csi', 'grows', csi),
          claim('c', 'grows'),
        ],
      },
      { settle: 3 },
      look,
      {
        patch: 'PersistentVolumeClaim/c',
        body: { spec: { resources: { requests: { storage: '20Gi' } } } },
      },
      { settle: 3 },
      look,
    ],
  },
  {
    name: 'pvc-in-use',
    steps: [
      { create: [volume('iu-v', 'u1'), claim('c', 'u1')] },
      { settle: 3 },
      { create: [pod('p', mounted('c'))] },
      { look: ['Pod'] },
      { remove: 'PersistentVolumeClaim/c' },
      { settle: 1 },
      look,
      { create: [pod('q', mounted('c'))] },
      { settle: 2 },
      { look: ['Pod', 'Event'] },
      { pods: 'p', status: { phase: 'Succeeded' } },
      { settle: 3 },
      { look: ['PersistentVolumeClaim', 'PersistentVolume', 'Pod', 'Event'] },
    ],
  },
  {
    name: 'attach',
    steps: [
      {
        create: [
          {
            kind: 'CSIDriver',
            metadata: { name: 'attached.example.com' },
            spec: { attachRequired: true },
          },
          volume('at-v', 'a1', {
            hostPath: null,
            csi: { driver: 'attached.example.com', volumeHandle: 'h' },
          }),
          claim('c', 'a1'),
        ],
      },
      { settle: 3 },
      { create: [pod('p', { ...mounted('c'), nodeName: 'w1' })] },
      { settle: 4 },
      { look: ['VolumeAttachment', 'Event', 'Pod'] },
      { remove: 'Pod/p' },
      { settle: 4 },
      { look: ['VolumeAttachment', 'Event'] },
    ],
  },
  {
    name: 'ephemeral-held',
    steps: [
      {
        create: [
          claim('p-v', 'none'),
          pod('p', {
            volumes: [
              {
                name: 'v',
                ephemeral: {
                  volumeClaimTemplate: {
                    spec: {
                      accessModes: ['ReadWriteOnce'],
                      storageClassName: 'none',
                      resources: { requests: { storage: '1Gi' } },
                    },
                  },
                },
              },
            ],
          }),
        ],
      },
      { settle: 3 },
      { look: ['Pod', 'PersistentVolumeClaim', 'Event'] },
    ],
  },
];

function mounted(claimName: string): Json {
  return { volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] };
}
