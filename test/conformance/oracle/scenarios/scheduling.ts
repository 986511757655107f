/** Where pods go, why they go nowhere, and what becomes of pods on nodes that are lost. */
import { node, pod, podSpec } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Pod', 'Event'] };
const zones = [
  node('a1', { zone: 'a' }),
  node('a2', { zone: 'a' }),
  node('b1', { zone: 'b' }),
  node('c1', { zone: 'c' }, { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }),
];
const sized = (name: string, cpu: string, more: Json = {}): Json => ({
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: podSpec(more, cpu),
});
const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const near = (kind: string, app: string, topologyKey: string, more: Json = {}): Json => ({
  affinity: {
    [kind]: { [required]: [{ topologyKey, labelSelector: { matchLabels: { app } }, ...more }] },
  },
});
const spread = (more: Json, app = 'x'): Json => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app } },
      ...more,
    },
  ],
});
const at = (nodeName: string): Json => ({ nodeSelector: { 'kubernetes.io/hostname': nodeName } });
const labels = { app: 'x', v: '1' };
const claimed = (claimName: string): Json => ({
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
});
const claim = (name: string, storageClassName: string, more: Json = {}): Json => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName,
    resources: { requests: { storage: '1Gi' } },
    ...more,
  },
});
const volume = (
  name: string,
  zone: string,
  storageClassName: string,
  claimName?: string,
): Json => ({
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: '5Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName,
    local: { path: '/x' },
    ...(claimName === undefined ? {} : { claimRef: { name: claimName, namespace: '$ns' } }),
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] },
        ],
      },
    },
  },
});

