/** A sandbox as CRI has it: pure. @see kubelet pkg/kubelet/kuberuntime/kuberuntime_sandbox.go */
import type {
  NamespaceOption,
  PodSandboxConfig,
  PodSandboxStatus,
  PortMapping,
} from '../../gen/cri/api.js';
import {
  NamespaceMode,
  Protocol,
  SecurityProfile_ProfileType as Profile,
  SupplementalGroupsPolicy,
} from '../../gen/cri/api.js';
import type { NamespaceOptions, PublishedPort, SandboxConfig } from '../types.js';
import { ownLabels, podLabels, recordAnnotation } from './labels.js';
import { newLimits } from './limits.js';

/** The parts of a sandbox's configuration that are not the pod's. */
export interface SandboxPlace {
  /** The number of earlier sandboxes of the pod that are still there: names of the runtime must differ. */
  readonly attempt: number;
  readonly cgroupParent: string;
}

/** Returns the configuration of a sandbox. */
export function sandboxConfig(config: SandboxConfig, place: SandboxPlace): PodSandboxConfig {
  const { pod, namespaces, resources } = config;
  return {
    metadata: { ...pod, attempt: place.attempt },
    // The node's name is not the pod's to change.
    hostname: namespaces.hostNetwork ? '' : config.hostname,
    logDirectory: config.logDirectory ?? '/',
    // Containers get an /etc/resolv.conf of the agent's.
    dnsConfig: undefined,
    portMappings: namespaces.hostNetwork ? [] : (config.hostPorts ?? []).map(portMapping),
    labels: { ...config.labels, ...podLabels(pod), [ownLabels.sandbox]: config.id },
    annotations: {
      ...config.annotations,
      [recordAnnotation]: JSON.stringify(noteFor(config, place)),
    },
    linux: {
      cgroupParent: place.cgroupParent,
      sysctls: { ...config.sysctls },
      securityContext: {
        namespaceOptions: namespaceOption(namespaces),
        selinuxOptions: undefined,
        runAsUser: undefined,
        runAsGroup: undefined,
        readonlyRootfs: false,
        supplementalGroups: [],
        supplementalGroupsPolicy: SupplementalGroupsPolicy.Merge,
        // Without it the runtime refuses privileged containers.
        privileged: config.privileged ?? false,
        seccomp: { profileType: Profile.RuntimeDefault, localhostRef: '' },
        apparmor: undefined,
        seccompProfilePath: '',
      },
      overhead: undefined,
      resources: resources === undefined ? undefined : newLimits(resources),
    },
  };
}

/** What is left with a sandbox, so that containers can be made in it after a restart. */
export interface SandboxNote {
  readonly config: Omit<SandboxConfig, 'labels' | 'annotations'>;
  readonly cgroupParent: string;
}

function noteFor(config: SandboxConfig, { cgroupParent }: SandboxPlace): SandboxNote {
  const { labels: _labels, annotations: _annotations, ...rest } = config;
  return { config: rest, cgroupParent };
}

/** The note that was left with a sandbox; undefined for what is not the agent's. */
export function sandboxNoteOf(
  annotations: Readonly<Record<string, string>>,
): SandboxNote | undefined {
  const text = annotations[recordAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as SandboxNote;
  } catch {
    return undefined;
  }
}

/** Returns the configuration that a sandbox was made with, which its containers are made with too. */
export function sameSandboxConfig(
  { labels, annotations, metadata }: PodSandboxStatus,
  note: SandboxNote,
): PodSandboxConfig {
  const { config, cgroupParent } = note;
  const attempt = metadata?.attempt ?? 0;
  return sandboxConfig({ ...config, labels, annotations }, { attempt, cgroupParent });
}

/** Returns the namespaces of a pod's sandbox and of its containers. */
export function namespaceOption(namespaces: NamespaceOptions): NamespaceOption {
  const { NODE, POD, CONTAINER } = NamespaceMode;
  const own = namespaces.sharePid ? POD : CONTAINER;
  return {
    network: namespaces.hostNetwork ? NODE : POD,
    pid: namespaces.hostPid ? NODE : own,
    ipc: namespaces.hostIpc ? NODE : POD,
    targetId: '',
    usernsOptions: undefined,
  };
}

function portMapping({
  protocol,
  containerPort,
  hostPort,
  hostIp = '',
}: PublishedPort): PortMapping {
  return { protocol: Protocol[protocol], containerPort, hostPort, hostIp };
}
