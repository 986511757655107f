/** A container as CRI has it: pure. @see kubelet pkg/kubelet/kuberuntime/kuberuntime_container.go */
import { isAbsolute, join, normalize, relative } from 'node:path';
import type {
  ContainerConfig as CriContainerConfig,
  LinuxContainerSecurityContext,
  Mount as CriMount,
  NamespaceOption,
  SecurityProfile,
} from '../../gen/cri/api.js';
import {
  MountPropagation,
  SecurityProfile_ProfileType as Profile,
  Signal,
  SupplementalGroupsPolicy,
} from '../../gen/cri/api.js';
import { maskedPaths, readonlyPaths } from '../kernel-paths.js';
import { verifyNonRoot } from '../non-root.js';
import type { ContainerConfig, Mount, SecurityConfig } from '../types.js';
import { RuntimeError } from '../types.js';
import {
  kubeLabels,
  ownLabels,
  podLabels,
  recordAnnotation,
  restartCountAnnotation,
} from './labels.js';
import { newLimits } from './limits.js';

/** The parts of a container's configuration that are not the pod's. */
export interface ContainerPlace {
  /** The runtime's own name of the image. */
  readonly imageId: string;
  /** The image's own user: a number or a name; empty is root. */
  readonly imageUser: string;
  readonly namespaces: NamespaceOption;
  /** The sandbox's. */
  readonly logDirectory: string;
  /** The pod's cgroup. */
  readonly cgroup: string;
  /** Below which seccomp profiles of the node are. */
  readonly seccompDir: string;
}

/** What the agent must know of a container again after a restart, and CRI has no field for. */
export interface ContainerNote {
  readonly sandboxId: string;
  readonly image: string;
  readonly logPath: string;
  readonly logMaxBytes: number;
  readonly stdin: boolean;
  readonly tty: boolean;
  /** The pod's cgroup: the container's is in it, by the runtime's id. */
  readonly cgroup: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Returns the configuration of a container.
 * @throws RuntimeError InvalidConfig, CreateFailed for what the runtime cannot be asked for
 */
export function containerConfig(
  config: ContainerConfig,
  place: ContainerPlace,
): CriContainerConfig {
  const { id, pod, name, restartCount, image, sandboxId, logPath, logMaxBytes, stdin, tty } =
    config;
  if (config.stopSignal !== undefined) {
    const text = 'the container runtime interface has no stop signal that every runtime knows';
    throw new RuntimeError('InvalidConfig', `lifecycle.stopSignal: ${text}`, { retryable: false });
  }
  const { annotations } = config;
  const note: ContainerNote = {
    sandboxId,
    image,
    logPath,
    logMaxBytes,
    stdin,
    tty,
    cgroup: place.cgroup,
    annotations,
  };
  return {
    metadata: { name, attempt: restartCount },
    image: {
      image: place.imageId,
      annotations: {},
      userSpecifiedImage: image,
      runtimeHandler: '',
    },
    command: [...(config.command ?? [])],
    args: [...(config.args ?? [])],
    workingDir: config.workingDir ?? '',
    envs: config.env.map(([key, value]) => ({ key, value })),
    mounts: config.mounts.map(mountOf),
    devices: [...(config.devices ?? [])],
    labels: { ...podLabels(pod), [kubeLabels.container]: name, [ownLabels.container]: id },
    annotations: {
      [restartCountAnnotation]: String(restartCount),
      [recordAnnotation]: JSON.stringify(note),
    },
    logPath: pathBelow(place.logDirectory, logPath),
    stdin,
    stdinOnce: config.stdinOnce,
    tty,
    linux: {
      resources: newLimits(config.resources),
      securityContext: securityContext(config.security, place),
    },
    CDIDevices: (config.cdiDevices ?? []).map((device) => ({ name: device })),
    stopSignal: Signal.RUNTIME_DEFAULT,
  };
}

/** CRI takes the path of a log from the directory of its pod's. */
function pathBelow(directory: string, path: string): string {
  const below = relative(directory, path);
  if (below !== '' && !below.startsWith('..') && !isAbsolute(below)) return below;
  throw new RuntimeError('InvalidConfig', `the log ${path} is not below ${directory}`, {
    retryable: false,
  });
}

const propagations = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
} as const;

function mountOf({ hostPath, containerPath, readOnly, propagation = 'None' }: Mount): CriMount {
  return {
    containerPath,
    hostPath,
    readonly: readOnly,
    selinuxRelabel: false,
    propagation: propagations[propagation],
    uidMappings: [],
    gidMappings: [],
    recursiveReadOnly: false,
    image: undefined,
    imageSubPath: '',
  };
}

function securityContext(
  security: SecurityConfig,
  place: ContainerPlace,
): LinuxContainerSecurityContext {
  const { runAsGroup, fsGroup, privileged } = security;
  const user = userOf(security, place.imageUser);
  const isUnmasked = privileged || security.procMount === 'Unmasked';
  const groups = new Set([
    ...(fsGroup === undefined ? [] : [fsGroup]),
    ...security.supplementalGroups,
  ]);
  return {
    capabilities: {
      addCapabilities: [...security.addCapabilities],
      dropCapabilities: [...security.dropCapabilities],
      addAmbientCapabilities: [],
    },
    privileged,
    namespaceOptions: place.namespaces,
    selinuxOptions: undefined,
    runAsUser: typeof user === 'number' ? { value: BigInt(user) } : undefined,
    runAsGroup: runAsGroup === undefined ? undefined : { value: BigInt(runAsGroup) },
    runAsUsername: typeof user === 'string' ? user : '',
    readonlyRootfs: security.readOnlyRootFilesystem,
    supplementalGroups: [...groups].sort((a, b) => a - b).map(BigInt),
    supplementalGroupsPolicy: SupplementalGroupsPolicy.Merge,
    noNewPrivs: !security.allowPrivilegeEscalation,
    maskedPaths: isUnmasked ? [] : [...maskedPaths],
    readonlyPaths: isUnmasked ? [] : [...readonlyPaths],
    seccomp: seccompProfile(security, place.seccompDir),
    apparmor: undefined,
    apparmorProfile: '',
    seccompProfilePath: '',
  };
}

/** Said in any case, as kubelet does: a group is taken only together with a user. */
function userOf(security: SecurityConfig, imageUser: string): number | string {
  const { runAsUser } = security;
  const own = imageUser === '' ? 0 : /^\d+$/.test(imageUser) ? Number(imageUser) : imageUser;
  const user = runAsUser ?? own;
  // A name that is the pod's cannot be looked up here: it counts as root only where it says so.
  verifyNonRoot(security, imageUser, user === 'root' ? 0 : Number(user));
  return user;
}

function seccompProfile({ seccomp, privileged }: SecurityConfig, dir: string): SecurityProfile {
  if (privileged || seccomp === 'Unconfined') {
    return { profileType: Profile.Unconfined, localhostRef: '' };
  }
  if (seccomp === 'RuntimeDefault')
    return { profileType: Profile.RuntimeDefault, localhostRef: '' };
  const name = seccomp.localhostProfile;
  if (isAbsolute(name) || normalize(name).startsWith('..')) {
    throw new RuntimeError('CreateFailed', `seccomp profile "${name}" is not a local path`, {
      retryable: false,
    });
  }
  return { profileType: Profile.Localhost, localhostRef: join(dir, name) };
}
