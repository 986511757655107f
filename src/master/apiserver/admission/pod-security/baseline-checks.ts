/** The checks of the baseline level: known ways from a pod to more privileges. */
import { goQuote } from '../../../../api/go-text/quote.js';
import type { Check, CheckPod } from './checks.js';
import {
  containersNamed,
  isRelaxed,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
} from './checks.js';
import { seLinuxOptions } from './selinux-check.js';
import { seccompAnnotations, seccompFields } from './seccomp-checks.js';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

function allowsAppArmor(type: string): boolean {
  return type === 'RuntimeDefault' || type === 'Localhost';
}

function allowsAppArmorAnnotation(value: string): boolean {
  return value === '' || value === 'runtime/default' || value.startsWith('localhost/');
}

const appArmorProfile: CheckPod = (subject) => {
  const badTypes = new Set<string>();
  const isBad = (profile: { type: string } | undefined): boolean => {
    if (profile === undefined || allowsAppArmor(profile.type)) return false;
    badTypes.add(profile.type);
    return true;
  };
  const isPodBad = isBad(subject.spec.securityContext?.appArmorProfile);
  const bad = namesWhere(subject, ({ securityContext }) => isBad(securityContext?.appArmorProfile));
  const annotations = Object.entries(subject.annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !allowsAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${goQuote(value)}`);
  const values = [...sorted(badTypes), ...sorted(annotations)];
  const who = setters(isPodBad, bad);
  if (annotations.length > 0) who.push(plural('annotation', annotations.length));
  if (who.length === 0) return undefined;
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

const baselineCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const capabilities: CheckPod = (subject) => {
  const added = new Set<string>();
  const bad = namesWhere(subject, ({ securityContext }) => {
    const beyond = (securityContext?.capabilities?.add ?? []).filter(
      (name) => !baselineCapabilities.has(name),
    );
    for (const name of beyond) added.add(name);
    return beyond.length > 0;
  });
  if (bad.length === 0) return undefined;
  const list = quoted(sorted(added));
  return {
    reason: 'non-default capabilities',
    detail: `${containersNamed(bad)} must not include ${list} in securityContext.capabilities.add`,
  };
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const)
    .filter((name) => spec[name] === true)
    .map((name) => `${name}=true`);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.join(', ') };
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
  if (bad.length === 0) return undefined;
  const list = quoted(bad.map(({ name }) => name));
  return { reason: 'hostPath volumes', detail: `${plural('volume', bad.length)} ${list}` };
};

const hostPorts: CheckPod = (subject) => {
  const ports = new Set<string>();
  const bad = namesWhere(subject, (container) => {
    const own = (container.ports ?? []).filter(({ hostPort }) => (hostPort ?? 0) !== 0);
    for (const { hostPort } of own) ports.add(String(hostPort));
    return own.length > 0;
  });
  if (bad.length === 0) return undefined;
  const list = sorted(ports);
  const uses = plural('uses', bad.length, 'use');
  return {
    reason: 'hostPort',
    detail: `${containersNamed(bad)} ${uses} ${plural('hostPort', list.length)} ${list.join(', ')}`,
  };
};

const privileged: CheckPod = (subject) => {
  const bad = namesWhere(subject, ({ securityContext }) => securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${containersNamed(bad)} must not set securityContext.privileged=true`,
  };
};

const procMount: CheckPod = (subject) => {
  if (isRelaxed(subject)) return undefined;
  const types = new Set<string>();
  const bad = namesWhere(subject, ({ securityContext }) => {
    const type = securityContext?.procMount ?? 'Default';
    if (type === 'Default') return false;
    types.add(type);
    return true;
  });
  if (bad.length === 0) return undefined;
  const list = quoted(sorted(types));
  return {
    reason: 'procMount',
    detail: `${containersNamed(bad)} must not set securityContext.procMount to ${list}`,
  };
};

const sysctls10 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctls27 = [...sysctls10, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [
  ...sysctls27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

function sysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

const windowsHostProcess: CheckPod = (subject) => {
  const bad = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  const who = setters(subject.spec.securityContext?.windowsOptions?.hostProcess === true, bad);
  if (who.length === 0) return undefined;
  const text = 'must not set securityContext.windowsOptions.hostProcess=true';
  return { reason: 'hostProcess', detail: `${who.join(' and ')} ${text}` };
};

/** Sorted by id, which is the order of the messages. */
export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', versions: [{ since: 0, check: appArmorProfile }] },
  { id: 'capabilities_baseline', versions: [{ since: 0, check: capabilities }] },
  { id: 'hostNamespaces', versions: [{ since: 0, check: hostNamespaces }] },
  { id: 'hostPathVolumes', versions: [{ since: 0, check: hostPathVolumes }] },
  { id: 'hostPorts', versions: [{ since: 0, check: hostPorts }] },
  { id: 'privileged', versions: [{ since: 0, check: privileged }] },
  { id: 'procMount', versions: [{ since: 0, check: procMount }] },
  {
    id: 'seLinuxOptions',
    versions: [
      { since: 0, check: seLinuxOptions(['container_t', 'container_init_t', 'container_kvm_t']) },
      {
        since: 31,
        check: seLinuxOptions([
          'container_t',
          'container_init_t',
          'container_kvm_t',
          'container_engine_t',
        ]),
      },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccompFields },
    ],
  },
  {
    id: 'sysctls',
    versions: [
      { since: 0, check: sysctls(sysctls10) },
      { since: 27, check: sysctls(sysctls27) },
      { since: 29, check: sysctls(sysctls29) },
      { since: 32, check: sysctls(sysctls32) },
    ],
  },
  { id: 'windowsHostProcess', versions: [{ since: 0, check: windowsHostProcess }] },
];
