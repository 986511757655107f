import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { validateCreate, validateSubresourceUpdate } from '../strategy.js';
import type { Container, Pod, PodSpec } from '../types/core.js';
import { podKind } from './pod.js';

function problems(spec: Partial<PodSpec>): string[] {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: { restartPolicy: 'Always', containers: [{ name: 'a', image: 'x' }], ...spec },
  };
  return validateCreate(podKind, pod).map(formatFieldError);
}

function ofContainer(container: Partial<Container>): Partial<PodSpec> {
  return {
    containers: [{ name: 'a', image: 'x', ...container }],
    volumes: [{ name: 'v', emptyDir: {} }],
  };
}

const first = 'spec.containers[0]';
const idText = 'must be between 0 and 2147483647, inclusive';
const seccomp = (localhostProfile: string | undefined): Partial<PodSpec> =>
  ofContainer({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } } });
const token = (path: string): Partial<PodSpec> => ({
  volumes: [
    {
      name: 'v',
      projected: { sources: [{ serviceAccountToken: { path, expirationSeconds: 600 } }] },
    },
  ],
});

test.each<readonly [string, Partial<PodSpec>, readonly string[]]>([
  [
    'mounts that reach the node',
    ofContainer({
      volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }],
    }),
    [
      `${first}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
    ],
  ],
  [
    'the same of a privileged container',
    ofContainer({
      volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }],
      securityContext: { privileged: true },
    }),
    [],
  ],
  [
    'a bare /proc',
    ofContainer({ securityContext: { procMount: 'Unmasked' } }),
    [
      `${first}.securityContext.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``,
    ],
  ],
  [
    'the same in a user namespace',
    { ...ofContainer({ securityContext: { procMount: 'Unmasked' } }), hostUsers: false },
    [],
  ],
  [
    "a user namespace and the node's network",
    { hostUsers: false, hostNetwork: true },
    ['spec.hostNetwork: Forbidden: when `hostUsers` is false'],
  ],
  [
    'a user beyond all users',
    ofContainer({ securityContext: { runAsUser: 2 ** 31 } }),
    [`${first}.securityContext.runAsUser: Invalid value: 2147483648: ${idText}`],
  ],
  [
    'groups beyond all groups',
    { securityContext: { supplementalGroups: [-1], fsGroup: -1 } },
    [
      `spec.securityContext.fsGroup: Invalid value: -1: ${idText}`,
      `spec.securityContext.supplementalGroups[0]: Invalid value: -1: ${idText}`,
    ],
  ],
  [
    'a profile elsewhere',
    seccomp('../x'),
    [
      `${first}.securityContext.seccompProfile.localhostProfile: Invalid value: "../x": must not contain '..'`,
    ],
  ],
  [
    'a profile anywhere',
    seccomp('/etc/x'),
    [
      `${first}.securityContext.seccompProfile.localhostProfile: Invalid value: "/etc/x": must be a relative path`,
    ],
  ],
  [
    'no profile',
    seccomp(undefined),
    [
      `${first}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
    ],
  ],
  [
    'a token elsewhere',
    token('../../x'),
    [`spec.volumes[0].projected.path: Invalid value: "../../x": must not contain '..'`],
  ],
  [
    'sysctls that are paths, that are twice',
    {
      securityContext: {
        sysctls: ['../x', 'kernel.msgmax', 'kernel.msgmax'].map((name) => ({ name, value: '1' })),
      },
    },
    [
      'spec.securityContext.sysctls[0].name: Invalid value: "../x": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      'spec.securityContext.sysctls[2].name: Duplicate value: "kernel.msgmax"',
    ],
  ],
  [
    "sysctls of the node's network",
    {
      hostNetwork: true,
      securityContext: { sysctls: [{ name: 'net/ipv4/ip_forward', value: '1' }] },
    },
    [
      `spec.securityContext.sysctls[0].name: Invalid value: "net/ipv4/ip_forward": may not be specified when 'hostNetwork' is true`,
    ],
  ],
  [
    'Linux fields of a Windows pod, which levels do not look at',
    {
      ...ofContainer({ securityContext: { privileged: true } }),
      os: { name: 'windows' },
      hostPID: true,
    },
    [
      'spec.hostPID: Forbidden: cannot be set for a windows pod',
      `${first}.securityContext.privileged: Forbidden: cannot be set for a windows pod`,
    ],
  ],
  [
    'aliases with more lines',
    { hostAliases: [{ ip: '1.1.1.1\n2.2.2.2 x', hostnames: ['fine'] }] },
    [
      'spec.hostAliases[0].ip: Invalid value: "1.1.1.1\\n2.2.2.2 x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  ['search domains of 1.33', { dnsConfig: { searches: ['_tcp.a_b.c', '.', 'a.b.'] } }, []],
  [
    'too many search domains',
    { dnsConfig: { searches: Array.from({ length: 33 }, () => 'a') } },
    [
      `spec.dnsConfig.searches: Invalid value: ${JSON.stringify(Array.from({ length: 33 }, () => 'a'))}: must not have more than 32 search paths`,
    ],
  ],
  [
    'devices that are files',
    ofContainer({ volumeDevices: [{ name: 'v', devicePath: '/dev/../x' }] }),
    [
      `${first}.volumeDevices[0].devicePath: Invalid value: "/dev/../x": can not contain backsteps ('..')`,
      `${first}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
    ],
  ],
  [
    'variables of nothing, and with a prefix that is none',
    ofContainer({ envFrom: [{}, { prefix: 'a=', configMapRef: { name: 'c' } }] }),
    [
      `${first}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
      `${first}.envFrom[1].prefix: Invalid value: "a=": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
  ],
])('%s', (_name, spec, texts) => {
  expect(problems(spec)).toEqual(texts);
});

test('ephemeral containers are checked like others, and may not have what only those have', () => {
  const metadata = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1' };
  const spec: PodSpec = { containers: [{ name: 'a', image: 'x' }] };
  const old: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
  const ephemeralContainers = [
    {
      name: 'a',
      ports: [{ containerPort: 1 }],
      securityContext: { runAsUser: -1 },
      targetContainerName: 'b',
    },
  ];
  const next: Pod = { ...old, spec: { ...spec, ephemeralContainers } };
  const part = podKind.subresources.find(({ name }) => name === 'ephemeralcontainers');
  if (part === undefined) throw new Error('pods have no such subresource');
  const here = 'spec.ephemeralContainers[0]';
  expect(validateSubresourceUpdate(podKind, part, next, old).map(formatFieldError)).toEqual([
    `${here}.securityContext.runAsUser: Invalid value: -1: ${idText}`,
    `${here}.name: Duplicate value: "a"`,
    `${here}.image: Required value`,
    `${here}.ports: Forbidden: cannot be set for an Ephemeral Container`,
    `${here}.targetContainerName: Not found: "b"`,
  ]);
});
