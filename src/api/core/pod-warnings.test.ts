import { expect, test } from '@jest/globals';
import { deploymentKind } from '../apps/kinds.js';
import { cronJobKind } from '../batch/kinds.js';
import type { KubeObject } from '../object.js';
import { podKind } from './pod.js';

const container = { name: 'c', image: 'i' };

function pod(spec: object, metadata: object = {}): KubeObject {
  const whole = { containers: [container], ...spec };
  return { metadata: { name: 'p', ...metadata }, spec: whole } as unknown as KubeObject;
}

const ports = (...list: object[]): object => ({ containers: [{ ...container, ports: list }] });
const env = (...list: object[]): object => ({ containers: [{ ...container, env: list }] });
const odd = { memory: '100m', 'ephemeral-storage': '100m', cpu: '100m' };
const port = { containerPort: 80, protocol: 'TCP' };
const dropped = 'hides previous definition of "A", which may be dropped when using apply';

test.each<[object, string[]]>([
  [{}, []],
  [
    ports({ ...port, hostIP: '1.2.3.4' }),
    [
      'spec.containers[0].ports[0]: hostIP set without hostPort: ' +
        '{Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}',
    ],
  ],
  [
    { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } },
    [
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; ' +
        'use "kubernetes.io/os" instead',
    ],
  ],
  [
    { topologySpreadConstraints: [{ topologyKey: 'zone' }] },
    [
      'spec.topologySpreadConstraints[0].labelSelector: ' +
        'a null labelSelector results in matching no pod',
    ],
  ],
  [
    {
      volumes: [
        { name: 'v', gitRepo: {} },
        { name: 'w', storageos: {} },
      ],
    },
    [
      'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
      'spec.volumes[1].storageOS: deprecated in v1.22, non-functional in v1.25+',
    ],
  ],
  [
    { imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}] },
    [
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
  ],
  [
    { containers: [{ ...container, resources: { limits: odd, requests: odd } }] },
    [
      'limits[memory]',
      'requests[memory]',
      'limits[ephemeral-storage]',
      'requests[ephemeral-storage]',
    ].map(
      (place) =>
        `spec.containers[0].resources.${place}: ` +
        'fractional byte value "100m" is invalid, must be an integer',
    ),
  ],
  [
    env({ name: 'A', value: '1' }, { name: 'A', value: '2' }),
    [`spec.containers[0].env[1]: ${dropped}`],
  ],
  [env({ name: 'A', value: '1' }, { name: 'A', value: '$(A)2' }), []],
  [
    ports(port, port),
    ['spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]'],
  ],
  [
    ports(port, { ...port, hostPort: 80 }),
    ['spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]'],
  ],
  [
    ports({ ...port, name: 'a' }, { ...port, containerPort: 81, name: 'a' }),
    [
      'spec.containers[0].ports[1]: duplicate port name "a" with spec.containers[0].ports[0], ' +
        'services and probes that select ports by name will use spec.containers[0].ports[0]',
    ],
  ],
  [
    { terminationGracePeriodSeconds: -1 },
    [
      'spec.terminationGracePeriodSeconds: must be >= 0; ' +
        'negative values are invalid and will be treated as 1',
    ],
  ],
])('a pod with %j is warned of', (spec, warnings) => {
  expect(podKind.warnings?.(pod(spec), undefined)).toEqual(warnings);
  expect(podKind.warnings?.(pod(spec), pod(spec))).toEqual([]);
});

test('a template is warned of where it stands, when its owner is new or has changed', () => {
  const template = { spec: { containers: [container], nodeSelector: {} }, metadata: {} };
  Object.assign(template.spec.nodeSelector, { 'node-role.kubernetes.io/master': '' });
  Object.assign(template.metadata, {
    annotations: { 'scheduler.alpha.kubernetes.io/critical-pod': '' },
  });
  const made = (name: string, generation: number): KubeObject =>
    ({ metadata: { name, generation }, spec: { template } }) as unknown as KubeObject;
  const warnings = [
    'spec.template.spec.nodeSelector[node-role.kubernetes.io/master]: ' +
      'use "node-role.kubernetes.io/control-plane" instead',
    'spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: ' +
      'non-functional in v1.16+; use the "priorityClassName" field instead',
  ];
  expect(deploymentKind.warnings?.(made('d', 1), undefined)).toEqual(warnings);
  expect(deploymentKind.warnings?.(made('d', 2), made('d', 1))).toEqual(warnings);
  expect(deploymentKind.warnings?.(made('d', 1), made('d', 1))).toEqual([]);
  expect(deploymentKind.warnings?.(made('d.e', 1), undefined)?.[0]).toBe(
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising ' +
      'behavior; a DNS label is recommended: [must not contain dots]',
  );
  const cron = { metadata: { name: 'c' }, spec: { jobTemplate: { spec: { template } } } };
  expect(cronJobKind.warnings?.(cron as unknown as KubeObject, undefined)?.[0]).toMatch(
    /^spec.jobTemplate.spec.template.spec.nodeSelector/,
  );
});

test('A pod with very many equal ports has a bounded number of warnings', () => {
  const object = pod(ports(...Array.from({ length: 1000 }, () => port)));
  const found = podKind.warnings?.(object, undefined) ?? [];
  expect(found).toHaveLength(200);
  expect(found[0]).toBe(
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  );
});
