import { describe, expect, test } from '@jest/globals';
import type { Container, PodSpec } from '../../../../api/types/core.js';
import { volume } from '../../../../api/core/volume.js';
import { detailsOf, violationsOf } from './evaluate.js';
import type { Level, PolicyVersion } from './policy.js';

/** A pod that the restricted level allows at every version. */
const hardened: PodSpec = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'a',
      image: 'x',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
};

type Change = Partial<Container['securityContext'] & object>;

/** The hardened pod with another security context of its container. */
function withSecurity(change: Change): PodSpec {
  const [first] = hardened.containers;
  return {
    ...hardened,
    containers: [
      { name: 'a', image: 'x', securityContext: { ...first?.securityContext, ...change } },
    ],
  };
}

function ofPod(change: NonNullable<PodSpec['securityContext']>): PodSpec {
  return { ...hardened, securityContext: { ...hardened.securityContext, ...change } };
}

function judge(
  spec: PodSpec,
  level: Level,
  version: PolicyVersion,
  annotations: Record<string, string> = {},
  relaxesForUserNamespaces = false,
): string {
  const subject = { annotations, spec, relaxesForUserNamespaces };
  return detailsOf(violationsOf(subject, { level, version }));
}

/** The violations of both levels at every version. */
const always: readonly (readonly [string, PodSpec, string])[] = [
  ['hostNetwork', { ...hardened, hostNetwork: true }, 'host namespaces (hostNetwork=true)'],
  [
    'all host namespaces',
    { ...hardened, hostNetwork: true, hostPID: true, hostIPC: true },
    'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  ],
  [
    'a host port',
    {
      ...hardened,
      containers: [{ ...hardened.containers[0]!, ports: [{ containerPort: 1, hostPort: 80 }] }],
    },
    'hostPort (container "a" uses hostPort 80)',
  ],
  [
    'procMount',
    withSecurity({ procMount: 'Unmasked' }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'an AppArmor field',
    withSecurity({ appArmorProfile: { type: 'Unconfined' } }),
    'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    "the pod's AppArmor field",
    ofPod({ appArmorProfile: { type: 'Unconfined' } }),
    'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
  ],
  [
    'SELinux user, role and type',
    ofPod({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }),
    'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
  ],
  [
    'a sysctl',
    ofPod({ sysctls: [{ name: 'kernel.msgmax', value: '1' }] }),
    'forbidden sysctls (kernel.msgmax)',
  ],
  [
    'a Windows host process',
    withSecurity({ windowsOptions: { hostProcess: true } }),
    'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)',
  ],
];

describe('both levels at every version', () => {
  const rows = always.flatMap((row) =>
    (['baseline', 'restricted'] as const).flatMap((level) =>
      [0, 1, 7, 8, 18, 19, 22, 25, 31, 33, 'latest' as const].map(
        (version) => [...row, level, version] as const,
      ),
    ),
  );
  test.each(rows)('%s', (_name, spec, text, level, version) => {
    expect(judge(spec, level, version)).toBe(text);
  });

  test('nothing is asked by privileged', () => {
    for (const [, spec] of always) expect(judge(spec, 'privileged', 'latest')).toBe('');
  });

  test('the hardened pod is always allowed', () => {
    for (let version = 0; version < 40; version++) {
      expect(judge(hardened, 'restricted', version)).toBe('');
      expect(judge(hardened, 'baseline', version)).toBe('');
    }
  });
});

/** `before` is what the version before `since` says; both at the level. */
interface Boundary {
  readonly name: string;
  readonly level: Level;
  readonly spec: PodSpec;
  readonly since: number;
  readonly before: string;
  readonly after: string;
  readonly annotations?: Record<string, string>;
}

const unsetEscalation: PodSpec = {
  ...hardened,
  containers: [{ name: 'a', image: 'x', securityContext: { capabilities: { drop: ['ALL'] } } }],
};
const keepsCapabilities = withSecurity({ capabilities: { drop: ['NET_RAW'] } });
const sysctl = (name: string): PodSpec => ofPod({ sysctls: [{ name, value: '1' }] });
const noProfile: PodSpec = { ...hardened, securityContext: { runAsNonRoot: true } };
const escalationText =
  'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)';
const dropText =
  'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])';
const profileText =
  'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';
const windows = { os: { name: 'windows' } };

const boundaries: readonly Boundary[] = [
  {
    name: 'allowPrivilegeEscalation',
    level: 'restricted',
    spec: unsetEscalation,
    since: 8,
    before: '',
    after: escalationText,
  },
  {
    name: 'allowPrivilegeEscalation of Windows pods',
    level: 'restricted',
    spec: { ...unsetEscalation, ...windows },
    since: 25,
    before: escalationText,
    after: '',
  },
  {
    name: 'drop of all capabilities',
    level: 'restricted',
    spec: keepsCapabilities,
    since: 22,
    before: '',
    after: dropText,
  },
  {
    name: 'capabilities of Windows pods',
    level: 'restricted',
    spec: { ...keepsCapabilities, ...windows },
    since: 25,
    before: dropText,
    after: '',
  },
  {
    name: 'added capabilities',
    level: 'restricted',
    spec: withSecurity({
      capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'CHOWN', 'NET_BIND_SERVICE'] },
    }),
    since: 22,
    before:
      'non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    after:
      'unrestricted capabilities (container "a" must not include "CHOWN", "SYS_ADMIN" in securityContext.capabilities.add)',
  },
  {
    name: 'runAsUser',
    level: 'restricted',
    spec: withSecurity({ runAsUser: 0 }),
    since: 23,
    before: '',
    after: 'runAsUser=0 (container "a" must not set runAsUser=0)',
  },
  {
    name: 'a seccomp profile at all',
    level: 'restricted',
    spec: noProfile,
    since: 19,
    before: '',
    after: profileText,
  },
  {
    name: 'the seccomp profile of Windows pods',
    level: 'restricted',
    spec: { ...noProfile, ...windows },
    since: 25,
    before: profileText,
    after: '',
  },
  {
    name: 'an unconfined seccomp profile',
    level: 'baseline',
    spec: withSecurity({ seccompProfile: { type: 'Unconfined' } }),
    since: 19,
    before: '',
    after:
      'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    name: 'seccomp annotations',
    level: 'baseline',
    spec: hardened,
    annotations: {
      'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
      'container.seccomp.security.alpha.kubernetes.io/a': 'x',
      'container.seccomp.security.alpha.kubernetes.io/other': 'x',
    },
    since: 19,
    before:
      'seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/a="x", seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    after: '',
  },
  {
    name: 'container_engine_t',
    level: 'baseline',
    spec: ofPod({ seLinuxOptions: { type: 'container_engine_t' } }),
    since: 31,
    before:
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
    after: '',
  },
  ...(
    [
      ['net.ipv4.ip_local_reserved_ports', 27],
      ['net.ipv4.tcp_keepalive_time', 29],
      ['net.ipv4.tcp_fin_timeout', 29],
      ['net.ipv4.tcp_keepalive_intvl', 29],
      ['net.ipv4.tcp_keepalive_probes', 29],
      ['net.ipv4.tcp_rmem', 32],
      ['net.ipv4.tcp_wmem', 32],
    ] as const
  ).map(([name, since]): Boundary => ({
    name,
    level: 'baseline',
    spec: sysctl(name),
    since,
    before: `forbidden sysctls (${name})`,
    after: '',
  })),
];

