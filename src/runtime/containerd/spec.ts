import type { ContainerConfig, NamespaceOptions, SecurityConfig } from '../types.js';
import { RuntimeError } from '../types.js';
import type { AccountFiles } from './accounts.js';
import { resolveUser } from './accounts.js';
import { commandOf, environmentOf, workingDirOf } from '../process-config.js';
import { allCapabilities, defaultCapabilities } from './capabilities.js';
import type { ImageProcess } from '../image-config.js';
import type { GivenDevice, OciMount, OciSpec } from './oci.js';
import { defaultMounts } from './spec-defaults.js';
import { maskedPaths, readonlyPaths } from '../kernel-paths.js';

/** All that a container's specification depends on. */
export interface SpecInput {
  readonly config: ContainerConfig;
  readonly image: ImageProcess;
  /** `/etc/passwd` and `/etc/group` of the image. */
  readonly accounts: AccountFiles;
  readonly rootfs: string;
  readonly hostname: string;
  readonly namespaces: NamespaceOptions;
  /** Of the sandbox; absent ones are made anew or are the host's, as `namespaces` says. */
  readonly paths: {
    readonly network?: string;
    readonly ipc?: string;
    readonly pid?: string;
    readonly shm?: string;
  };
  readonly cgroupsPath: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly cgroupV2: boolean;
  /** The profile that `seccomp` of the configuration names, read already. */
  readonly seccompProfile?: unknown;
  readonly devices: readonly GivenDevice[];
  /** False where a negative value would make the start fail (no CAP_SYS_RESOURCE). */
  readonly mayLowerOomScore: boolean;
  /** Containers of one group share a shim process. */
  readonly shimGroup: string;
}

/**
 * The complete OCI runtime specification of one container. Pure.
 * @throws RuntimeError InvalidConfig, with kubelet's text, when the user or the command cannot be settled
 */
export function buildSpec(input: SpecInput): OciSpec {
  const { config, image } = input;
  const { security, cdiDevices = [] } = config;
  if (cdiDevices.length > 0) {
    const text = 'devices by the Container Device Interface need --runtime cri';
    throw new RuntimeError('InvalidConfig', `${text}: ${cdiDevices.join(', ')}`);
  }
  const user = resolveUser(security, image.User ?? '', input.accounts);
  const capabilities = capabilitiesOf(security);
  const effective = user.uid === 0 ? capabilities : [];
  const oomScoreAdj = config.resources.oomScoreAdj;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: config.tty,
      user,
      args: commandOf(config, image),
      env: environmentOf(config, image),
      cwd: workingDirOf(config, image),
      capabilities: {
        bounding: capabilities,
        effective,
        permitted: effective,
        inheritable: [],
        ambient: [],
      },
      rlimits: [],
      noNewPrivileges: !security.allowPrivilegeEscalation,
      ...(oomScoreAdj === undefined || (oomScoreAdj < 0 && !input.mayLowerOomScore)
        ? {}
        : { oomScoreAdj }),
    },
    root: { path: input.rootfs, readonly: security.readOnlyRootFilesystem },
    ...(input.namespaces.hostNetwork ? {} : { hostname: input.hostname }),
    mounts: mountsOf(input),
    annotations: {
      'io.containerd.runc.v2.group': input.shimGroup,
      'io.kubernetes.cri.container-name': config.name,
      'io.kubernetes.cri.sandbox-uid': config.pod.uid,
    },
    linux: linuxOf(input),
  };
}

/** The specification without capabilities that are not there to be given. */
export function withinCapabilities(spec: OciSpec, there: ReadonlySet<string>): OciSpec {
  const held = (names: readonly string[]): string[] => names.filter((name) => there.has(name));
  const { bounding, effective, permitted } = spec.process.capabilities;
  const capabilities = {
    bounding: held(bounding),
    effective: held(effective),
    permitted: held(permitted),
    inheritable: [],
    ambient: [],
  };
  return { ...spec, process: { ...spec.process, capabilities } };
}

