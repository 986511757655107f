import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodSpec } from '../../api/types/core.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/index.js';
import { delay } from '../../lib/clock.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import {
  clock,
  cleanups,
  cleanUp,
  start,
  rigged,
  until,
  create,
  get,
  conditionOf,
  untilReady,
} from '../testkit/worker-rig.js';

afterEach(cleanUp);

test('a node is Ready although somebody else on it waits for what may not be read', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'worker-node-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const api = new FakeApi();
  const watch = api.watch.bind(api);
  api.watch = (resource, options) => {
    if (resource.resource === 'secrets') throw new ApiError(403, 'Forbidden', 'no');
    return watch(resource, options);
  };
  const rig = { api, runtime: new FakeRuntime(clock), dataDir };
  // As the ingress of the node has it for a Secret with a certificate.
  await start(rig, (informers) => {
    informers.informer(
      { group: '', version: 'v1', resource: 'secrets' },
      { namespace: 'default', fieldSelector: 'metadata.name=tls' },
    );
  });
  interface Node extends KubeObject {
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
  }
  const { status } = await api.get<Node>(resources.nodes, { name: 'n1' });
  expect(status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'Ready', status: 'True' }),
  );
});

const port = { containerPort: 80, hostPort: 8080 };

/** Returns a list that every written condition Ready is added to, as `KIND NAME=STATUS`. */
function recordReadiness(api: FakeApi): string[] {
  const said: string[] = [];
  const patch = api.patch.bind(api);
  api.patch = (resource, key, type, body, options) => {
    const { status } = body as Partial<Pod>;
    for (const { type: name, status: is } of status?.conditions ?? []) {
      if (name === 'Ready') said.push(`${resource.resource} ${key.name}=${is}`);
    }
    return patch(resource, key, type, body, options);
  };
  return said;
}

