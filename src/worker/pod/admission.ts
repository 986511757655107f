/**
 * Decides whether this node takes a pod that is bound to it. Pure. A pod with a demand that the node cannot honour is
 * refused with kubelet's reason; no demand is dropped in silence.
 */
import type { Pod } from '../../api/types/core.js';
import { dottedSysctl, sysctlNamespace } from '../../api/validation/sysctls.js';

/** Why this node does not run a pod, as its status says it. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** The abilities that not every node has. */
export interface NodeAbilities {
  /** Names or prefixes ending in `*`, all of them of a kernel namespace. */
  readonly unsafeSysctls: readonly string[];
  /** Major and minor version of the kernel. */
  readonly kernel: readonly [major: number, minor: number];
}

/**
 * Parameters that concern only the pod's own namespaces, with the kernel since which they do. @see kubelet
 * sysctl/safe_sysctls.go
 */
const safeSysctls: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  'kernel.shm_rmid_forced': [0, 0],
  'net.ipv4.ip_local_port_range': [0, 0],
  'net.ipv4.tcp_syncookies': [0, 0],
  'net.ipv4.ping_group_range': [0, 0],
  'net.ipv4.ip_unprivileged_port_start': [0, 0],
  'net.ipv4.ip_local_reserved_ports': [3, 16],
  'net.ipv4.tcp_keepalive_time': [4, 5],
  'net.ipv4.tcp_fin_timeout': [4, 6],
  'net.ipv4.tcp_keepalive_intvl': [4, 5],
  'net.ipv4.tcp_keepalive_probes': [4, 5],
  'net.ipv4.tcp_rmem': [4, 15],
  'net.ipv4.tcp_wmem': [4, 15],
};

/** The version of `6.18.5-amd64`. */
export function kernelVersion(release: string): readonly [major: number, minor: number] {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return [Number(major), Number(minor)];
}

/** @returns why the pattern of `--allowed-unsafe-sysctls` cannot be used; undefined when it can */
export function sysctlPatternProblem(pattern: string): string | undefined {
  const isPattern = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][-_a-z0-9]+)*([./]?\*)?$/.test(pattern);
  if (!isPattern) return `"${pattern}" is not a sysctl or a prefix of sysctls ending in *`;
  const known = sysctlNamespace(pattern.replace(/\*$/, '')) !== undefined;
  return known ? undefined : `the sysctl "${pattern}" is not known to be namespaced`;
}

function isAllowed(name: string, { unsafeSysctls, kernel }: NodeAbilities): boolean {
  const since = Object.hasOwn(safeSysctls, name) ? safeSysctls[name] : undefined;
  const [major, minor] = kernel;
  if (since !== undefined && (major > since[0] || (major === since[0] && minor >= since[1]))) {
    return true;
  }
  return unsafeSysctls.some((pattern) => {
    const dotted = dottedSysctl(pattern);
    return dotted.endsWith('*') ? name.startsWith(dotted.slice(0, -1)) : name === dotted;
  });
}

function sysctlProblem({ spec }: Pod, abilities: NodeAbilities): string | undefined {
  for (const { name: given = '' } of spec.securityContext?.sysctls ?? []) {
    const name = dottedSysctl(given);
    if (!isAllowed(name, abilities)) return `"${given}" not allowlisted`;
    const namespace = sysctlNamespace(name);
    // A sysctl outside the namespaces would be set for the whole node: the flag does not allow that.
    if (namespace === undefined) return `"${given}" not allowlisted`;
    if (namespace === 'net' && spec.hostNetwork === true) {
      return `"${given}" not allowed with host net enabled`;
    }
    if (namespace === 'ipc' && spec.hostIPC === true) {
      return `"${given}" not allowed with host ipc enabled`;
    }
  }
  return undefined;
}

function wantsAppArmor({ metadata, spec }: Pod): boolean {
  const containers = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  const profiles = [spec, ...containers].map(
    ({ securityContext }) => securityContext?.appArmorProfile,
  );
  const prefix = 'container.apparmor.security.beta.kubernetes.io/';
  return (
    profiles.some((profile) => profile !== undefined && profile.type !== 'Unconfined') ||
    Object.entries(metadata.annotations ?? {}).some(
      ([key, value]) => key.startsWith(prefix) && value !== '' && value !== 'unconfined',
    )
  );
}

/** @returns undefined when the node takes the pod */
export function refusalOf(pod: Pod, abilities: NodeAbilities): Refusal | undefined {
  const { spec } = pod;
  if (spec.os !== undefined && spec.os.name !== 'linux') {
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  const sysctl = sysctlProblem(pod, abilities);
  if (sysctl !== undefined) {
    return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${sysctl}` };
  }
  if (wantsAppArmor(pod)) {
    return {
      reason: 'AppArmor',
      message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host',
    };
  }
  if (spec.securityContext?.supplementalGroupsPolicy === 'Strict') {
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  }
  return undefined;
}
