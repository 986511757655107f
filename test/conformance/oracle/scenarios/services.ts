/** Services' endpoints, budgets, quotas, autoscalers, namespaces, and what is cluster-wide. */
import { pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const service = (name: string, spec: Json): Json => ({
  kind: 'Service',
  metadata: { name, labels: { s: 'v' }, annotations: { a: 'b' } },
  spec: {
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    ...spec,
  },
});
const budget = (name: string, spec: Json): Json => ({
  kind: 'PodDisruptionBudget',
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
});
const lookService: Step = { look: ['Service', 'Endpoints', 'EndpointSlice', 'Event'] };
const evict = (name: string): Step => ({
  post: `Pod/${name}`,
  subresource: 'eviction',
  body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
});

export const services: readonly Scenario[] = [
  {
    name: 'svc',
    steps: [
      { create: [pod('p1', { hostname: 'h', subdomain: 'headless' }, { app: 'web' })] },
      { look: ['Pod'] },
      {
        create: [
          service('plain', {}),
          service('headless', { clusterIP: 'None', publishNotReadyAddresses: true }),
          service('portless', { clusterIP: 'None', ports: [] }),
          service('empty', { selector: { app: 'none' } }),
          service('bare', { selector: null }),
          service('named', {
            ports: [
              { port: 1, targetPort: 'nope' },
              { name: 'x', port: 2, appProtocol: 'h' },
            ],
          }),
        ],
      },
      lookService,
      { kubelet: 'running' },
      {
        create: [
          pod('p2', {}, { app: 'web' }),
          pod('p3', { restartPolicy: 'Never' }, { app: 'web' }),
        ],
      },
      { look: ['Pod'] },
      { pods: 'p3', status: { phase: 'Failed' } },
      lookService,
      { patch: 'Service/plain', body: { metadata: { labels: { s: 'w', n: 'm' } } } },
      { remove: 'Service/portless' },
      lookService,
      { kubelet: 'idle' },
      { remove: 'Pod/p1', options: { gracePeriodSeconds: 30 } },
      lookService,
    ],
  },
  {
    name: 'svc-mirror',
    steps: [
      { create: [service('own', { selector: null })] },
      {
        create: [
          {
            kind: 'Endpoints',
            metadata: { name: 'own', labels: { l: 'v' }, annotations: { x: 'y' } },
            subsets: [
              {
                addresses: [{ ip: '10.1.2.3', hostname: 'h' }, { ip: 'fd00::1' }],
                notReadyAddresses: [{ ip: '10.1.2.4', nodeName: 'w1' }],
                ports: [{ name: 'http', port: 8080 }],
              },
              { addresses: [{ ip: '10.1.2.5' }], ports: [{ name: 'http', port: 8081 }] },
            ],
          },
        ],
      },
      lookService,
      {
        patch: 'Endpoints/own',
        body: { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
      },
      lookService,
    ],
  },
  {
    name: 'budget',
    steps: [
      {
        create: [workload('ReplicaSet', 'web', { replicas: 3 }), pod('lone', {}, { app: 'lone' })],
      },
      { look: ['Pod'] },
      {
        create: [
          budget('half', { minAvailable: '50%' }),
          budget('lone', { maxUnavailable: 1, selector: { matchLabels: { app: 'lone' } } }),
          budget('none', { minAvailable: 1, selector: { matchLabels: { app: 'none' } } }),
        ],
      },
      { look: ['PodDisruptionBudget', 'Event'] },
      evict('lone'),
      { remove: 'PodDisruptionBudget/lone' },
      {
        create: [budget('all', { maxUnavailable: 0, selector: { matchLabels: { app: 'lone' } } })],
      },
      { look: ['PodDisruptionBudget'] },
      evict('lone'),
      { pods: 'lone', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      { look: ['PodDisruptionBudget'] },
      evict('lone'),
      {
        patch: 'PodDisruptionBudget/all',
        body: { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } },
      },
      { look: ['PodDisruptionBudget'] },
      { kubelet: 'idle' },
      evict('lone'),
      { look: ['Pod', 'PodDisruptionBudget', 'Event'] },
      { create: [budget('two', { minAvailable: 1, selector: { matchLabels: { app: 'lone' } } })] },
      { look: ['PodDisruptionBudget'] },
      evict('lone'),
    ],
  },
  {
    name: 'hpa',
    steps: [
      { create: [workload('Deployment', 'web', { replicas: 2 })] },
      { look: ['Deployment'] },
      {
        create: [
          {
            kind: 'HorizontalPodAutoscaler',
            metadata: { name: 'web' },
            spec: {
              scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
              maxReplicas: 5,
            },
          },
          {
            kind: 'HorizontalPodAutoscaler',
            metadata: { name: 'lost' },
            spec: {
              scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'lost' },
              maxReplicas: 5,
            },
          },
        ],
      },
      { settle: 17 },
      { look: ['HorizontalPodAutoscaler', 'Event'] },
    ],
  },
  {
    name: 'quota',
    steps: [
      {
        create: [
          {
            kind: 'ResourceQuota',
            metadata: { name: 'all' },
            spec: {
              hard: {
                pods: '3',
                'requests.cpu': '1',
                'limits.memory': '1Gi',
                'count/configmaps': '5',
                services: '2',
                'count/deployments.apps': '1',
                'services.nodeports': '1',
                persistentvolumeclaims: '2',
                'requests.storage': '3Gi',
              },
            },
          },
          {
            kind: 'ResourceQuota',
            metadata: { name: 'best' },
            spec: { hard: { pods: '1' }, scopes: ['BestEffort'] },
          },
        ],
      },
      { look: ['ResourceQuota'] },
      {
        create: [
          { kind: 'ConfigMap', metadata: { name: 'm' } },
          service('a', { type: 'NodePort' }),
          service('b', { type: 'NodePort' }),
          pod('p', { containers: [{ name: 'c', image: 'i' }] }),
          pod('q', {
            containers: [
              { name: 'c', image: 'i', resources: { limits: { cpu: '300m', memory: '1Mi' } } },
            ],
          }),
        ],
      },
      { look: ['ResourceQuota'] },
      { remove: 'ConfigMap/m' },
      { pods: 'q', status: { phase: 'Succeeded' } },
      { look: ['ResourceQuota'] },
    ],
  },
  {
    name: 'gc',
    steps: [
      {
        create: [
          { kind: 'ConfigMap', metadata: { name: 'owner', finalizers: ['example.com/hold'] } },
        ],
      },
      { remove: 'ConfigMap/owner', options: { propagationPolicy: 'Foreground' } },
      { look: ['ConfigMap'] },
      { patch: 'ConfigMap/owner', body: { metadata: { finalizers: ['foregroundDeletion'] } } },
      { look: ['ConfigMap'] },
    ],
  },
  {
    name: 'gc-absent',
    steps: [
      {
        create: [
          {
            kind: 'ConfigMap',
            metadata: {
              name: 'child',
              ownerReferences: [
                {
                  apiVersion: 'v1',
                  kind: 'ConfigMap',
                  name: 'gone',
                  uid: '11111111-1111-4111-8111-111111111111',
                },
              ],
            },
          },
          {
            kind: 'ConfigMap',
            metadata: {
              name: 'strange',
              ownerReferences: [
                {
                  apiVersion: 'v1',
                  kind: 'Node',
                  name: 'gone',
                  uid: '11111111-1111-4111-8111-111111111112',
                },
              ],
            },
          },
        ],
      },
      { settle: 3 },
      { look: ['ConfigMap', 'Event'] },
    ],
  },
  {
    name: 'namespace',
    steps: [
      { look: ['ConfigMap', 'ServiceAccount'] },
      {
        create: [
          { kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } },
        ],
      },
      { create: [pod('p')] },
      { look: ['Pod'] },
      { remove: 'Namespace/$ns' },
      { settle: 4 },
      { look: ['Namespace', 'ConfigMap', 'ServiceAccount'] },
    ],
  },
  {
    name: 'cluster-wide',
    steps: [
      {
        create: [
          {
            kind: 'ClusterRole',
            metadata: { name: 'sum' },
            aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'y' } }] },
            rules: [],
          },
          {
            kind: 'ClusterRole',
            metadata: { name: 'part', labels: { part: 'y' } },
            rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
          },
          {
            kind: 'ValidatingAdmissionPolicy',
            metadata: { name: 'wrong' },
            spec: {
              failurePolicy: 'Ignore',
              matchConstraints: {
                resourceRules: [
                  {
                    apiGroups: ['apps'],
                    apiVersions: ['v1'],
                    operations: ['CREATE'],
                    resources: ['deployments'],
                  },
                ],
              },
              validations: [
                { expression: 'object.spec.replicas > "a"' },
                { expression: 'object.spec.nope == 1' },
              ],
            },
          },
          { kind: 'ServiceCIDR', metadata: { name: 'more' }, spec: { cidrs: ['10.97.0.0/24'] } },
        ],
      },
      { settle: 3 },
      { look: ['ClusterRole', 'ValidatingAdmissionPolicy', 'ServiceCIDR'] },
    ],
  },
  {
    name: 'volumes',
    steps: [
      {
        create: [
          {
            kind: 'StorageClass',
            metadata: { name: 'wait' },
            provisioner: 'kubernetes.io/no-provisioner',
            volumeBindingMode: 'WaitForFirstConsumer',
          },
          { kind: 'StorageClass', metadata: { name: 'ext' }, provisioner: 'example.com/x' },
          {
            kind: 'PersistentVolume',
            metadata: { name: 'v1' },
            spec: {
              capacity: { storage: '5Gi' },
              accessModes: ['ReadWriteOnce'],
              storageClassName: 'manual',
              hostPath: { path: '/x' },
              persistentVolumeReclaimPolicy: 'Retain',
            },
          },
          claims('bound', 'manual'),
          claims('waits', 'wait'),
          claims('external', 'ext'),
          claims('nothing', 'nothing'),
          claims('empty', ''),
        ],
      },
      { settle: 4 },
      { look: ['PersistentVolumeClaim', 'PersistentVolume', 'Event'] },
      {
        create: [
          pod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'bound' } }] }),
        ],
      },
      { look: ['Pod'] },
      { remove: 'PersistentVolumeClaim/bound' },
      { remove: 'PersistentVolume/v1' },
      { look: ['PersistentVolumeClaim', 'PersistentVolume'] },
      { remove: 'Pod/p' },
      { settle: 3 },
      { look: ['PersistentVolumeClaim', 'PersistentVolume', 'Event'] },
    ],
  },
  {
    name: 'ephemeral',
    steps: [
      {
        create: [
          pod('p', {
            volumes: [
              {
                name: 'v',
                ephemeral: {
                  volumeClaimTemplate: {
                    metadata: { labels: { a: 'b' } },
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
  {
    name: 'accounts',
    steps: [
      {
        create: [
          { kind: 'ServiceAccount', metadata: { name: 'robot' } },
          {
            kind: 'Secret',
            type: 'kubernetes.io/service-account-token',
            metadata: {
              name: 'lost',
              annotations: { 'kubernetes.io/service-account.name': 'nobody' },
            },
          },
        ],
      },
      { look: ['ServiceAccount', 'Secret'] },
      { remove: 'ConfigMap/kube-root-ca.crt' },
      { remove: 'ServiceAccount/default' },
      { look: ['ServiceAccount', 'ConfigMap'] },
      {
        create: [
          { kind: 'Pod', metadata: { name: 'p' }, spec: podSpec({ serviceAccountName: 'nobody' }) },
        ],
      },
    ],
  },
];

function claims(name: string, storageClassName: string): Json {
  return {
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName,
      resources: { requests: { storage: '1Gi' } },
    },
  };
}
