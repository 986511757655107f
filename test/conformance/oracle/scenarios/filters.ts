/** Why pods fit nowhere: the words of each filter, alone and together. */
import { node, pod, podSpec } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Pod', 'Event'] };
const at = (nodeName: string): Json => ({ nodeSelector: { 'kubernetes.io/hostname': nodeName } });
const sized = (name: string, requests: Json, more: Json = {}): Json => ({
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: podSpec({ containers: [{ name: 'c', image: 'i', resources: { requests } }], ...more }),
});
const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const nodeTerms = (...nodeSelectorTerms: Json[]): Json => ({
  affinity: { nodeAffinity: { [required]: { nodeSelectorTerms } } },
});
const expression = (key: string, operator: string, values?: string[]): Json => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});
const mounted = (claimName: string): Json => ({
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
const volume = (name: string, claimName: string, spec: Json, labels: Json = {}): Json => ({
  kind: 'PersistentVolume',
  metadata: { name, labels },
  spec: {
    capacity: { storage: '5Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'f',
    claimRef: { name: claimName, namespace: '$ns' },
    ...spec,
  },
});
const hostPort = (name: string, port: Json): Json => ({
  containers: [{ name, image: 'i', ports: [{ containerPort: 1, ...port }] }],
});
const spreadBy = (app: string, more: Json = {}): Json => ({
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

const nodes = [
  node('f1', { zone: 'a', disk: 'ssd', size: '8' }),
  node(
    'f2',
    { zone: 'b', size: '2' },
    { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] },
  ),
  node('f3', { zone: 'c' }, { unschedulable: true }),
  node('f4', {}, { taints: [{ key: 'e', effect: 'NoExecute' }] }),
];

export const filters: readonly Scenario[] = [
  {
    name: 'filter-words',
    nodes,
    steps: [
      {
        create: [
          sized('cpu', { cpu: '100' }),
          sized('memory', { memory: '100Gi' }),
          sized('disk', { 'ephemeral-storage': '1Ti' }),
          sized('extended', { cpu: '1' }, { ...withLimit('example.com/gpu', '3') }),
          sized('huge', { cpu: '1' }, { ...withLimit('hugepages-2Mi', '4Mi') }),
          sized('two', { cpu: '100', memory: '100Gi' }),
          sized('selects', { cpu: '1' }, { nodeSelector: { zone: 'b' } }),
          sized('tolerates', { cpu: '100' }, { tolerations: [{ operator: 'Exists' }] }),
          sized('gt', { cpu: '1m' }, nodeTerms(expression('size', 'Gt', ['9']))),
          sized('lt', { cpu: '1m' }, nodeTerms(expression('size', 'Lt', ['3']))),
          sized('notin', { cpu: '1m' }, nodeTerms(expression('zone', 'NotIn', ['a']))),
          sized('absent', { cpu: '1m' }, nodeTerms(expression('disk', 'DoesNotExist'))),
          sized(
            'either',
            { cpu: '1m' },
            nodeTerms(expression('nope', 'Exists'), expression('zone', 'In', ['b', 'c'])),
          ),
          sized('overhead', { cpu: '3900m' }, { nodeSelector: { zone: 'a' } }),
          sized('other-scheduler', { cpu: '100' }, { schedulerName: 'nobody' }),
        ],
      },
      { settle: 2 },
      look,
      { create: [sized('overhead2', { cpu: '200m' }, at('f1'))] },
      look,
    ],
  },
  {
    name: 'filter-room',
    nodes: [
      node('r1', {}, {}, { pods: '1' }),
      node('r2', {}, {}, { cpu: '1', memory: '1Gi', 'example.com/gpu': '1' }),
    ],
    steps: [
      { create: [sized('first', { cpu: '1' }, at('r1'))] },
      look,
      {
        create: [
          sized('second', { cpu: '2' }),
          sized(
            'init',
            { cpu: '10m' },
            {
              initContainers: [
                { name: 'i', image: 'i', resources: { requests: { cpu: '2' } } },
                {
                  name: 's',
                  image: 'i',
                  restartPolicy: 'Always',
                  resources: { requests: { cpu: '500m' } },
                },
              ],
            },
          ),
          sized('best', {}),
          sized('gpu', {}, { ...withLimit('example.com/gpu', '2') }),
          { ...sized('level', {}), spec: { ...podSpec(), resources: { requests: { cpu: '3' } } } },
        ],
      },
      look,
    ],
  },
  {
    name: 'filter-ports',
    nodes: [node('p1'), node('p2', {}, { unschedulable: true })],
    steps: [
      { create: [pod('a', hostPort('c', { hostPort: 80 }))] },
      look,
      {
        create: [
          pod('same', hostPort('c', { hostPort: 80 })),
          pod('udp', hostPort('c', { hostPort: 80, protocol: 'UDP' })),
          pod('by-ip', hostPort('c', { hostPort: 80, hostIP: '127.0.0.1' })),
          pod('other', hostPort('c', { hostPort: 81, hostIP: '127.0.0.1' })),
        ],
      },
      look,
      { create: [pod('other-ip', hostPort('c', { hostPort: 81, hostIP: '127.0.0.2' }))] },
      look,
    ],
  },
  {
    name: 'filter-affinity',
    nodes: [node('a1', { zone: 'a' }), node('a2', { zone: 'b' })],
    steps: [
      {
        create: [
          pod('x', at('a1')),
          pod('hates', {
            ...at('a2'),
            affinity: {
              podAntiAffinity: {
                [required]: [
                  { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'guest' } } },
                ],
              },
            },
          }),
        ],
      },
      look,
      {
        create: [
          near('none', 'podAffinity', 'nobody'),
          near('apart', 'podAntiAffinity', 'x', at('a1')),
          pod('guest', at('a2')),
          near('both', 'podAffinity', 'x', at('a2')),
          near('self', 'podAffinity', 'self'),
        ],
      },
      look,
      { create: [near('self2', 'podAntiAffinity', 'self'), near('all', 'podAntiAffinity', 'all')] },
      look,
    ],
  },
  {
    name: 'filter-spread',
    nodes: [node('s1', { zone: 'a' }), node('s2', { zone: 'b' }), node('s3')],
    steps: [
      { create: [pod('x1', at('s1'), { app: 'x' })] },
      look,
      {
        create: [
          pod('skewed', { ...spreadBy('x'), ...at('s1') }, { app: 'x' }),
          pod('keyless', { ...spreadBy('x'), ...at('s3') }, { app: 'x' }),
          pod('few', spreadBy('few', { minDomains: 3 }), { app: 'few' }),
          pod('nodes', spreadBy('x', { topologyKey: 'rack' }), { app: 'x' }),
          pod(
            'anyway',
            { ...spreadBy('x', { whenUnsatisfiable: 'ScheduleAnyway' }), ...at('s1') },
            { app: 'x' },
          ),
        ],
      },
      look,
    ],
  },
  {
    name: 'filter-volumes',
    nodes: [
      node('v1', { 'topology.kubernetes.io/zone': 'a', zone: 'a' }),
      node('v2', { 'topology.kubernetes.io/zone': 'b', zone: 'b' }),
    ],
    steps: [
      {
        create: [
          {
            kind: 'StorageClass',
            metadata: { name: 'f' },
            provisioner: 'kubernetes.io/no-provisioner',
            volumeBindingMode: 'WaitForFirstConsumer',
          },
          {
            kind: 'StorageClass',
            metadata: { name: 'f-now' },
            provisioner: 'kubernetes.io/no-provisioner',
          },
          volume('fv-zone', 'zoned', { hostPath: { path: '/x' } }, zone('c')),
          volume('fv-local', 'local', { local: { path: '/x' }, ...affinity('c') }),
          volume('fv-once', 'once', {
            accessModes: ['ReadWriteOncePod'],
            hostPath: { path: '/x' },
          }),
          volume('fv-csi', 'csi', { csi: { driver: 'limited.example.com', volumeHandle: 'a' } }),
          volume('fv-csi2', 'csi2', { csi: { driver: 'limited.example.com', volumeHandle: 'b' } }),
          claim('zoned', 'f'),
          claim('local', 'f'),
          claim('once', 'f', { accessModes: ['ReadWriteOncePod'] }),
          claim('csi', 'f'),
          claim('csi2', 'f'),
          claim('unbound', 'f-now'),
          claim('none-fits', 'f', { resources: { requests: { storage: '100Gi' } } }),
          claim('classless', 'no-class'),
          ...['v1', 'v2'].map((name) => ({
            kind: 'CSINode',
            metadata: { name },
            spec: {
              drivers: [{ name: 'limited.example.com', nodeID: name, allocatable: { count: 1 } }],
            },
          })),
        ],
      },
      { settle: 4 },
      {
        create: [
          pod('uses-once', mounted('once')),
          pod('uses-csi', { ...mounted('csi'), ...at('v1') }),
        ],
      },
      look,
      {
        create: [
          ...['zoned', 'local', 'unbound', 'none-fits', 'classless', 'missing'].map((name) =>
            pod(name, mounted(name)),
          ),
          pod('once-more', mounted('once')),
          pod('limit', { ...mounted('csi2'), ...at('v1') }),
        ],
      },
      { settle: 2 },
      { look: ['Pod', 'PersistentVolumeClaim', 'Event'] },
      { remove: 'PersistentVolumeClaim/csi2' },
      { create: [pod('deleted', mounted('csi2'))] },
      look,
    ],
  },
  {
    name: 'gates',
    nodes: [node('g1', { zone: 'a' })],
    steps: [
      {
        create: [
          pod('gated', {
            schedulingGates: [{ name: 'example.com/a' }, { name: 'example.com/b' }],
          }),
        ],
      },
      look,
      {
        patch: 'Pod/gated',
        body: { spec: { schedulingGates: [{ name: 'example.com/b' }] } },
      },
      { patch: 'Pod/gated', body: { spec: { nodeSelector: { zone: 'a' } } } },
      look,
      { patch: 'Pod/gated', body: { spec: { schedulingGates: [] } } },
      look,
    ],
  },
  {
    name: 'filter-retry',
    nodes: [node('t1', {}, { unschedulable: true })],
    steps: [
      { create: [pod('p'), pod('selects', { nodeSelector: { new: 'label' } })] },
      look,
      { patch: 'Node/t1', body: { spec: { unschedulable: false } } },
      look,
      { patch: 'Node/t1', body: { metadata: { labels: { new: 'label' } } } },
      look,
      { create: [sized('big', { cpu: '3' })] },
      look,
      { create: [sized('big2', { cpu: '3' })] },
      look,
      { remove: 'Pod/big' },
      look,
    ],
  },
];

function near(name: string, kind: string, app: string, more: Json = {}): Json {
  const term = { topologyKey: 'zone', labelSelector: { matchLabels: { app } } };
  return pod(name, { affinity: { [kind]: { [required]: [term] } }, ...more });
}

function withLimit(resource: string, amount: string): Json {
  const limits = { [resource]: amount, cpu: '10m', memory: '1Mi' };
  return { containers: [{ name: 'c', image: 'i', resources: { limits } }] };
}

function zone(name: string): Json {
  return { 'topology.kubernetes.io/zone': name };
}

function affinity(name: string): Json {
  const nodeSelectorTerms = [expression('zone', 'In', [name])];
  return { nodeAffinity: { required: { nodeSelectorTerms } } };
}