describe('checks that changed with a version', () => {
  test.each(boundaries)('$name', ({ level, spec, since, before, after, annotations }) => {
    expect(judge(spec, level, since - 1, annotations)).toBe(before);
    expect(judge(spec, level, since, annotations)).toBe(after);
    expect(judge(spec, level, 'latest', annotations)).toBe(after);
  });

  test('what only the restricted level asks, the baseline does not', () => {
    const specs = [unsetEscalation, keepsCapabilities, noProfile, withSecurity({ runAsUser: 0 })];
    for (const spec of specs) expect(judge(spec, 'baseline', 'latest')).toBe('');
  });
});

describe('runAsNonRoot', () => {
  const open = { ...hardened, securityContext: { seccompProfile: { type: 'Localhost' } } };
  test.each([
    ['nobody says it', open, 'pod or container "a" must set securityContext.runAsNonRoot=true'],
    [
      'the pod refuses',
      ofPod({ runAsNonRoot: false }),
      'pod must not set securityContext.runAsNonRoot=false',
    ],
    [
      'the container refuses',
      withSecurity({ runAsNonRoot: false }),
      'container "a" must not set securityContext.runAsNonRoot=false',
    ],
  ])('%s', (_name, spec, detail) => {
    expect(judge(spec, 'restricted', 0)).toBe(`runAsNonRoot != true (${detail})`);
    expect(judge(spec, 'baseline', 0)).toBe('');
  });

  test('a user namespace of its own relaxes only where the feature is on', () => {
    const spec = {
      ...withSecurity({ procMount: 'Unmasked', runAsUser: 0, runAsNonRoot: false }),
      hostUsers: false,
    };
    expect(judge(spec, 'restricted', 'latest')).toContain('procMount (');
    expect(judge(spec, 'restricted', 'latest', {}, true)).toBe('');
    expect(judge({ ...spec, hostUsers: true }, 'restricted', 'latest', {}, true)).not.toBe('');
  });
});

