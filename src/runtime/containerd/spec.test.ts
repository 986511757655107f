import { describe, expect, test } from '@jest/globals';
import { testContainer, testSandbox } from '../../../test/cluster/lib/runtime-contract.js';
import type { ContainerConfig, SecurityConfig } from '../types.js';
import { resolveUser } from './accounts.js';
import { allCapabilities, defaultCapabilities } from './capabilities.js';
import type { SpecInput } from './spec.js';
import { buildSpec, capabilitiesOf } from './spec.js';

const subject = { image: 'busybox', logDir: '/logs' };
const accounts = {
  passwd: 'root:x:0:0::/root:/bin/sh\nweb:x:33:44::/:/bin/false\n',
  group: 'root:x:0:\nweb:x:44:\nextra:x:50:web,other\n',
};

function input(config: Partial<ContainerConfig> = {}, more: Partial<SpecInput> = {}): SpecInput {
  return {
    config: testContainer(subject, 'c1', ['sh'], config),
    image: {},
    accounts,
    rootfs: '/r',
    hostname: 'pod-a',
    namespaces: testSandbox.namespaces,
    paths: { network: '/run/netns/n', ipc: '/ipc/s', shm: '/shm/s' },
    cgroupsPath: '/kubepods/podx/c1',
    sysctls: {},
    cgroupV2: false,
    devices: [],
    mayLowerOomScore: false,
    shimGroup: 'uid',
    ...more,
  };
}

function security(change: Partial<SecurityConfig>): SecurityConfig {
  return { ...input().config.security, ...change };
}

describe('command', () => {
  const image = { Entrypoint: ['/e', 'a'], Cmd: ['c'] };
  test.each([
    [undefined, undefined, ['/e', 'a', 'c']],
    [['x'], undefined, ['x']],
    [undefined, ['y'], ['/e', 'a', 'y']],
    [['x'], ['y'], ['x', 'y']],
  ])('command %j, args %j', (command, args, wanted) => {
    const { config } = input();
    const { command: _, ...rest } = config;
    const given = {
      ...rest,
      ...(command === undefined ? {} : { command }),
      ...(args === undefined ? {} : { args }),
    };
    expect(buildSpec(input({}, { config: given, image })).process.args).toEqual(wanted);
  });

  test('no command at all', () => {
    expect(() => buildSpec(input({ command: [] }))).toThrow('no command specified');
  });
});

describe('environment', () => {
  test('the image’s, then the container’s; PATH always; TERM on a terminal', () => {
    const spec = buildSpec(
      input({ env: [['A', '2']], tty: true }, { image: { Env: ['A=1', 'B=x=y'] } }),
    );
    expect(spec.process.env).toEqual([
      'A=2',
      'B=x=y',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=xterm',
    ]);
  });
});

describe('user', () => {
  test.each([
    [{}, '', { uid: 0, gid: 0 }],
    [{}, 'web', { uid: 33, gid: 44, additionalGids: [50] }],
    [{}, 'web:extra', { uid: 33, gid: 50, additionalGids: [50] }],
    [{}, '1000:2000', { uid: 1000, gid: 2000 }],
    [{ runAsUser: 33 }, '', { uid: 33, gid: 44, additionalGids: [50] }],
    [{ runAsUser: 1000 }, 'web:extra', { uid: 1000, gid: 0 }],
    [{ runAsUser: 1000, runAsGroup: 3000 }, '', { uid: 1000, gid: 3000 }],
    [
      { runAsUser: 1000, fsGroup: 7, supplementalGroups: [9, 8] },
      '',
      { uid: 1000, gid: 0, additionalGids: [7, 8, 9] },
    ],
  ])('%j with image user %p', (change, imageUser, wanted) => {
    expect(resolveUser(security(change), imageUser, accounts)).toEqual(wanted);
  });

  test.each([
    [{ runAsNonRoot: true }, '', 'container has runAsNonRoot and image will run as root'],
    [
      { runAsNonRoot: true },
      'web',
      'container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root',
    ],
    [{ runAsNonRoot: true, runAsUser: 0 }, '', "container's runAsUser breaks non-root policy"],
    [{}, 'ghost', 'unable to find user ghost: no matching entries in passwd file'],
  ])('%j with image user %p is refused', (change, imageUser, message) => {
    expect(() => resolveUser(security(change), imageUser, accounts)).toThrow(message);
  });
});

