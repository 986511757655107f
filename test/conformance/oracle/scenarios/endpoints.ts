/** Addresses behind Services: how they are published, ended, mirrored, hinted and cut off. */
import { node, pod, podSpec, workload } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const service = (name: string, spec: Json, metadata: Json = {}): Json => ({
  kind: 'Service',
  metadata: { name, ...metadata },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
});
const look: Step = { look: ['Endpoints', 'EndpointSlice', 'Event'] };
const ready = (status: string): Json => ({ conditions: [{ type: 'Ready', status }] });
const zoned = (name: string, zone: string): Json =>
  node(name, { 'topology.kubernetes.io/zone': zone });
const pinned = (name: string, at: string): Json => pod(name, { nodeName: at }, { app: 'web' });

export const endpoints: readonly Scenario[] = [
  {
    name: 'ep-ending',
    steps: [
      { create: [pod('a', {}, { app: 'web' }), pod('b', {}, { app: 'web' })] },
      { look: ['Pod'] },
      {
        create: [
          service('plain', {}),
          service('unready', { publishNotReadyAddresses: true }),
          service('headless', { clusterIP: 'None' }),
        ],
      },
      look,
      { kubelet: 'idle' },
      { remove: 'Pod/a', options: { gracePeriodSeconds: 60 } },
      look,
      { pods: 'b', status: ready('False') },
      look,
      { remove: 'Pod/b', options: { gracePeriodSeconds: 60 } },
      look,
      { remove: 'Pod/a', options: { gracePeriodSeconds: 0 } },
      { patch: 'Pod/b', body: { metadata: { labels: { app: 'none' } } } },
      look,
    ],
  },
  {
    name: 'ep-ports',
    steps: [
      {
        create: [
          pod(
            'a',
            {
              hostname: 'h1',
              subdomain: 'many',
              containers: [
                {
                  name: 'c',
                  image: 'i',
                  ports: [
                    { name: 'http', containerPort: 8080 },
                    { name: 'dns', containerPort: 53, protocol: 'UDP' },
                  ],
                },
              ],
            },
            { app: 'web' },
          ),
          pod(
            'b',
            {
              containers: [
                { name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 9090 }] },
              ],
            },
            { app: 'web' },
          ),
        ],
      },
      { look: ['Pod'] },
      {
        create: [
          service('many', {
            clusterIP: 'None',
            ports: [
              { name: 'a', port: 80, targetPort: 'http', appProtocol: 'kubernetes.io/h2c' },
              { name: 'b', port: 53, targetPort: 'dns', protocol: 'UDP' },
              { name: 'c', port: 1, targetPort: 7 },
            ],
          }),
          service('dual', { ipFamilyPolicy: 'PreferDualStack' }),
          service('six', { ipFamilies: ['IPv6'] }),
          service('external', { type: 'ExternalName', externalName: 'example.com', ports: [] }),
        ],
      },
      look,
      { patch: 'Service/many', body: { spec: { ports: [{ name: 'z', port: 81 }] } } },
      look,
      { patch: 'Service/dual', body: { spec: { selector: { app: 'none' } } } },
      look,
    ],
  },
  {
    name: 'ep-hands-off',
    steps: [
      { create: [pod('a', {}, { app: 'web' })] },
      { look: ['Pod'] },
      {
        create: [
          service('s', {}, { labels: { 'service.kubernetes.io/headless': 'mine', l: 'v' } }),
          {
            kind: 'EndpointSlice',
            metadata: { name: 'own', labels: { 'kubernetes.io/service-name': 's' } },
            addressType: 'IPv4',
            endpoints: [{ addresses: ['10.1.1.1'] }],
            ports: [],
          },
          {
            kind: 'Endpoints',
            metadata: { name: 'lonely' },
            subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 1 }] }],
          },
        ],
      },
      look,
      { removeAll: 'EndpointSlice', about: 's' },
      { patch: 'Endpoints/s', body: { subsets: null, metadata: { annotations: { a: 'b' } } } },
      { settle: 2 },
      look,
      { patch: 'Service/s', body: { spec: { selector: null } } },
      { settle: 2 },
      look,
      { remove: 'Service/s' },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'ep-mirror-more',
    steps: [
      {
        create: [
          service('m', { selector: null }),
          {
            kind: 'Endpoints',
            metadata: {
              name: 'm',
              annotations: {
                'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z',
                'kubectl.kubernetes.io/last-applied-configuration': '{}',
                keep: 'me',
              },
            },
            subsets: [
              {
                addresses: [
                  {
                    ip: '10.1.2.3',
                    targetRef: { kind: 'Pod', namespace: '$ns', name: 'x', uid: 'u' },
                  },
                  { ip: '10.1.2.9' },
                ],
                notReadyAddresses: [{ ip: '10.1.2.8' }],
                ports: [
                  { name: 'a', port: 1, appProtocol: 'x' },
                  { name: 'b', port: 2, protocol: 'UDP' },
                ],
              },
              { addresses: [{ ip: '10.1.2.3' }], ports: [{ name: 'c', port: 3 }] },
            ],
          },
        ],
      },
      look,
      { patch: 'Endpoints/m', body: { subsets: [] } },
      { settle: 2 },
      look,
      {
        patch: 'Endpoints/m',
        body: { subsets: [{ addresses: [{ ip: '10.1.2.7' }], ports: [{ port: 5 }] }] },
      },
      { settle: 2 },
      look,
      { patch: 'Service/m', body: { spec: { selector: { app: 'x' } } } },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'ep-hints',
    nodes: [zoned('za', 'a'), zoned('zb', 'b'), zoned('zc', 'b')],
    steps: [
      {
        create: [
          pinned('a1', 'za'),
          pinned('a2', 'za'),
          pinned('b1', 'zb'),
          pinned('b2', 'zb'),
          pinned('b3', 'zc'),
          pinned('b4', 'zc'),
        ],
      },
      { look: ['Pod'] },
      {
        create: [
          service('auto', {}, { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } }),
          service(
            'odd',
            {},
            { annotations: { 'service.kubernetes.io/topology-mode': 'Sideways' } },
          ),
          service('close', { trafficDistribution: 'PreferClose' }),
        ],
      },
      look,
      { remove: 'Pod/a1' },
      { remove: 'Pod/a2' },
      { remove: 'Pod/b1' },
      look,
      { create: [pinned('a3', 'za'), pinned('a4', 'za'), pinned('b5', 'zb')] },
      look,
      {
        patch: 'Service/auto',
        body: { metadata: { annotations: { 'service.kubernetes.io/topology-mode': null } } },
      },
      look,
    ],
  },
  {
    name: 'ep-many',
    nodes: [node('big', {}, {}, { pods: '2000', cpu: '200' })],
    steps: [
      { create: [workload('ReplicaSet', 'web', { replicas: 1003 })] },
      { look: ['ReplicaSet'] },
      { create: [service('s', {})] },
      { settle: 5 },
      { look: ['Endpoints', 'EndpointSlice'] },
      { pods: 'web', status: ready('False'), count: 5 },
      { settle: 3 },
      { look: ['Endpoints'] },
    ],
  },
  {
    name: 'ep-host',
    steps: [
      {
        create: [
          pod('host', { hostNetwork: true }, { app: 'web' }),
          {
            kind: 'Pod',
            metadata: { name: 'done', labels: { app: 'web' } },
            spec: podSpec({ restartPolicy: 'Never' }),
          },
          service('s', {}),
        ],
      },
      look,
      { pods: 'done', status: { phase: 'Succeeded' } },
      look,
      { pods: 'host', status: { podIPs: [{ ip: '10.9.99.1' }, { ip: 'fd00::9' }] } },
      look,
    ],
  },
];
