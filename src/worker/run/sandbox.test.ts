import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import type { SandboxConfig, SandboxState } from '../../runtime/types.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { newPodState } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { PodInfrastructure } from './pod-infrastructure.js';
import { handleOf, isWhole, makeSandbox, podRefOf, removeSandbox } from './sandbox.js';

const identity = { uid: 'u1', namespace: 'default', name: 'web' };

function podWith(spec: object = {}): Pod {
  return {
    metadata: { ...identity, labels: { app: 'web' }, annotations: { why: 'test' } },
    spec: {
      runtimeClassName: 'sandboxed',
      containers: [
        {
          name: 'main',
          securityContext: { privileged: true },
          ports: [{ containerPort: 80, hostPort: 8080 }],
        },
      ],
      ...spec,
    },
  };
}

/** A node whose runtime is of one kind or the other. */
function nodeWith(runtime: object) {
  const made: SandboxConfig[] = [];
  const calls: [string, unknown][] = [];
  const node = {
    nodeName: 'n1',
    clock: new ManualClock(),
    log: silentLogger,
    events: { event: () => undefined },
    hostIps: ['192.168.0.1'],
    newId: () => 's1',
    dns: () => ({ address: '10.96.0.10', domain: 'cluster.local' }),
    files: { logDirectory: (uid: string) => `/data/pods/${uid}/logs` },
    objects: { runtimeClass: (name: string) => Promise.resolve({ handler: `${name}-handler` }) },
    runtime: {
      createSandbox: (config: SandboxConfig): Promise<SandboxState> => {
        made.push(config);
        const ips = config.namespaces.hostNetwork ? {} : { ips: ['10.244.1.5'] };
        return Promise.resolve({ id: config.id, pod: config.pod, createdAtMs: 1, ...ips });
      },
      removeSandbox: (id: string) => Promise.resolve(calls.push(['remove', id])),
      ...runtime,
    },
    network: {
      setUp: (pod: { readonly ips?: readonly string[] }) => {
        calls.push(['setUp', pod]);
        return Promise.resolve({ ips: pod.ips ?? [] });
      },
      tearDown: (pod: unknown) => Promise.resolve(calls.push(['tearDown', pod])),
    },
  };
  return { node: node as unknown as NodeContext, made, calls };
}

const over = { makesNetwork: true, choosesHandlers: true };

describe('a runtime that makes the network', () => {
  test('is told of the whole pod, and the addresses that it gives are those of the pod', async () => {
    const { node, made, calls } = nodeWith(over);
    const { handle, ips } = await makeSandbox(node, podWith());
    expect(ips).toEqual(['10.244.1.5']);
    expect(handle).toEqual({ id: 's1', ips: ['10.244.1.5'] });
    expect(made[0]).toMatchObject({
      labels: { app: 'web' },
      annotations: { why: 'test' },
      hostPorts: [{ hostPort: 8080, containerPort: 80, protocol: 'TCP' }],
      logDirectory: '/data/pods/u1/logs',
      privileged: true,
      runtimeHandler: 'sandboxed-handler',
    });
    expect(calls).toEqual([
      ['setUp', expect.objectContaining({ podUid: 'u1', netnsPath: '', ips: ['10.244.1.5'] })],
    ]);
  });

  test('gives none to a pod on the network of its node', async () => {
    const { node, calls } = nodeWith(over);
    const { handle, ips } = await makeSandbox(node, podWith({ hostNetwork: true }));
    expect([handle, ips, calls]).toEqual([{ id: 's1' }, ['192.168.0.1'], []]);
  });

  test('policies end before the sandbox does', async () => {
    const { node, calls } = nodeWith(over);
    await removeSandbox(node, podWith(), { id: 's1', ips: ['10.244.1.5'] });
    expect(calls.map(([what]) => what)).toEqual(['tearDown', 'remove']);
  });

  test('says itself whether a sandbox is of use', async () => {
    const { node } = nodeWith({
      ...over,
      isSandboxWhole: (id: string) => Promise.resolve(id === 's1'),
    });
    expect(await isWhole(node, { id: 's1' })).toBe(true);
    expect(await isWhole(node, { id: 's2' })).toBe(false);
  });
});

test('a broken sandbox that cannot be taken away now is taken away later', async () => {
  let isAway = true;
  const { node } = nodeWith({
    ...over,
    isSandboxWhole: () => Promise.resolve(false),
    removeSandbox: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve()),
  });
  const state = newPodState(podWith(), 0);
  state.sandbox = { phase: 'ready', failures: 0, id: 's1' };
  const adopted = { id: 's1', ips: ['10.244.1.5'] };
  const onSandboxLost = (): void => undefined;
  const infra = new PodInfrastructure({ node, state, adopted, onSandboxLost });
  await infra.tryToReplaceSandbox();
  expect(state.sandbox).toMatchObject({ phase: 'ready', id: 's1' });
  isAway = false;
  await infra.tryToReplaceSandbox();
  expect(state.sandbox).toEqual({ phase: 'none', failures: 0 });
});

test('another runtime has one handler, and knows nothing of labels and ports', async () => {
  const { node, made } = nodeWith({});
  await expect(makeSandbox(node, podWith())).rejects.toThrow(
    'failed to get sandbox runtime: no runtime for "sandboxed-handler" is configured',
  );
  await makeSandbox(node, podWith({ runtimeClassName: undefined, hostNetwork: true }));
  expect(Object.keys(made[0] ?? {})).not.toContain('labels');
});

test('a sandbox without a network namespace is whole; one whose namespace is gone is not', async () => {
  const { node } = nodeWith({});
  expect(await isWhole(node, { id: 's1' })).toBe(true);
  expect(await isWhole(node, { id: 's1', netnsPath: '/run/netns/none-such' })).toBe(false);
});

test.each<[Partial<SandboxState>, object[]]>([
  [{}, []],
  [{ netnsPath: '/run/netns/x' }, [{ netnsPath: '/run/netns/x' }]],
  [{ ips: ['10.244.1.5'] }, [{ netnsPath: '', ips: ['10.244.1.5'] }]],
])('after a restart the network is asked for pods of %j', (fields, expected) => {
  const sandbox = { id: 's1', pod: identity, createdAtMs: 1, ...fields };
  const refs = podRefOf(sandbox);
  expect(refs).toEqual(
    expected.map((ref) => ({ podUid: 'u1', namespace: 'default', name: 'web', ...ref })),
  );
  expect(handleOf(sandbox)).toEqual({ id: 's1', ...fields });
});
