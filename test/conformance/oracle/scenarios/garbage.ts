/** Owners and what they own, namespaces that end, quotas, and what namespaces get by themselves. */
import { pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const map = (name: string, more: Json = {}): Json => ({
  kind: 'ConfigMap',
  metadata: { name, ...more },
});
const owned = (owner: string, more: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: owner,
  uid: `$uid(ConfigMap/${owner})`,
  ...more,
});
const child = (name: string, owner: string, more: Json = {}): Json =>
  map(name, { ownerReferences: [owned(owner, more)] });
const look: Step = { look: ['ConfigMap', 'Event'] };
const held = { finalizers: ['example.com/hold'] };
const remove = (name: string, propagationPolicy: string): Step => ({
  remove: name,
  options: { propagationPolicy },
});
const absent = '11111111-1111-4111-8111-111111111111';

export const garbage: readonly Scenario[] = [
  {
    name: 'gc-policies',
    steps: [
      { create: [map('back'), map('fore'), map('orphan')] },
      {
        create: [
          child('back-1', 'back'),
          child('fore-1', 'fore', { blockOwnerDeletion: true }),
          child('orphan-1', 'orphan'),
        ],
      },
      { create: [child('back-2', 'back-1')] },
      { settle: 1 },
      remove('ConfigMap/back', 'Background'),
      remove('ConfigMap/fore', 'Foreground'),
      remove('ConfigMap/orphan', 'Orphan'),
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'gc-blocked',
    steps: [
      { create: [map('owner')] },
      {
        create: [
          {
            ...map('blocks', held),
            metadata: {
              name: 'blocks',
              ...held,
              ownerReferences: [owned('owner', { blockOwnerDeletion: true })],
            },
          },
          {
            ...map('lets', held),
            metadata: { name: 'lets', ...held, ownerReferences: [owned('owner')] },
          },
        ],
      },
      { settle: 1 },
      remove('ConfigMap/owner', 'Foreground'),
      { settle: 2 },
      look,
      { patch: 'ConfigMap/lets', body: { metadata: { finalizers: null } } },
      { settle: 1 },
      look,
      { patch: 'ConfigMap/blocks', body: { metadata: { finalizers: null } } },
      { settle: 1 },
      look,
    ],
  },
  {
    name: 'gc-two-owners',
    steps: [
      { create: [map('a'), map('b')] },
      {
        create: [map('shared', { ownerReferences: [owned('a'), owned('b')] })],
      },
      { settle: 1 },
      remove('ConfigMap/a', 'Background'),
      { settle: 2 },
      look,
      remove('ConfigMap/b', 'Foreground'),
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'gc-owner-kinds',
    steps: [
      { create: [map('here')] },
      {
        create: [
          map('unknown-kind', {
            ownerReferences: [
              { apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: absent },
            ],
          }),
          map('wrong-uid', {
            ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'here', uid: absent }],
          }),
          map('wrong-kind', {
            ownerReferences: [
              {
                apiVersion: 'v1',
                kind: 'Secret',
                name: 'here',
                uid: '$uid(ConfigMap/here)',
              },
            ],
          }),
          map('wrong-name', {
            ownerReferences: [
              {
                apiVersion: 'v1',
                kind: 'ConfigMap',
                name: 'elsewhere',
                uid: '$uid(ConfigMap/here)',
              },
            ],
          }),
          map('by-namespace', {
            ownerReferences: [
              { apiVersion: 'v1', kind: 'Namespace', name: '$ns', uid: '$uid(Namespace/$ns)' },
            ],
          }),
          map('other-namespace', {
            ownerReferences: [
              {
                apiVersion: 'v1',
                kind: 'ConfigMap',
                name: 'kube-root-ca.crt',
                uid: '$uid(ConfigMap/kube-root-ca.crt@kube-system)',
              },
            ],
          }),
        ],
      },
      { settle: 4 },
      look,
    ],
  },
  {
    name: 'gc-cluster-wide-owned',
    steps: [
      { create: [map('owner')] },
      {
        create: [
          {
            kind: 'ClusterRole',
            metadata: { name: 'owned-by-map', ownerReferences: [owned('owner')] },
            rules: [],
          },
        ],
      },
      { settle: 4 },
      { look: ['ClusterRole', 'ConfigMap', 'Event'] },
      { look: ['Event'], namespace: 'default', about: 'owned-by-map' },
    ],
  },
  {
    name: 'ns-stuck',
    steps: [
      { create: [pod('p', {}, { app: 'p' }), map('m', held)] },
      { look: ['Pod'] },
      { kubelet: 'idle' },
      { remove: 'Namespace/$ns' },
      { settle: 3 },
      { look: ['Namespace', 'Pod', 'ConfigMap'] },
      { create: [map('late')] },
      { patch: 'ConfigMap/m', body: { metadata: { finalizers: null } } },
      { settle: 3 },
      { look: ['Namespace', 'Pod', 'ConfigMap'] },
    ],
  },
  {
    name: 'ns-many-held',
    steps: [
      {
        create: [
          map('m1', held),
          map('m2', { finalizers: ['example.com/hold', 'example.com/other'] }),
          { kind: 'Secret', metadata: { name: 's', ...held } },
          { kind: 'ServiceAccount', metadata: { name: 'a', ...held } },
        ],
      },
      { remove: 'Namespace/$ns' },
      { settle: 3 },
      { look: ['Namespace'] },
    ],
  },
  {
    name: 'ns-own-finalizer',
    steps: [
      {
        post: 'Namespace/$ns',
        method: 'PUT',
        subresource: 'finalize',
        body: {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: '$ns' },
          spec: { finalizers: ['kubernetes', 'example.com/mine'] },
        },
      },
      { remove: 'Namespace/$ns' },
      { settle: 2 },
      { look: ['Namespace', 'ConfigMap'] },
    ],
  },
  {
    name: 'sa-again',
    steps: [
      { patch: 'ConfigMap/kube-root-ca.crt', body: { data: { 'ca.crt': 'x', more: 'y' } } },
      {
        create: [
          { kind: 'ServiceAccount', metadata: { name: 'robot' } },
          {
            kind: 'Secret',
            type: 'kubernetes.io/service-account-token',
            metadata: {
              name: 'token',
              annotations: { 'kubernetes.io/service-account.name': 'robot' },
            },
          },
          {
            kind: 'Secret',
            type: 'kubernetes.io/service-account-token',
            metadata: {
              name: 'wrong-uid',
              annotations: {
                'kubernetes.io/service-account.name': 'robot',
                'kubernetes.io/service-account.uid': absent,
              },
            },
          },
        ],
      },
      { settle: 2 },
      { look: ['ConfigMap', 'ServiceAccount', 'Secret'] },
      { remove: 'ServiceAccount/robot' },
      { settle: 2 },
      { look: ['ServiceAccount', 'Secret', 'Event'] },
    ],
  },
  {
    name: 'quota-scopes',
    steps: [
      {
        create: [
          {
            kind: 'PriorityClass',
            metadata: { name: 'quota-high' },
            value: 5,
          },
          quota('terminating', { pods: '5', 'limits.cpu': '4' }, { scopes: ['Terminating'] }),
          quota('not-terminating', { pods: '5' }, { scopes: ['NotTerminating'] }),
          quota('not-best', { pods: '5', 'requests.memory': '1Gi' }, { scopes: ['NotBestEffort'] }),
          quota(
            'high',
            { pods: '5' },
            {
              scopeSelector: {
                matchExpressions: [
                  { scopeName: 'PriorityClass', operator: 'In', values: ['quota-high'] },
                ],
              },
            },
          ),
          quota(
            'cross',
            { pods: '5' },
            {
              scopeSelector: {
                matchExpressions: [{ scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }],
              },
            },
          ),
          quota('objects', {
            'count/secrets': '10',
            secrets: '10',
            configmaps: '10',
            replicationcontrollers: '10',
            resourcequotas: '20',
            'services.loadbalancers': '10',
            'count/jobs.batch': '10',
            'count/widgets.example.com': '10',
            'requests.example.com/gpu': '4',
            'requests.ephemeral-storage': '4Gi',
            'ephemeral-storage': '4Gi',
            'gold.storageclass.storage.k8s.io/requests.storage': '10Gi',
            'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '10',
            'hugepages-2Mi': '4Mi',
          }),
        ],
      },
      { look: ['ResourceQuota'] },
      {
        create: [
          pod('short', {
            activeDeadlineSeconds: 900,
            containers: [
              { name: 'c', image: 'i', resources: { limits: { cpu: '1500m', memory: '64Mi' } } },
            ],
          }),
          pod('important', {
            priorityClassName: 'quota-high',
            initContainers: [
              {
                name: 'i',
                image: 'i',
                resources: { requests: { cpu: '2', memory: '100Mi' } },
              },
            ],
            containers: [
              {
                name: 'c',
                image: 'i',
                resources: { requests: { memory: '64Mi', 'ephemeral-storage': '1Gi' } },
              },
            ],
          }),
          pod('gpu', {
            containers: [
              { name: 'c', image: 'i', resources: { limits: { 'example.com/gpu': '2' } } },
            ],
          }),
          {
            kind: 'Service',
            metadata: { name: 'l' },
            spec: { type: 'LoadBalancer', ports: [{ port: 1 }] },
          },
          {
            kind: 'PersistentVolumeClaim',
            metadata: { name: 'c' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: 'gold',
              resources: { requests: { storage: '3Gi' } },
            },
          },
        ],
      },
      { settle: 3 },
      { look: ['ResourceQuota', 'Event'] },
      { remove: 'Pod/short' },
      { remove: 'PersistentVolumeClaim/c' },
      { settle: 3 },
      { look: ['ResourceQuota'] },
      { patch: 'ResourceQuota/objects', body: { spec: { hard: { secrets: '1', pods: '1' } } } },
      { look: ['ResourceQuota'] },
    ],
  },
  {
    name: 'quota-refuses',
    steps: [
      { create: [quota('q', { pods: '1', 'requests.cpu': '50m', 'count/configmaps': '1' })] },
      { look: ['ResourceQuota'] },
      { create: [map('one'), map('two'), pod('p'), pod('q'), pod('big', {}, {})] },
      { look: ['ResourceQuota'] },
      { create: [workload('ReplicaSet', 'web', { replicas: 2 })] },
      { settle: 2 },
      { look: ['ReplicaSet', 'Event'] },
      {
        create: [
          {
            kind: 'Pod',
            metadata: { name: 'none' },
            spec: { ...podSpec(), containers: [{ name: 'c', image: 'i' }] },
          },
        ],
      },
    ],
  },
];

function quota(name: string, hard: Json, more: Json = {}): Json {
  return { kind: 'ResourceQuota', metadata: { name }, spec: { hard, ...more } };
}
