/** The rights of containers of the containerd runtime, tried from inside. Needs root, containerd, runc. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { ContainerdRuntime } from '../../src/runtime/containerd/runtime.js';
import type { ContainerConfig, SecurityConfig } from '../../src/runtime/types.js';
import { canRunContainers } from './lib/containerd-programs.js';
import { eventually, testContainer, testSandbox } from './lib/runtime-contract.js';

(canRunContainers ? describe : describe.skip)('containerd: isolation and limits', () => {
  let dir = '';
  let runtime: ContainerdRuntime;
  let count = 0;
  const newRuntime = (): ContainerdRuntime =>
    new ContainerdRuntime({
      dataDir: join(dir, 'data'),
      namespace: `trireme-isolation-${process.pid}`,
      cgroupRoot: `/trireme-isolation-${process.pid}`,
      clock: systemClock(),
      log: silentLogger,
    });

  beforeAll(async () => {
    dir = await mkdtemp('/tmp/trireme-ri-');
    const [archive = ''] = execFileSync('scripts/images/build', ['busybox'])
      .toString()
      .trim()
      .split('\n');
    runtime = newRuntime();
    await runtime.start();
    await runtime.importImages(archive);
    await runtime.createSandbox({
      ...testSandbox,
      namespaces: { ...testSandbox.namespaces, sharePid: true },
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '42' },
    });
  }, 120_000);
  afterAll(async () => {
    await runtime.purge();
    await runtime.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const logs = (): string => join(dir, 'logs');
  const start = async (
    command: readonly string[],
    extra: Partial<ContainerConfig> = {},
  ): Promise<string> => {
    const id = `iso${process.pid}x${count++}`;
    const subject = { image: 'busybox', logDir: logs() };
    await runtime.createContainer(testContainer(subject, id, command, extra));
    await runtime.startContainer(id);
    return id;
  };
  /** Runs a script to its end. @returns what it printed */
  const print = async (script: string, extra: Partial<ContainerConfig> = {}): Promise<string> => {
    const id = await start(['sh', '-c', script], extra);
    await eventually(async () => (await runtime.containerStatus(id))?.phase === 'exited');
    await new Promise<void>((resolve) => {
      const end = runtime.onEvent((event) => {
        if (event.type === 'exited' && event.containerId === id) resolve();
      });
      void eventually(async () => (await readFile(join(logs(), `${id}.log`), 'utf8')) !== '').then(
        () => {
          end();
          resolve();
        },
      );
    });
    const text = await readFile(join(logs(), `${id}.log`), 'utf8');
    return text.replace(/^\S+ \S+ [FP] /gm, '').trim();
  };
  const secured = (change: Partial<SecurityConfig>): Partial<ContainerConfig> => ({
    security: {
      ...testContainer({ image: '', logDir: '' }, 'x', []).security,
      ...change,
    },
  });

  test('host name, sysctl, own network', async () => {
    expect(
      await print('hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ls /sys/class/net'),
    ).toBe('contract\n42\nlo');
  });

  test('a shared process table has an init', async () => {
    expect(await print('cat /proc/1/cmdline | tr "\\0" " "')).toContain('trireme-shim pause');
  });

  test('user, groups and no capabilities', async () => {
    const text = await print('id -u; id -g; id -G; grep CapEff /proc/self/status', {
      ...secured({ runAsUser: 1000, runAsGroup: 2000, fsGroup: 7, supplementalGroups: [9] }),
    });
    expect(text.split('\n')).toEqual(['1000', '2000', '2000 7 9', 'CapEff:\t0000000000000000']);
  });

  test('read-only root, no new privileges, seccomp', async () => {
    const text = await print(
      'touch /x 2>/dev/null || echo ro; grep -E "NoNewPrivs|Seccomp:" /proc/self/status',
      secured({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        seccomp: 'RuntimeDefault',
      }),
    );
    expect(text.split('\n')).toEqual(['ro', 'NoNewPrivs:\t1', 'Seccomp:\t2']);
  });

  test('mounts, read-only and writable', async () => {
    await mkdir(join(dir, 'shared'), { recursive: true });
    await writeFile(join(dir, 'shared', 'f'), 'content');
    const mount = (containerPath: string, readOnly: boolean) => ({
      hostPath: join(dir, 'shared'),
      containerPath,
      readOnly,
    });
    const text = await print('cat /r/f; touch /r/no 2>/dev/null || echo refused; touch /w/yes', {
      mounts: [mount('/r', true), mount('/w', false)],
    });
    expect(text).toBe('contentrefused');
    expect(existsSync(join(dir, 'shared', 'yes'))).toBe(true);
  });

  test('limits are the kernel’s, also those that are changed while it runs', async () => {
    const id = await start(['sleep', '1000'], {
      resources: {
        memoryLimitBytes: 64 << 20,
        cpuShares: 102,
        cpuQuotaMicros: 20_000,
        cpuPeriodMicros: 100_000,
        pidsLimit: 32,
      },
    });
    const pid = (await runtime.containerStatus(id))?.pid ?? 0;
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
    const path = (controller: string): string =>
      v2
        ? join('/sys/fs/cgroup', /^0::(.*)$/m.exec(groups)?.[1] ?? '')
        : join(
            '/sys/fs/cgroup',
            controller,
            new RegExp(`^\\d+:${controller}:(.*)$`, 'm').exec(groups)?.[1] ?? '',
          );
    const read = async (controller: string, file: string): Promise<string> =>
      (await readFile(join(path(controller), file), 'utf8')).trim();
    if (v2) {
      expect(await read('', 'memory.max')).toBe(String(64 << 20));
      expect(await read('', 'cpu.max')).toBe('20000 100000');
    } else {
      expect(await read('memory', 'memory.limit_in_bytes')).toBe(String(64 << 20));
      expect(await read('cpu', 'cpu.cfs_quota_us')).toBe('20000');
      expect(await read('cpu', 'cpu.shares')).toBe('102');
    }
    expect(await read('pids', 'pids.max')).toBe('32');
    const resources = { memoryLimitBytes: 96 << 20, cpuShares: 204, cpuPeriodMicros: 100_000 };
    await runtime.updateContainer(id, { resources, annotations: { resized: 'yes' } });
    if (v2) {
      expect(await read('', 'memory.max')).toBe(String(96 << 20));
      expect(await read('', 'cpu.max')).toBe('max 100000');
    } else {
      expect(await read('memory', 'memory.limit_in_bytes')).toBe(String(96 << 20));
      expect(await read('cpu', 'cpu.cfs_quota_us')).toBe('-1');
      expect(await read('cpu', 'cpu.shares')).toBe('204');
    }
    expect(await read('pids', 'pids.max')).toBe('32');
    const after = await runtime.containerStatus(id);
    expect(after).toMatchObject({ phase: 'running', pid, annotations: { resized: 'yes' } });
    await runtime.stopContainer(id, { graceMs: 0 });
  });

  test('a container that takes too much memory is told from one that was killed', async () => {
    const id = await start(['sh', '-c', 'tail /dev/zero'], {
      resources: { memoryLimitBytes: 16 << 20 },
    });
    await eventually(async () => (await runtime.containerStatus(id))?.oomKilled === true);
    expect(await runtime.containerStatus(id)).toMatchObject({ phase: 'exited', exitCode: 137 });
  });

  test('a command that is not there', async () => {
    await expect(start(['no-such-program'])).rejects.toMatchObject({
      code: 'StartFailed',
      message:
        'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH: unknown',
    });
  });

  test('a connection to a port of the pod’s loopback', async () => {
    // Bringing loopback up is the pod network's part.
    execFileSync('ip', ['-n', 'trireme-contract-1', 'link', 'set', 'lo', 'up']);
    const id = await start(['sh', '-c', 'echo ready; nc -l -p 8080 -e tr a-z A-Z']);
    await eventually(async () => {
      const text = await readFile(join(logs(), `${id}.log`), 'utf8').catch(() => '');
      return text.includes('ready');
    });
    let text = '';
    await eventually(async () => {
      const session = await runtime.connect('contract-1', 8080, {
        stdout: (data) => {
          text += data.toString();
          return true;
        },
        stderr: () => true,
      });
      session.write(Buffer.from('shout\n'));
      session.closeStdin();
      await session.done;
      return text !== '';
    });
    expect(text).toBe('SHOUT\n');
  });

  test('a command that an earlier agent left is ended by the next one', async () => {
    const id = await start(['sleep', '1000']);
    const options = { command: ['sleep', '1000'], stdin: false, tty: false };
    const output = { stdout: () => true, stderr: () => true };
    const { done } = await runtime.exec(id, options, output);
    const left = async (): Promise<string[]> => {
      const names = await readdir(join(dir, 'data', 'containers', id));
      return names.filter((name) => name.startsWith('exec-'));
    };
    expect(await left()).toHaveLength(1);
    const next = newRuntime();
    await next.start();
    expect(await done).toEqual({ exitCode: 137 });
    expect(await left()).toEqual([]);
    expect((await next.execSync(id, ['echo', 'alive'], 10_000)).output).toBe('alive\n');
    await next.stop();
  });

  test('containers live on when containerd is killed, and their end is told', async () => {
    const id = await start(['sleep', '1000']);
    const pidFile = join(dir, 'data', 'containerd-run', 'containerd.pid');
    const before = Number(await readFile(pidFile, 'utf8'));
    process.kill(before, 'SIGKILL');
    await eventually(async () => Number(await readFile(pidFile, 'utf8')) !== before);
    await eventually(async () => (await runtime.health()) === undefined);
    expect((await runtime.execSync(id, ['echo', 'alive'], 10_000)).output).toBe('alive\n');
    const exited = new Promise<void>((resolve) => {
      runtime.onEvent((event) => {
        if (event.type === 'exited' && event.containerId === id) resolve();
      });
    });
    await runtime.stopContainer(id, { graceMs: 0 });
    await exited;
    // The exit code is not always known: containerd loses it when the container ends before containerd has resumed it.
    expect((await runtime.containerStatus(id))?.phase).toBe('exited');
  });
});