describe('a worker node', () => {
  test('registers, is ready, and keeps a lease', async () => {
    const { api } = await rigged();
    const node = (await api.get(resources.nodes, { name: 'n1' })) as unknown as Pod;
    expect(conditionOf(node, 'Ready')).toBe('True');
    expect(node.metadata.labels?.['kubernetes.io/hostname']).toBe('n1');
    const lease = await api.get(resources.leases, { namespace: 'kube-node-lease', name: 'n1' });
    expect(lease).toMatchObject({ spec: { holderIdentity: 'n1', leaseDurationSeconds: 40 } });
  });

  test('runs a pod, and takes it down when it is deleted', async () => {
    const { api, runtime } = await rigged();
    await create(api, 'web', { terminationGracePeriodSeconds: 1 });
    const pod = await untilReady(api, 'web');
    expect(pod.status).toMatchObject({
      phase: 'Running',
      hostIP: '10.0.0.1',
      qosClass: 'BestEffort',
      containerStatuses: [{ name: 'main', ready: true, started: true, restartCount: 0 }],
    });
    expect(runtime.log).toEqual(['sandbox web', 'create main', 'start main']);
    await api.delete(
      resources.pods,
      { namespace: 'default', name: 'web' },
      { gracePeriodSeconds: 1 },
    );
    await until('gone', async () => (await api.list(resources.pods)).items.length === 0);
    expect(runtime.log.slice(3)).toEqual([
      expect.stringMatching(/^stop main/),
      'remove-sandbox web',
    ]);
    expect(runtime.sandboxes.size).toBe(0);
  });

  test('refuses a pod that asks for what the node cannot honour, and says why', async () => {
    const { api, runtime } = await rigged();
    await create(api, 'forward', {
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }] },
    });
    await create(api, 'windows', { os: { name: 'windows' } });
    const rejected = async (name: string): Promise<Pod['status']> => {
      await until(`${name} failed`, async () => (await get(api, name)).status?.phase === 'Failed');
      return (await get(api, name)).status;
    };
    // And nothing of containers and conditions: clients name the reason as long as no container waits for anything.
    expect(await rejected('forward')).toEqual({
      phase: 'Failed',
      conditions: [],
      reason: 'SysctlForbidden',
      message: 'Pod was rejected: forbidden sysctl: "net.ipv4.ip_forward" not allowlisted',
      startTime: expect.any(String),
      qosClass: 'BestEffort',
    });
    expect(await rejected('windows')).toMatchObject({ reason: 'PodOSNotSupported' });
    expect(runtime.log).toEqual([]);
  });

  test('refuses a pod that it has no room for, until there is room', async () => {
    const { api, node } = await rigged();
    const hostPort = { containers: [{ name: 'main', image: 'web:1', ports: [port] }] };
    await create(api, 'first', { ...hostPort, terminationGracePeriodSeconds: 1 });
    await untilReady(api, 'first');
    await create(api, 'second', hostPort);
    await until('refused', async () => (await get(api, 'second')).status?.phase === 'Failed');
    expect((await get(api, 'second')).status).toMatchObject({
      reason: 'NodePorts',
      message: expect.stringMatching(
        /^Pod was rejected: Predicate NodePorts failed: node\(s\) did/,
      ),
    });
    const key = { namespace: 'default', name: 'first' };
    await api.delete(resources.pods, key, { gracePeriodSeconds: 0 });
    await until('forgotten', async () => node.pods.find('default', 'first', '') === undefined);
    await create(api, 'third', hostPort);
    await untilReady(api, 'third');
  });

  test('looks at its labels once more before it refuses a pod by them', async () => {
    const { api } = await rigged();
    const labels = { disk: 'ssd' };
    const type = 'application/merge-patch+json';
    await create(api, 'elsewhere', { nodeSelector: { disk: 'hdd' } });
    await api.patch(resources.nodes, { name: 'n1' }, type, { metadata: { labels } });
    await create(api, 'here', { nodeSelector: labels });
    await untilReady(api, 'here');
    await until('refused', async () => (await get(api, 'elsewhere')).status?.phase === 'Failed');
    expect((await get(api, 'elsewhere')).status?.reason).toBe('NodeAffinity');
  });

  test('of two pods that wait for its labels, the first is taken', async () => {
    const { api, node } = await rigged();
    let go = (): void => undefined;
    const open = new Promise<void>((resolve) => (go = resolve));
    const read = api.get.bind(api);
    api.get = async (resource, ...more) => {
      if (resource === resources.nodes) await open;
      return read(resource, ...more);
    };
    const labels = { disk: 'ssd' };
    const containers = [{ name: 'main', image: 'web:1', ports: [port] }];
    for (const name of ['first', 'second']) {
      await create(api, name, { containers, nodeSelector: labels });
      await until('seen', async () => node.pods.find('default', name, '') !== undefined);
    }
    const type = 'application/merge-patch+json';
    await api.patch(resources.nodes, { name: 'n1' }, type, { metadata: { labels } });
    go();
    await untilReady(api, 'first');
    await until('refused', async () => (await get(api, 'second')).status?.reason === 'NodePorts');
  });

  test('never runs a pod with another handler than it asks for', async () => {
    const { api, runtime } = await rigged();
    for (const handler of ['kata', 'runc']) {
      const kind = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass' };
      await api.create(resources.runtimeClasses, { ...kind, metadata: { name: handler }, handler });
    }
    await create(api, 'boxed', { runtimeClassName: 'kata' });
    await create(api, 'lost', { runtimeClassName: 'absent' });
    await create(api, 'mapped', { hostUsers: false });
    const texts = async (): Promise<string[]> =>
      (await api.list<Pod & { message?: string }>(resources.events)).items.map(
        ({ message = '' }) => message,
      );
    const wanted = [
      'no runtime for "kata" is configured',
      'RuntimeClass "absent" not found',
      "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    ];
    await until('all three refused', async () => {
      const said = await texts();
      return wanted.every((text) => said.some((one) => one.includes(text)));
    });
    expect(runtime.sandboxes.size).toBe(0);
    await create(api, 'usual', { runtimeClassName: 'runc' });
    await untilReady(api, 'usual');
  });

  test('runs init containers in order before the others', async () => {
    const { api, runtime } = await rigged();
    runtime.behaviour.exitsAtOnce = ({ name }) => (name.startsWith('init') ? 0 : undefined);
    await create(api, 'web', {
      initContainers: [
        { name: 'init-a', image: 'tool:1' },
        { name: 'side', image: 'tool:1', restartPolicy: 'Always' },
        { name: 'init-b', image: 'tool:1' },
      ],
    });
    await untilReady(api, 'web');
    expect(runtime.log.filter((line) => line.startsWith('start'))).toEqual([
      'start init-a',
      'start side',
      'start init-b',
      'start main',
    ]);
  });

  test('says why an image cannot be had, and that a crashing container waits', async () => {
    const { api, runtime } = await rigged();
    await create(api, 'missing', { containers: [{ name: 'main', image: 'nowhere:1' }] });
    runtime.behaviour.exitsAtOnce = ({ name }) => (name === 'crash' ? 3 : undefined);
    await create(api, 'crash', { containers: [{ name: 'crash', image: 'web:1' }] });
    const waiting = async (name: string): Promise<string> =>
      (await get(api, name)).status?.containerStatuses?.[0]?.state?.waiting?.reason ?? '';
    await until('ImagePullBackOff', async () => (await waiting('missing')) === 'ImagePullBackOff');
    await until('CrashLoopBackOff', async () => (await waiting('crash')) === 'CrashLoopBackOff');
    const { status } = await get(api, 'crash');
    expect(status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=crash pod=crash_default\(/,
    );
  });

  test('a job-like pod succeeds', async () => {
    const { api, runtime } = await rigged();
    runtime.behaviour.exitsAtOnce = () => 0;
    await create(api, 'job', { restartPolicy: 'Never' });
    await until('Succeeded', async () => (await get(api, 'job')).status?.phase === 'Succeeded');
    const { status } = await get(api, 'job');
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      reason: 'Completed',
    });
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('PodCompleted');
    await until('sandbox gone', async () => runtime.sandboxes.size === 0);
  });

  test.each([1, 128])(
    'a run that is over before its start has returned has said why: %d',
    async (code) => {
      const { api, runtime } = await rigged();
      runtime.behaviour.exitsAtOnce = ({ mounts }) => {
        const log = mounts.find(({ containerPath }) => containerPath === '/dev/termination-log');
        writeFileSync(log?.hostPath ?? '', 'the reason');
        return code;
      };
      await create(api, 'job', { restartPolicy: 'Never' });
      await until('Failed', async () => (await get(api, 'job')).status?.phase === 'Failed');
      const { status } = await get(api, 'job');
      expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
        exitCode: code,
        reason: 'Error',
        message: 'the reason',
      });
    },
  );

  test('a run that is over before its start has returned is never ready, though its end is told late', async () => {
    const { api, runtime } = await rigged();
    runtime.behaviour.exitsAtOnce = () => 1;
    runtime.behaviour.tellsEnds = false;
    await create(api, 'short', { restartPolicy: 'Never' });
    const statusOf = async () => (await get(api, 'short')).status?.containerStatuses?.[0];
    await until('running', async () => (await statusOf())?.state?.running !== undefined);
    expect(await statusOf()).toMatchObject({ ready: false, started: false });
    expect(conditionOf(await get(api, 'short'), 'Ready')).toBe('False');
    runtime.tellEnds();
    await until('Failed', async () => (await get(api, 'short')).status?.phase === 'Failed');
  });

  test('a pod that starts while the runtime is listed keeps its sandbox and its run', async () => {
    const { api, node, runtime } = await rigged();
    const before = await runtime.list();
    jest.spyOn(runtime, 'list').mockImplementationOnce(async () => {
      await create(api, 'web');
      await untilReady(api, 'web');
      return before;
    });
    await node.pods.resync();
    const { state } = node.pods.find('default', 'web', '')!;
    expect(state.sandbox.phase).toBe('ready');
    expect(state.trackedContainers.get('main')?.current?.phase).toBe('running');
    // What is gone is found all the same.
    runtime.containers.clear();
    await node.pods.resync();
    await until('another run', async () => runtime.containers.size === 1);
  });

  test('a pod that takes long to measure is looked at once, and holds up no other', async () => {
    const { api, node, dataDir } = await rigged();
    const volumes = [{ name: 'cache', emptyDir: { sizeLimit: '1Mi' } }];
    const slow = (await create(api, 'slow', { volumes })).metadata.uid ?? '';
    await untilReady(api, 'slow');
    const web = (await create(api, 'web', { volumes })).metadata.uid ?? '';
    await untilReady(api, 'web');
    await writeFile(join(dataDir, 'pods', web, 'volumes', 'cache', 'much'), Buffer.alloc(2 ** 21));
    const { measureDisk } = node.context;
    const measured = jest
      .spyOn(node.context as { measureDisk: typeof measureDisk }, 'measureDisk')
      .mockImplementation((path, unit) =>
        path.includes(slow) ? new Promise(() => undefined) : measureDisk(path, unit),
      );
    const rounds = [node.pods.checkStorage(), node.pods.checkStorage()];
    await until('evicted', async () => (await get(api, 'web')).status?.reason === 'Evicted');
    expect(measured.mock.calls.filter(([path]) => path.includes(slow))).toHaveLength(1);
    await rounds[1];
  });

  test('evicts a pod that has written more than its volume may hold', async () => {
    const { api, node, dataDir } = await rigged();
    const volumes = [{ name: 'cache', emptyDir: { sizeLimit: '1Mi' } }];
    const { metadata } = await create(api, 'web', { volumes });
    await untilReady(api, 'web');
    const cache = join(dataDir, 'pods', metadata.uid ?? '', 'volumes', 'cache');
    await writeFile(join(cache, 'little'), Buffer.alloc(2 ** 19, 1));
    await node.pods.checkStorage();
    expect((await get(api, 'web')).status?.phase).toBe('Running');
    await writeFile(join(cache, 'more'), Buffer.alloc(2 ** 20, 1));
    await node.pods.checkStorage();
    await until('evicted', async () => (await get(api, 'web')).status?.phase === 'Failed');
    const { status } = await get(api, 'web');
    const message = 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ';
    expect(status).toMatchObject({ reason: 'Evicted', message });
    // The node has not run out of anything: nobody is disrupted for the sake of others.
    expect(status?.conditions?.map(({ type }) => type)).not.toContain('DisruptionTarget');
  });

  test('resources are changed in place once, also after a restart of the agent', async () => {
    const rig = await rigged();
    const { api, runtime } = rig;
    const withCpu = (cpu: string): Partial<PodSpec> => ({
      containers: [{ name: 'main', image: 'web:1', resources: { requests: { cpu } } }],
    });
    const resize = (cpu: string): Promise<Pod> =>
      api.patch<Pod>(
        resources.pods,
        { namespace: 'default', name: 'web' },
        'application/strategic-merge-patch+json',
        { spec: withCpu(cpu) },
      );
    const shows = async (cpu: string, type?: string): Promise<boolean> => {
      const { status } = await get(api, 'web');
      const [main] = status?.containerStatuses ?? [];
      const pending = status?.conditions?.filter((one) => one.type.startsWith('PodResize'));
      return main?.resources?.requests?.['cpu'] === cpu && pending?.[0]?.type === type;
    };
    const updates = (): number => runtime.log.filter((line) => line === 'update main').length;
    await create(api, 'web', { ...withCpu('1m'), hostNetwork: true });
    await untilReady(api, 'web');
    await resize('2m');
    await until('resized', () => shows('2m'));
    await resize('100000');
    await until('refused', () => shows('2m', 'PodResizePending'));
    await rig.node.stop();
    await resize('2m');
    await start(rig);
    await until('taken back', () => shows('2m'));
    expect(updates()).toBe(1);
    expect(runtime.log.filter((line) => line === 'start main')).toHaveLength(1);
  });

  test('a restarted agent hears of an end that comes while it looks at what is there', async () => {
    const rig = await rigged();
    const { api, runtime } = rig;
    await create(api, 'job', { restartPolicy: 'Never', hostNetwork: true });
    await untilReady(api, 'job');
    await rig.node.stop();
    const list = runtime.list.bind(runtime);
    jest.spyOn(runtime, 'list').mockImplementationOnce(async () => {
      const listed = await list();
      runtime.end('main', 3);
      return listed;
    });
    await start(rig);
    await until('Failed', async () => (await get(api, 'job')).status?.phase === 'Failed');
    const { status } = await get(api, 'job');
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3);
  });

  test('a restarted agent takes over what runs and removes what is not wanted', async () => {
    const rig = await rigged();
    const { api, runtime } = rig;
    await create(api, 'keep', { hostNetwork: true });
    await create(api, 'drop', { hostNetwork: true });
    await untilReady(api, 'keep');
    await untilReady(api, 'drop');
    const readiness = recordReadiness(api);
    await rig.node.stop();
    await api.delete(
      resources.pods,
      { namespace: 'default', name: 'drop' },
      { gracePeriodSeconds: 0 },
    );
    const before = runtime.log.length;
    await start(rig);
    await until('removed', async () => runtime.sandboxes.size === 1);
    await delay(clock, 50);
    expect(
      runtime.log.slice(before).filter((line) => /^(sandbox|create|start)/.test(line)),
    ).toEqual([]);
    expect((await get(api, 'keep')).status?.containerStatuses?.[0]).toMatchObject({ ready: true });
    expect(readiness.filter((said) => !said.endsWith('=True'))).toEqual([]);
  });
});