describe('capabilities', () => {
  test('default, added, dropped, all, privileged', () => {
    expect(new Set(capabilitiesOf(security({})))).toEqual(new Set(defaultCapabilities));
    expect(capabilitiesOf(security({ dropCapabilities: ['ALL'] }))).toEqual([]);
    expect(
      capabilitiesOf(
        security({ dropCapabilities: ['ALL'], addCapabilities: ['NET_BIND_SERVICE'] }),
      ),
    ).toEqual(['CAP_NET_BIND_SERVICE']);
    expect(capabilitiesOf(security({ addCapabilities: ['net_admin'] }))).toContain('CAP_NET_ADMIN');
    expect(
      capabilitiesOf(security({ addCapabilities: ['ALL'], dropCapabilities: ['KILL'] })),
    ).toEqual(allCapabilities.filter((name) => name !== 'CAP_KILL'));
    expect(capabilitiesOf(security({ privileged: true }))).toEqual(allCapabilities);
    expect(() => capabilitiesOf(security({ addCapabilities: ['NOPE'] }))).toThrow('CAP_NOPE');
  });

  test('a user that is not root holds none, and may gain them only by set-user-id files', () => {
    const { process } = buildSpec(input({ security: security({ runAsUser: 1000 }) }));
    expect(process.capabilities.effective).toEqual([]);
    expect(process.capabilities.bounding).toContain('CAP_CHOWN');
    expect(process.noNewPrivileges).toBe(false);
  });
});

describe('isolation', () => {
  test('namespaces of an ordinary pod', () => {
    expect(buildSpec(input()).linux.namespaces).toEqual([
      { type: 'mount' },
      { type: 'uts' },
      { type: 'network', path: '/run/netns/n' },
      { type: 'ipc', path: '/ipc/s' },
      { type: 'pid' },
    ]);
  });

  test('the host’s, and a shared process table', () => {
    const host = { hostNetwork: true, hostPid: true, hostIpc: true, sharePid: false };
    const spec = buildSpec(input({}, { namespaces: host, paths: {}, cgroupV2: true }));
    expect(spec.linux.namespaces).toEqual([{ type: 'mount' }, { type: 'cgroup' }]);
    expect(spec.hostname).toBeUndefined();
    const shared = { ...testSandbox.namespaces, sharePid: true };
    const paths = { network: '/n', ipc: '/i', pid: '/proc/7/ns/pid' };
    expect(buildSpec(input({}, { namespaces: shared, paths })).linux.namespaces).toContainEqual({
      type: 'pid',
      path: '/proc/7/ns/pid',
    });
  });

  test('masked paths and devices, unless privileged', () => {
    const plain = buildSpec(input()).linux;
    expect(plain.maskedPaths).toContain('/proc/kcore');
    expect(plain.resources.devices).toEqual([{ allow: false, access: 'rwm' }]);
    const privileged = buildSpec(input({ security: security({ privileged: true }) })).linux;
    expect(privileged.maskedPaths).toBeUndefined();
    expect(privileged.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
  });

  test('devices that are given, each with its rights', () => {
    const devices = [
      { path: '/dev/data', type: 'b', major: 7, minor: 300, access: 'r' },
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, access: 'rwm' },
    ];
    const { linux } = buildSpec(input({}, { devices }));
    expect(linux.devices).toEqual([
      { path: '/dev/data', type: 'b', major: 7, minor: 300 },
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229 },
    ]);
    expect(linux.resources.devices).toEqual([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'b', major: 7, minor: 300, access: 'r' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
    ]);
  });

  test('limits', () => {
    const spec = buildSpec(
      input({
        resources: {
          cpuShares: 102,
          cpuQuotaMicros: 10_000,
          cpuPeriodMicros: 100_000,
          memoryLimitBytes: 1 << 20,
          pidsLimit: 64,
          oomScoreAdj: -997,
        },
      }),
    );
    expect(spec.linux.resources).toMatchObject({
      cpu: { shares: 102, quota: 10_000, period: 100_000 },
      memory: { limit: 1 << 20, swap: 1 << 20 },
      pids: { limit: 64 },
    });
    expect(spec.process.oomScoreAdj).toBeUndefined();
  });
});

describe('mounts', () => {
  test('a mount takes the place of a default one; parents come before children', () => {
    const mount = (containerPath: string) => ({ hostPath: '/h', containerPath, readOnly: true });
    const { mounts } = buildSpec(
      input({ mounts: [mount('/a/b/c'), mount('/dev/shm'), mount('/a')] }),
    );
    const paths = mounts.map(({ destination }) => destination);
    expect(paths.filter((path) => path === '/dev/shm')).toHaveLength(1);
    expect(paths.indexOf('/a')).toBeLessThan(paths.indexOf('/a/b/c'));
    expect(mounts.at(-1)).toEqual({
      destination: '/a/b/c',
      type: 'bind',
      source: '/h',
      options: ['rbind', 'rprivate', 'ro'],
    });
  });
});