export const scheduling: readonly Scenario[] = [
  {
    name: 'fails',
    nodes: zones,
    steps: [
      {
        create: [
          sized('big', '40'),
          sized('many', '10m', {
            containers: [
              {
                name: 'c',
                image: 'i',
                resources: {
                  limits: { 'example.com/gpu': '1', 'ephemeral-storage': '1Gi', memory: '100Gi' },
                },
              },
            ],
          }),
          sized('selects', '10m', { nodeSelector: { no: 'node' } }),
          sized('gone', '10m', { nodeName: undefined, schedulerName: 'other' }),
          sized('gated', '10m', { schedulingGates: [{ name: 'example.com/g' }] }),
          sized('far', '10m', near('podAffinity', 'nobody', 'zone')),
          sized('keyless', '10m', spread({ topologyKey: 'rack' })),
          sized('mixed', '40', { nodeSelector: { zone: 'b' } }),
          sized('field', '10m', {
            affinity: {
              nodeAffinity: {
                [required]: {
                  nodeSelectorTerms: [
                    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['zz'] }] },
                  ],
                },
              },
            },
          }),
          sized('field-there', '40', {
            affinity: {
              nodeAffinity: {
                [required]: {
                  nodeSelectorTerms: [
                    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a1'] }] },
                  ],
                },
              },
            },
          }),
          sized('claimless', '10m', claimed('none')),
        ],
      },
      look,
      { patch: 'Pod/gated', body: { spec: { schedulingGates: null } } },
      { patch: 'Node/a1', body: { spec: { unschedulable: true } } },
      { patch: 'Node/a2', body: { spec: { unschedulable: true } } },
      { patch: 'Node/b1', body: { spec: { unschedulable: true } } },
      { create: [pod('late')] },
      { look: ['Pod', 'Event', 'Node'] },
    ],
  },
  {
    name: 'affinity',
    nodes: zones,
    steps: [
      {
        create: [
          pod('x1', at('a1'), labels),
          pod('guard', { ...near('podAntiAffinity', 'intruder', 'zone'), ...at('b1') }),
        ],
      },
      look,
      {
        create: [
          pod('joins', near('podAffinity', 'x', 'zone'), { app: 'joins' }),
          pod('keyed', near('podAffinity', 'x', 'zone', { matchLabelKeys: ['v'] }), {
            app: 'keyed',
            v: '1',
          }),
          pod('keyed-other', near('podAffinity', 'x', 'zone', { matchLabelKeys: ['v'] }), {
            app: 'keyed',
            v: '2',
          }),
          pod('unkeyed', near('podAffinity', 'x', 'zone', { mismatchLabelKeys: ['v', 'w'] }), {
            app: 'keyed',
            v: '1',
          }),
          pod('intruder', { nodeSelector: { zone: 'b' } }),
          pod('avoids', { ...near('podAntiAffinity', 'x', 'zone'), nodeSelector: { zone: 'a' } }),
          pod(
            'other-space',
            near('podAffinity', 'x', 'zone', { namespaceSelector: { matchLabels: { no: 'ne' } } }),
          ),
          pod('every-space', near('podAffinity', 'x', 'zone', { namespaceSelector: {} })),
          pod('myself', near('podAffinity', 'myself', 'kubernetes.io/hostname')),
        ],
      },
      look,
    ],
  },
  {
    name: 'spread',
    nodes: zones,
    steps: [
      { create: [pod('x1', at('a1'), labels)] },
      look,
      { create: [pod('x2', spread({}), labels)] },
      look,
      { create: [pod('x3', { ...spread({}), ...at('a2') }, labels)] },
      look,
      {
        create: [
          pod('few', spread({ minDomains: 5 }), labels),
          pod(
            'honor',
            { ...spread({ nodeTaintsPolicy: 'Honor' }), nodeSelector: { zone: 'a' } },
            labels,
          ),
          pod(
            'ignore',
            { ...spread({ nodeAffinityPolicy: 'Ignore' }), nodeSelector: { zone: 'a' } },
            labels,
          ),
          pod('keyed', spread({ matchLabelKeys: ['v'] }), { app: 'x', v: '2' }),
        ],
      },
      look,
    ],
  },
  {
    name: 'ports-volumes',
    nodes: zones,
    steps: [
      {
        create: [
          pod('p1', {
            ...at('b1'),
            containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1, hostPort: 81 }] }],
          }),
          {
            kind: 'StorageClass',
            metadata: { name: 'wffc' },
            provisioner: 'kubernetes.io/no-provisioner',
            volumeBindingMode: 'WaitForFirstConsumer',
          },
          {
            kind: 'StorageClass',
            metadata: { name: 'limited' },
            provisioner: 'example.com/x',
            volumeBindingMode: 'WaitForFirstConsumer',
            allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['q'] }] }],
          },
          {
            kind: 'StorageClass',
            metadata: { name: 'made' },
            provisioner: 'example.com/x',
            volumeBindingMode: 'WaitForFirstConsumer',
          },
          volume('va', 'a', 'wffc'),
          volume('vq', 'q', 'manual', 'lost-zone'),
          claim('local', 'wffc'),
          claim('big', 'wffc', { resources: { requests: { storage: '50Gi' } } }),
          claim('limited', 'limited'),
          claim('made', 'made'),
          claim('immediate', 'none'),
          claim('lost-zone', 'manual', { volumeName: 'vq' }),
          claim('rwop', 'wffc', { accessModes: ['ReadWriteOncePod'] }),
        ],
      },
      look,
      {
        create: [
          pod('p2', {
            ...at('b1'),
            containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1, hostPort: 81 }] }],
          }),
          pod('local', claimed('local')),
          pod('big', claimed('big')),
          pod('limited', claimed('limited')),
          pod('made', claimed('made')),
          pod('immediate', claimed('immediate')),
          pod('lost-zone', claimed('lost-zone')),
        ],
      },
      { settle: 3 },
      { look: ['Pod', 'Event', 'PersistentVolumeClaim', 'PersistentVolume'] },
    ],
  },
  {
    name: 'preempt',
    nodes: [node('n1', { zone: 'a' }), node('n2', { zone: 'b' })],
    steps: [
      {
        create: [
          { kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 },
          { kind: 'PriorityClass', metadata: { name: 'low' }, value: 10 },
          {
            kind: 'PriorityClass',
            metadata: { name: 'polite' },
            value: 1000,
            preemptionPolicy: 'Never',
          },
        ],
      },
      { settle: 1 },
      {
        create: [
          sized('one', '3', { ...at('n1'), priorityClassName: 'low' }),
          sized('two', '3', { ...at('n2'), priorityClassName: 'high' }),
        ],
      },
      look,
      {
        create: [
          sized('asks', '3', { priorityClassName: 'polite' }),
          sized('low', '3', { priorityClassName: 'low' }),
        ],
      },
      look,
      { kubelet: 'idle' },
      { create: [sized('takes', '3', { priorityClassName: 'high', nodeSelector: { zone: 'a' } })] },
      { settle: 2 },
      look,
      { kubelet: 'ready' },
      look,
    ],
  },
  {
    name: 'scores',
    nodes: [
      node('s1', { zone: 'a', fast: 'y' }),
      node('s2', { zone: 'b' }, { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }),
      node('s3', { zone: 'c' }, {}, { cpu: '16', memory: '32Gi' }),
    ],
    steps: [
      {
        create: [
          pod('fast', {
            affinity: {
              nodeAffinity: {
                [preferred]: [
                  {
                    weight: 100,
                    preference: { matchExpressions: [{ key: 'fast', operator: 'Exists' }] },
                  },
                ],
              },
            },
          }),
          sized('room', '2'),
        ],
      },
      look,
      {
        create: [
          pod('beside', {
            affinity: {
              podAffinity: {
                [preferred]: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      topologyKey: 'zone',
                      labelSelector: { matchLabels: { app: 'fast' } },
                    },
                  },
                ],
              },
            },
          }),
          pod('apart', {
            affinity: {
              podAntiAffinity: {
                [preferred]: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      topologyKey: 'zone',
                      labelSelector: { matchLabels: { app: 'room' } },
                    },
                  },
                ],
              },
            },
          }),
        ],
      },
      look,
    ],
  },
  {
    name: 'no-node',
    nodes: [],
    steps: [{ create: [pod('p')] }, look],
  },
  {
    name: 'node-lost',
    nodes: [node('l1'), node('l2')],
    steps: [
      {
        create: [
          pod('stays', at('l1')),
          pod('short', {
            ...at('l1'),
            tolerations: [
              {
                key: 'node.kubernetes.io/unreachable',
                operator: 'Exists',
                effect: 'NoExecute',
                tolerationSeconds: 3,
              },
            ],
          }),
          pod('leaves', { ...at('l2'), tolerations: [{ key: 'x', operator: 'Exists' }] }),
        ],
      },
      look,
      {
        patch: 'Node/l2',
        body: { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] } },
      },
      look,
      { silence: ['l1'] },
      { settle: 60 },
      { look: ['Node', 'Pod', 'Event'] },
      { remove: 'Node/l1' },
      { settle: 50 },
      { look: ['Node', 'Pod', 'Event'] },
    ],
  },
];