describe('volumes', () => {
  const withVolumes = (...volumes: NonNullable<PodSpec['volumes']>): PodSpec => ({
    ...hardened,
    volumes,
  });
  const hostPath = { name: 'h', hostPath: { path: '/' } };

  test('every type that the API knows is allowed or named', () => {
    const types = Object.keys(volume.properties ?? {}).filter((name) => name !== 'name');
    const judged = types.map((type) =>
      judge(withVolumes({ name: 'v', [type]: {} }), 'restricted', 0),
    );
    expect(judged.filter((detail) => detail.includes('unknown'))).toEqual([]);
    expect(judged.filter((detail) => detail === '').length).toBe(9);
  });

  test('host paths', () => {
    const spec = withVolumes(hostPath, { ...hostPath, name: 'i' });
    expect(judge(spec, 'baseline', 0)).toBe('hostPath volumes (volumes "h", "i")');
    expect(judge(spec, 'restricted', 0)).toBe(
      'restricted volume types (volumes "h", "i" use restricted volume type "hostPath")',
    );
  });

  test('types that are allowed, restricted, and unknown', () => {
    const allowed = { configMap: {}, csi: { driver: 'd' }, downwardAPI: {}, emptyDir: {} };
    const further = { ephemeral: {}, image: {}, persistentVolumeClaim: { claimName: 'c' } };
    const types = { ...allowed, ...further, projected: {}, secret: {} };
    for (const [type, source] of Object.entries(types)) {
      expect(judge(withVolumes({ name: type, [type]: source }), 'restricted', 0)).toBe('');
    }
    const nfs = { name: 'n', nfs: { server: 's', path: '/' } };
    expect(judge(withVolumes(nfs, { name: 'u' }), 'restricted', 'latest')).toBe(
      'restricted volume types (volumes "n", "u" use restricted volume types "nfs", "unknown")',
    );
    expect(judge(withVolumes(nfs), 'baseline', 'latest')).toBe('');
  });
});

test('every container is looked at, in order, and every check adds its text', () => {
  const spec: PodSpec = {
    initContainers: [{ name: 'i', securityContext: { privileged: true } }],
    containers: [{ name: 'c' }],
    ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }],
    volumes: [{ name: 'h', hostPath: { path: '/' } }],
  };
  expect(judge(spec, 'restricted', 'latest')).toBe(
    'privileged (containers "i", "e" must not set securityContext.privileged=true), ' +
      'allowPrivilegeEscalation != false (containers "i", "c", "e" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (containers "i", "c", "e" must set securityContext.capabilities.drop=["ALL"]), ' +
      'restricted volume types (volume "h" uses restricted volume type "hostPath"), ' +
      'runAsNonRoot != true (pod or containers "i", "c", "e" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or containers "i", "c", "e" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
});

test('AppArmor annotations, sorted, beside the fields', () => {
  const prefix = 'container.apparmor.security.beta.kubernetes.io/';
  const annotations = {
    [`${prefix}b`]: 'unconfined',
    [`${prefix}a`]: 'odd',
    [`${prefix}c`]: 'localhost/x',
    [`${prefix}d`]: 'runtime/default',
  };
  const spec = withSecurity({ appArmorProfile: { type: 'Unconfined' } });
  expect(judge(spec, 'baseline', 0, annotations)).toBe(
    `forbidden AppArmor profiles (container "a" and annotations must not set AppArmor profile type to "Unconfined", "${prefix}a="odd"", "${prefix}b="unconfined"")`,
  );
});

test('capabilities by other spellings are not the allowed ones', () => {
  for (const name of ['chown', 'CAP_CHOWN', 'NET_RAW']) {
    const spec = withSecurity({ capabilities: { drop: ['ALL'], add: [name] } });
    expect(judge(spec, 'baseline', 'latest')).toBe(
      `non-default capabilities (container "a" must not include "${name}" in securityContext.capabilities.add)`,
    );
  }
});
