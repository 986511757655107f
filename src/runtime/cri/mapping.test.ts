/** What the runtime is asked for: golden files. `UPDATE=1` records them, a human reads the difference. */
import { describe, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ContainerConfig as CriContainerConfig, PodSandboxConfig } from '../../gen/cri/api.js';
import { testContainer, testSandbox } from '../../../test/cluster/lib/runtime-contract.js';
import type { ContainerConfig, SandboxConfig, SecurityConfig } from '../types.js';
import { containerConfig } from './container-config.js';
import { changedLimits, newLimits } from './limits.js';
import {
  namespaceOption,
  sameSandboxConfig,
  sandboxConfig,
  sandboxNoteOf,
} from './sandbox-config.js';

const dir = 'src/runtime/cri/testdata';

/** The answer must be what the file says. */
function golden(name: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  const path = `${dir}/${name}.json`;
  if (process.env['UPDATE'] === '1') {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

const place = {
  imageId: 'sha256:aaaa',
  imageUser: '',
  namespaces: namespaceOption(testSandbox.namespaces),
  logDirectory: '/var/lib/trireme/worker/pods/contract-uid/logs',
  cgroup: '/kubepods/besteffort/podcontract-uid',
  seccompDir: '/var/lib/trireme/worker/runtime/seccomp',
};
const subject = { image: 'busybox', logDir: place.logDirectory };

function container(
  extra: Partial<ContainerConfig>,
  security: Partial<SecurityConfig> = {},
): ContainerConfig {
  const plain = testContainer(subject, 'c1', ['sh', '-c', 'true']);
  return { ...plain, ...extra, security: { ...plain.security, ...security } };
}

describe('sandboxes', () => {
  const full: SandboxConfig = {
    ...testSandbox,
    qosClass: 'Burstable',
    labels: { app: 'web' },
    annotations: { 'example.com/why': 'test' },
    sysctls: { 'net.core.somaxconn': '1024' },
    hostPorts: [
      { hostPort: 8080, containerPort: 80, protocol: 'TCP' },
      { hostPort: 53, containerPort: 5353, protocol: 'UDP', hostIp: '10.0.0.1' },
    ],
    resources: { cpuShares: 512, memoryLimitBytes: 64 * 2 ** 20 },
    logDirectory: place.logDirectory,
  };

  test('a pod with a network of its own', () => {
    const made = sandboxConfig(full, { attempt: 2, cgroupParent: '/kubepods/burstable/podx' });
    golden('sandbox', PodSandboxConfig.toJSON(made));
  });

  test('a pod on the network of its node', () => {
    const namespaces = { hostNetwork: true, hostPid: true, hostIpc: true, sharePid: false };
    const made = sandboxConfig(
      { ...full, namespaces, privileged: true },
      { attempt: 0, cgroupParent: '/x' },
    );
    golden('sandbox-host', PodSandboxConfig.toJSON(made));
  });

  test('what is left with a sandbox gives its configuration again', () => {
    const cgroupParent = '/kubepods/burstable/podx';
    const made = sandboxConfig(full, { attempt: 2, cgroupParent });
    const { labels, annotations, metadata } = made;
    const note = sandboxNoteOf(annotations);
    if (note === undefined) throw new Error('no note');
    const status = { labels, annotations, metadata } as Parameters<typeof sameSandboxConfig>[0];
    expect(sameSandboxConfig(status, note)).toEqual(made);
    expect(sandboxNoteOf({})).toBeUndefined();
    expect(sandboxNoteOf({ 'trireme.io/record': '{' })).toBeUndefined();
  });

  test.each([
    ['own', { sharePid: false }, { network: 0, pid: 1, ipc: 0 }],
    ['shared', { sharePid: true }, { network: 0, pid: 0, ipc: 0 }],
    ["node's PID", { hostPid: true, sharePid: true }, { network: 0, pid: 2, ipc: 0 }],
    ["node's network", { hostNetwork: true }, { network: 2, pid: 1, ipc: 0 }],
    ["node's IPC", { hostIpc: true }, { network: 0, pid: 1, ipc: 2 }],
  ])('namespaces: %s', (_, given, expected) => {
    expect(namespaceOption({ ...testSandbox.namespaces, ...given })).toMatchObject(expected);
  });
});

describe('containers', () => {
  test('a container with everything', () => {
    const config = container(
      {
        name: 'web',
        restartCount: 3,
        args: ['--flag'],
        workingDir: '/srv',
        env: [['A', '1']],
        mounts: [
          { hostPath: '/d/hosts', containerPath: '/etc/hosts', readOnly: false },
          { hostPath: '/d/v', containerPath: '/v', readOnly: true, propagation: 'HostToContainer' },
          { hostPath: '/d/w', containerPath: '/w', readOnly: false, propagation: 'Bidirectional' },
        ],
        devices: [{ hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'mrw' }],
        resources: {
          cpuShares: 102,
          cpuQuotaMicros: 20_000,
          cpuPeriodMicros: 100_000,
          memoryLimitBytes: 128 * 2 ** 20,
          oomScoreAdj: -997,
        },
        stdin: true,
        stdinOnce: true,
        tty: true,
      },
      {
        runAsUser: 1000,
        runAsGroup: 2000,
        fsGroup: 3000,
        supplementalGroups: [5000, 4000, 3000],
        addCapabilities: ['NET_BIND_SERVICE'],
        dropCapabilities: ['ALL'],
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        seccomp: 'RuntimeDefault',
      },
    );
    golden('container', CriContainerConfig.toJSON(containerConfig(config, place)));
  });

  test('a privileged container sees what is hidden from others', () => {
    const config = container({}, { privileged: true });
    golden('container-privileged', CriContainerConfig.toJSON(containerConfig(config, place)));
  });

  const linux = (security: Partial<SecurityConfig>, imageUser = ''): unknown =>
    containerConfig(container({}, security), { ...place, imageUser }).linux?.securityContext;

  test.each<[string, Partial<SecurityConfig>, string, object]>([
    ['nobody says one: root', {}, '', { runAsUser: { value: 0n }, runAsUsername: '' }],
    ["the image's number", {}, '101', { runAsUser: { value: 101n }, runAsUsername: '' }],
    ["the image's name", {}, 'www', { runAsUser: undefined, runAsUsername: 'www' }],
    [
      "the pod's before it",
      { runAsUser: 7 },
      'www',
      { runAsUser: { value: 7n }, runAsUsername: '' },
    ],
    [
      'a group alone',
      { runAsGroup: 9 },
      '101',
      { runAsUser: { value: 101n }, runAsGroup: { value: 9n } },
    ],
  ])('user: %s', (_, security, imageUser, expected) => {
    expect(linux(security, imageUser)).toMatchObject(expected);
  });

  test.each<[string, Partial<SecurityConfig>, string]>([
    ['', {}, 'container has runAsNonRoot and image will run as root'],
    ['0', {}, 'container has runAsNonRoot and image will run as root'],
    [
      'www',
      {},
      'container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root',
    ],
    ['101', { runAsUser: 0 }, "container's runAsUser breaks non-root policy"],
  ])('runAsNonRoot with the image user "%s" and %j', (imageUser, security, text) => {
    expect(() => linux({ ...security, runAsNonRoot: true }, imageUser)).toThrow(text);
  });

  test('runAsNonRoot lets others run', () => {
    expect(linux({ runAsNonRoot: true }, '101')).toMatchObject({ runAsUser: { value: 101n } });
    expect(linux({ runAsNonRoot: true, runAsUser: 5 }, 'www')).toMatchObject({
      runAsUser: { value: 5n },
    });
  });

  test.each<[SecurityConfig['seccomp'], object]>([
    ['Unconfined', { profileType: 1, localhostRef: '' }],
    ['RuntimeDefault', { profileType: 0, localhostRef: '' }],
    [
      { localhostProfile: 'a/b.json' },
      { profileType: 2, localhostRef: `${place.seccompDir}/a/b.json` },
    ],
  ])('seccomp: %j', (seccomp, expected) => {
    expect(linux({ seccomp })).toMatchObject({ seccomp: expected });
  });

  test.each<[string, () => unknown, string]>([
    [
      'a profile elsewhere',
      () => linux({ seccomp: { localhostProfile: '../x' } }),
      'is not a local path',
    ],
    [
      'a profile by its path',
      () => linux({ seccomp: { localhostProfile: '/x' } }),
      'is not a local path',
    ],
    [
      'a stop signal',
      () => containerConfig(container({ stopSignal: 'SIGUSR1' }), place),
      'lifecycle.stopSignal: the container runtime interface has no stop signal',
    ],
    [
      'a log elsewhere',
      () => containerConfig(container({ logPath: '/tmp/c.log' }), place),
      'the log /tmp/c.log is not below',
    ],
  ])('refused: %s', (_, make, text) => {
    expect(make).toThrow(text);
  });
});

describe('limits', () => {
  test('what is absent is not set in something new, and lifted from what runs', () => {
    expect(newLimits({})).toMatchObject({ cpuQuota: 0n, memoryLimitInBytes: 0n, oomScoreAdj: 0n });
    expect(changedLimits({ cpuShares: 2, oomScoreAdj: 500 })).toMatchObject({
      cpuShares: 2n,
      cpuQuota: -1n,
      memoryLimitInBytes: -1n,
      memorySwapLimitInBytes: -1n,
      oomScoreAdj: 0n,
    });
  });

  test('limited memory gets no swap on top', () => {
    expect(changedLimits({ memoryLimitBytes: 4096, cpuQuotaMicros: 50_000 })).toMatchObject({
      cpuQuota: 50_000n,
      memoryLimitInBytes: 4096n,
      memorySwapLimitInBytes: 4096n,
    });
  });
});
