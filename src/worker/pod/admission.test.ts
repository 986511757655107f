import { expect, test } from '@jest/globals';
import type { Pod, PodSpec } from '../../api/types/core.js';
import { kernelVersion, refusalOf, sysctlPatternProblem } from './admission.js';

const abilities = { unsafeSysctls: ['net.core.somaxconn', 'kernel.msg*'], kernel: [6, 1] } as const;

function pod(spec: Partial<PodSpec>, annotations: Record<string, string> = {}): Pod {
  return { metadata: { name: 'p', annotations }, spec: { containers: [{ name: 'a' }], ...spec } };
}

function sysctls(...names: readonly string[]): Partial<PodSpec> {
  return { securityContext: { sysctls: names.map((name) => ({ name, value: '1' })) } };
}

const unset = (name: string): string => `forbidden sysctl: "${name}" not allowlisted`;

test.each<readonly [string, Partial<PodSpec>, string | undefined]>([
  ['a safe sysctl', sysctls('net.ipv4.tcp_syncookies', 'net.ipv4.tcp_rmem'), undefined],
  ['a safe one with slashes', sysctls('net/ipv4/tcp_syncookies'), undefined],
  ['one of the flag', sysctls('net.core.somaxconn', 'kernel.msgmax'), undefined],
  ['an unsafe one', sysctls('net.ipv4.ip_forward'), unset('net.ipv4.ip_forward')],
  ['a longer name', sysctls('net.core.somaxconn2'), unset('net.core.somaxconn2')],
  ['one of the whole node', sysctls('vm.swappiness'), unset('vm.swappiness')],
  ['a name of an object', sysctls('constructor'), unset('constructor')],
  [
    "net with the node's network",
    { ...sysctls('net.ipv4.tcp_syncookies'), hostNetwork: true },
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  ],
  [
    "ipc with the node's IPC",
    { ...sysctls('kernel.msgmax'), hostIPC: true },
    'forbidden sysctl: "kernel.msgmax" not allowed with host ipc enabled',
  ],
])('sysctls: %s', (_name, spec, message) => {
  const refusal = refusalOf(pod(spec), abilities);
  expect(refusal?.message).toBe(message);
  expect(refusal?.reason).toBe(message === undefined ? undefined : 'SysctlForbidden');
});

test('what is safe depends on the kernel', () => {
  const old = { unsafeSysctls: [], kernel: kernelVersion('4.14.0-9-amd64') } as const;
  expect(refusalOf(pod(sysctls('net.ipv4.tcp_fin_timeout')), old)).toBeUndefined();
  expect(refusalOf(pod(sysctls('net.ipv4.tcp_rmem')), old)?.reason).toBe('SysctlForbidden');
});

test('no flag allows what no namespace holds', () => {
  const all = { unsafeSysctls: ['vm.swappiness', '*'], kernel: [6, 1] } as const;
  expect(refusalOf(pod(sysctls('vm.swappiness')), all)?.reason).toBe('SysctlForbidden');
  expect(sysctlPatternProblem('vm.swappiness')).toContain('not known to be namespaced');
  expect(sysctlPatternProblem('*')).toContain('is not a sysctl');
  expect(sysctlPatternProblem('kernel.msg*')).toBeUndefined();
  expect(sysctlPatternProblem('net.*')).toBeUndefined();
});

const profile = { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } };
const annotation = 'container.apparmor.security.beta.kubernetes.io/a';

test.each<readonly [string, Pod, string | undefined]>([
  ['another operating system', pod({ os: { name: 'windows' } }), 'PodOSNotSupported'],
  ['this one', pod({ os: { name: 'linux' } }), undefined],
  ['a profile of AppArmor', pod(profile), 'AppArmor'],
  ['the same of a container', pod({ containers: [{ name: 'a', ...profile }] }), 'AppArmor'],
  ['the same by annotation', pod({}, { [annotation]: 'localhost/x' }), 'AppArmor'],
  ['none of AppArmor', pod({}, { [annotation]: 'unconfined' }), undefined],
  [
    'strict groups',
    pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
    'SupplementalGroupsPolicyNotSupported',
  ],
])('%s', (_name, wanted, reason) => {
  expect(refusalOf(wanted, abilities)?.reason).toBe(reason);
});