/** Privileged means all; else the default set, with what is dropped taken out and what is added put in. */
export function capabilitiesOf(security: SecurityConfig): string[] {
  if (security.privileged) return [...allCapabilities];
  const named = (name: string): string => {
    const upper = name.toUpperCase();
    return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  };
  const add = security.addCapabilities.map(named);
  const drop = security.dropCapabilities.map(named);
  const base = drop.includes('CAP_ALL') ? [] : defaultCapabilities;
  const set = new Set(add.includes('CAP_ALL') ? allCapabilities : base);
  if (!drop.includes('CAP_ALL')) for (const name of drop) set.delete(name);
  for (const name of add) if (name !== 'CAP_ALL') set.add(name);
  for (const name of set) {
    if (!allCapabilities.includes(name)) {
      throw new RuntimeError('CreateFailed', `unknown capability "${name}"`, { retryable: false });
    }
  }
  return allCapabilities.filter((name) => set.has(name));
}

function mountsOf(input: SpecInput): OciMount[] {
  const { config } = input;
  const mounts = defaultMounts({
    privileged: config.security.privileged,
    hostNetwork: input.namespaces.hostNetwork,
    shm: input.paths.shm,
    cgroupV2: input.cgroupV2,
  });
  const bound: OciMount[] = config.mounts.map((mount) => ({
    destination: mount.containerPath,
    type: 'bind',
    source: mount.hostPath,
    options: ['rbind', propagationOption(mount.propagation), mount.readOnly ? 'ro' : 'rw'],
  }));
  bound.sort((a, b) => depth(a.destination) - depth(b.destination));
  const taken = new Set(bound.map((mount) => mount.destination));
  return [...mounts.filter((mount) => !taken.has(mount.destination)), ...bound];
}

function propagationOption(propagation: string | undefined): string {
  if (propagation === 'Bidirectional') return 'rshared';
  return propagation === 'HostToContainer' ? 'rslave' : 'rprivate';
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

function linuxOf(input: SpecInput): OciSpec['linux'] {
  const { config } = input;
  const { security, resources } = config;
  const masks = !security.privileged && security.procMount === 'Default';
  const sharesMounts = config.mounts.some(({ propagation }) => propagation === 'Bidirectional');
  return {
    namespaces: namespacesOf(input),
    cgroupsPath: input.cgroupsPath,
    resources: {
      devices: deviceRules(input),
      memory:
        resources.memoryLimitBytes === undefined
          ? {}
          : { limit: resources.memoryLimitBytes, swap: resources.memoryLimitBytes },
      cpu: {
        ...(resources.cpuShares === undefined ? {} : { shares: resources.cpuShares }),
        ...(resources.cpuQuotaMicros === undefined ? {} : { quota: resources.cpuQuotaMicros }),
        ...(resources.cpuPeriodMicros === undefined ? {} : { period: resources.cpuPeriodMicros }),
      },
      ...(resources.pidsLimit === undefined ? {} : { pids: { limit: resources.pidsLimit } }),
    },
    ...(input.devices.length === 0
      ? {}
      : { devices: input.devices.map(({ access: _access, ...device }) => device) }),
    ...(Object.keys(input.sysctls).length === 0 ? {} : { sysctl: input.sysctls }),
    ...(masks ? { maskedPaths, readonlyPaths } : {}),
    ...(sharesMounts ? { rootfsPropagation: 'rshared' } : {}),
    ...(input.seccompProfile === undefined || security.privileged
      ? {}
      : { seccomp: input.seccompProfile }),
  };
}

function deviceRules(input: SpecInput): OciSpec['linux']['resources']['devices'] {
  if (input.config.security.privileged) return [{ allow: true, access: 'rwm' }];
  const rules = input.devices.map((device) => ({
    allow: true,
    type: device.type,
    major: device.major,
    minor: device.minor,
    access: device.access,
  }));
  return [{ allow: false, access: 'rwm' }, ...rules];
}

function namespacesOf(input: SpecInput): { type: string; path?: string }[] {
  const { namespaces, paths } = input;
  const joined = (type: string, path: string | undefined): { type: string; path?: string } =>
    path === undefined ? { type } : { type, path };
  return [
    { type: 'mount' },
    ...(namespaces.hostNetwork ? [] : [{ type: 'uts' }, joined('network', paths.network)]),
    ...(namespaces.hostIpc ? [] : [joined('ipc', paths.ipc)]),
    ...(namespaces.hostPid ? [] : [joined('pid', namespaces.sharePid ? paths.pid : undefined)]),
    ...(input.cgroupV2 && !input.config.security.privileged ? [{ type: 'cgroup' }] : []),
  ];
}
