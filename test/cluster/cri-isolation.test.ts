/** Limits, rights, ports, logs and accidents over CRI, with real containers. Needs what the contract test needs. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { CriRuntime } from '../../src/runtime/cri/runtime.js';
import type { ContainerConfig, RuntimeEvent, SecurityConfig } from '../../src/runtime/types.js';
import { canRunCri, CriContainerd } from './lib/cri-containerd.js';
import { eventually, testContainer, testSandbox } from './lib/runtime-contract.js';

const cgroupRoot = `/trireme-cri-iso-${process.pid}`;

(canRunCri ? describe : describe.skip)('CRI: isolation, limits, accidents', () => {
  let containerd: CriContainerd;
  let runtime: CriRuntime;
  let count = 0;
  const events: RuntimeEvent[] = [];

  beforeAll(async () => {
    containerd = await CriContainerd.start({ bridge: 'tcri1', subnet: '10.231.8.0/24' });
    runtime = new CriRuntime({
      endpoint: containerd.endpoint,
      dataDir: join(containerd.dir, 'data'),
      cgroupRoot,
      clock: systemClock(),
      log: silentLogger,
    });
    await runtime.start();
    runtime.onEvent((event) => events.push(event));
    await runtime.createSandbox({
      ...testSandbox,
      privileged: true,
      logDirectory: logs(),
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '42' },
      namespaces: { ...testSandbox.namespaces, sharePid: true },
    });
  }, 60_000);
  afterAll(async () => {
    await runtime.stop();
    await containerd.stop();
  });

  const logs = (): string => join(containerd.dir, 'logs');
  const start = async (
    command: readonly string[],
    extra: Partial<ContainerConfig> = {},
    security: Partial<SecurityConfig> = {},
  ): Promise<string> => {
    const id = `iso${count++}`;
    const plain = testContainer({ image: 'busybox', logDir: logs() }, id, command, extra);
    await runtime.createContainer({ ...plain, security: { ...plain.security, ...security } });
    await runtime.startContainer(id);
    return id;
  };
  const ended = async (id: string): Promise<Awaited<ReturnType<CriRuntime['containerStatus']>>> => {
    await eventually(async () => (await runtime.containerStatus(id))?.phase === 'exited');
    return runtime.containerStatus(id);
  };
  const printed = async (
    script: string,
    security: Partial<SecurityConfig> = {},
    extra: Partial<ContainerConfig> = {},
  ): Promise<string> => {
    const id = await start(['sh', '-c', script], extra, security);
    await ended(id);
    const lines = (await readFile(join(logs(), `${id}.log`), 'utf8')).split('\n');
    return lines
      .map((line) => line.split(' ').slice(3).join(' '))
      .join('\n')
      .trim();
  };

  test('user, groups, rights and sysctls are those of the pod', async () => {
    const security = {
      runAsUser: 1000,
      runAsGroup: 2000,
      fsGroup: 3000,
      supplementalGroups: [4000],
    };
    const text = await printed('id -u; id -g; id -G; grep NoNewPrivs /proc/self/status', {
      ...security,
      allowPrivilegeEscalation: false,
    });
    expect(text.split('\n')).toEqual(['1000', '2000', '2000 3000 4000', 'NoNewPrivs:\t1']);
    const caps = 'grep CapBnd /proc/self/status | cut -f2';
    expect(await printed(caps, { dropCapabilities: ['ALL'], addCapabilities: ['CHOWN'] })).toBe(
      '0000000000000001',
    );
    expect(await printed('touch /x 2>&1', { readOnlyRootFilesystem: true })).toContain('Read-only');
    expect(await printed('cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('42');
    expect(await printed('grep Seccomp: /proc/self/status', { seccomp: 'RuntimeDefault' })).toMatch(
      /2$/,
    );
    expect(await printed('grep Seccomp: /proc/self/status')).toMatch(/0$/);
    expect(await printed('ls /dev/kmsg', { privileged: true })).toBe('/dev/kmsg');
  });

  test('mounts are there, read-only where they are to be', async () => {
    const hostPath = join(containerd.dir, 'volume');
    await mkdir(hostPath);
    const mounts = [{ hostPath, containerPath: '/v', readOnly: false }];
    await printed('echo kept > /v/file', {}, { mounts });
    expect(await readFile(join(hostPath, 'file'), 'utf8')).toBe('kept\n');
    const closed = [{ hostPath, containerPath: '/v', readOnly: true }];
    expect(await printed('echo no > /v/file || echo refused', {}, { mounts: closed })).toContain(
      'refused',
    );
  });

  test('a container over its memory is ended, and that is told', async () => {
    const resources = { memoryLimitBytes: 16 * 2 ** 20 };
    const id = await start(['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=64M count=1'], {
      resources,
    });
    expect(await ended(id)).toMatchObject({ exitCode: 137 });
    await eventually(() =>
      events.some((event) => event.type === 'exited' && event.containerId === id),
    );
    expect(await runtime.containerStatus(id)).toMatchObject({ oomKilled: true });
    const types = events.filter((event) => 'containerId' in event && event.containerId === id);
    expect(types.map(({ type }) => type)).toEqual(['oom', 'exited']);
  });

  test('limits of a running container change, and annotations stay over a restart of the agent', async () => {
    const id = await start(['sleep', '1000'], {
      resources: {
        memoryLimitBytes: 64 * 2 ** 20,
        cpuQuotaMicros: 20_000,
        cpuPeriodMicros: 100_000,
        cpuShares: 204,
      },
    });
    const criId = ((await runtime.containerStatus(id))?.reportedId ?? '').split('//')[1] ?? '';
    const cgroup = `${cgroupRoot}/besteffort/podcontract-uid/${criId}`;
    const read = async (v1: string, v2: string): Promise<string> => {
      const old = `/sys/fs/cgroup/${v1.split('.')[0]}${cgroup}/${v1}`;
      const path = existsSync(old) ? old : `/sys/fs/cgroup${cgroup}/${v2}`;
      return (await readFile(path, 'utf8')).trim();
    };
    expect(await read('memory.limit_in_bytes', 'memory.max')).toBe(String(64 * 2 ** 20));
    await runtime.updateContainer(id, {
      resources: { memoryLimitBytes: 96 * 2 ** 20, cpuPeriodMicros: 100_000, cpuShares: 512 },
      annotations: { size: 'more' },
    });
    expect(await read('memory.limit_in_bytes', 'memory.max')).toBe(String(96 * 2 ** 20));
    expect(await read('cpu.cfs_quota_us', 'cpu.max')).toMatch(/^(-1|max 100000)$/);
    await runtime.stop();
    runtime = new CriRuntime({
      endpoint: containerd.endpoint,
      dataDir: join(containerd.dir, 'data'),
      cgroupRoot,
      clock: systemClock(),
      log: silentLogger,
    });
    await runtime.start();
    runtime.onEvent((event) => events.push(event));
    expect((await runtime.containerStatus(id))?.annotations).toEqual({ note: id, size: 'more' });
    const stats = (await runtime.stats()).find((entry) => entry.id === id);
    expect(stats?.memoryUsageBytes).toBeGreaterThan(0);
    expect(stats?.pids).toBeGreaterThan(0);
    expect(await runtime.writtenBytes(id)).toBeGreaterThanOrEqual(0);
    await runtime.removeContainer(id);
    expect(await readdir(join(containerd.dir, 'data', 'cri-annotations'))).toEqual([]);
  });

  test('a full log becomes .1, and nothing of it is lost', async () => {
    const script = 'i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); done; sleep 1000';
    const id = await start(['sh', '-c', script], { logMaxBytes: 4096 });
    const path = join(logs(), `${id}.log`);
    await eventually(async () => (await readFile(path, 'utf8')).includes('line 399'));
    await runtime.rotateLogs();
    expect(await readFile(`${path}.1`, 'utf8')).toContain('line 399');
    await eventually(() => existsSync(path));
    const done = await runtime.execSync(id, ['sh', '-c', 'echo after > /proc/1/fd/1'], 5000);
    expect(done.timedOut).toBe(false);
    await runtime.removeContainer(id);
  });

  test('a port of the pod is reached; one that nobody listens at complains', async () => {
    const id = await start(['sh', '-c', 'while :; do echo hello | nc -l -p 7777; done']);
    const connect = async (port: number): Promise<{ out: string; err: string; code: number }> => {
      let [out, err] = ['', ''];
      const session = await runtime.connect('contract-1', port, {
        stdout: (data) => {
          out += data.toString();
          return true;
        },
        stderr: (data) => {
          err += data.toString();
          return true;
        },
        ended: () => session.closeStdin(),
      });
      const { exitCode: code } = await session.done;
      return { out, err, code };
    };
    await eventually(async () => (await connect(7777)).out === 'hello\n');
    const refused = await connect(7778);
    expect(refused).toMatchObject({ out: '', code: 1 });
    expect(refused.err).toContain('connection refused');
    await runtime.removeContainer(id);
  });

  test('an image in use is not removed, and that of sandboxes is not told', async () => {
    const id = await start(['sleep', '1000']);
    const listed = (await runtime.listImages()).map(({ reference }) => reference);
    expect(listed).toEqual(['docker.io/library/busybox:latest']);
    await expect(runtime.removeImage('busybox')).rejects.toMatchObject({ code: 'Failed' });
    expect(await runtime.imageStatus('busybox')).toBeDefined();
    await runtime.removeContainer(id);
    await expect(runtime.pullImage('registry.invalid/none:1')).rejects.toMatchObject({
      code: 'ImagePullFailed',
      retryable: true,
    });
  });

  test('a run of the same name gives way to the next: nobody starts it, or two would run', async () => {
    const make = (id: string): Promise<void> =>
      runtime.createContainer(
        testContainer({ image: 'busybox', logDir: logs() }, id, ['sleep', '1000'], {
          name: 'twin',
        }),
      );
    await make('twin1');
    await make('twin2');
    expect(await runtime.containerStatus('twin1')).toBeUndefined();
    await runtime.startContainer('twin2');
    await make('twin3');
    expect(await runtime.containerStatus('twin2')).toBeUndefined();
    await runtime.removeContainer('twin3');
  });

  test('a start that fails says why, and is over', async () => {
    await expect(start(['/no/such/program'])).rejects.toMatchObject({ code: 'StartFailed' });
    const failed = await runtime.containerStatus(`iso${count - 1}`);
    expect(failed).toMatchObject({ phase: 'exited', exitCode: 128 });
  });

  test('the death of the runtime is seen, its containers go on, and ends meanwhile are told', async () => {
    const stays = await start(['sleep', '1000']);
    const ends = await start(['sh', '-c', 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9']);
    await runtime.execSync(
      ends,
      ['sh', '-c', '(sleep 0.5; touch /tmp/go) >/dev/null 2>&1 &'],
      5000,
    );
    await containerd.kill();
    expect(await runtime.health()).toContain('Unavailable');
    await expect(runtime.startContainer('cnone')).rejects.toMatchObject({ retryable: true });
    await containerd.launch();
    await eventually(async () => (await runtime.health()) === undefined);
    expect((await runtime.containerStatus(stays))?.phase).toBe('running');
    await eventually(() =>
      events.some(
        (event) => event.type === 'exited' && event.containerId === ends && event.exitCode === 9,
      ),
    );
  });

  test('a sandbox whose first process died is of no use, and goes with its cgroup', async () => {
    expect(await runtime.isSandboxWhole('contract-1')).toBe(true);
    const sandbox = containerd.sandboxPid();
    process.kill(sandbox, 'SIGKILL');
    await eventually(async () => !(await runtime.isSandboxWhole('contract-1')));
    await runtime.removeSandbox('contract-1');
    expect(await runtime.list()).toEqual({ sandboxes: [], containers: [] });
    const left = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids'].filter((root) =>
      existsSync(`${root}${cgroupRoot}/besteffort/podcontract-uid`),
    );
    expect(left).toEqual([]);
  });
});
