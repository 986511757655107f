/** What becomes of the others when one container of a runtime is odd. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Container,
  ContainerEventResponse,
  ContainerState,
  ContainerStatus,
  Image,
  PodSandbox,
  PodSandboxStatus,
} from '../../gen/cri/api.js';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { ContainerConfig, RuntimeEvent } from '../types.js';
import type { CriRuntime } from './runtime.js';
import { serveCri } from './testkit/serve.js';

interface Thing {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly sandbox: string;
  state: ContainerState;
}

const { CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_UNKNOWN } = ContainerState;

/** By the runtime's id, which is ours with a dash. */
const things = new Map<string, Thing>();
/** What was asked for that changes something. */
const asked: string[] = [];
let end: () => Promise<void> = () => Promise.resolve();
let runtime: CriRuntime;
let dir = '';
/** The containers of which the runtime tells nothing. */
const mute = new Set<string>();
let reopen: (path: string) => void = () => undefined;
/** Sends an event; undefined until somebody listens. */
let tell: (() => void) | undefined;
let isBusy = false;

function put(id: string, fields: Partial<Thing> = {}): void {
  const thing = {
    id: `-${id}`,
    name: id,
    attempt: 0,
    sandbox: '-s1',
    state: CONTAINER_RUNNING,
    ...fields,
  };
  things.set(thing.id, thing);
}

function logOf(id: string): string {
  return join(dir, `${id}.log`);
}

function common({ id, name, attempt }: Thing): object {
  const own = id.slice(1);
  const note = {
    sandboxId: 's1',
    image: 'i',
    logPath: logOf(own),
    logMaxBytes: 4,
    annotations: {},
  };
  return {
    id,
    metadata: { name, attempt },
    labels: { 'trireme.io/container-id': own },
    annotations: { 'trireme.io/record': JSON.stringify(note) },
  };
}

beforeEach(async () => {
  things.clear();
  mute.clear();
  asked.length = 0;
  reopen = () => undefined;
  tell = undefined;
  isBusy = false;
  const sandbox = PodSandboxStatus.fromJSON({
    id: '-s1',
    labels: { 'trireme.io/sandbox-id': 's1' },
    annotations: {
      'trireme.io/record': JSON.stringify({
        config: { pod: {}, namespaces: {}, logDirectory: '/' },
        cgroupParent: '/x',
      }),
    },
  });
  const served = await serveCri({
    runtime: {
      version: () => ({
        version: 'v1',
        runtimeName: 'other',
        runtimeVersion: '1',
        runtimeApiVersion: 'v1',
      }),
      status: () => ({ status: undefined, info: {}, runtimeHandlers: [], features: undefined }),
      listPodSandbox: () => ({
        items: [PodSandbox.fromJSON({ id: '-s1', labels: { 'trireme.io/sandbox-id': 's1' } })],
      }),
      podSandboxStatus: () => ({
        status: sandbox,
        info: {},
        containersStatuses: [],
        timestamp: 0n,
      }),
      listContainers: ({ filter }) => {
        const wanted = filter?.labelSelector['trireme.io/container-id'];
        const place = filter?.podSandboxId ?? '';
        if (isBusy) tell?.();
        return {
          containers: [...things.values()]
            .filter(({ id }) => wanted === undefined || id === `-${wanted}`)
            .filter(({ sandbox }) => place === '' || sandbox === place)
            .map((thing) => ({ ...Container.fromJSON(common(thing)), state: thing.state })),
        };
      },
      containerStatus: ({ containerId }) => {
        const thing = things.get(containerId);
        if (thing === undefined) throw new GrpcError(Code.NotFound, 'not found');
        if (mute.has(containerId)) throw new GrpcError(Code.Internal, 'odd');
        return {
          status: { ...ContainerStatus.fromJSON(common(thing)), state: thing.state },
          info: {},
        };
      },
      createContainer: ({ config }) => {
        asked.push(`create ${config?.metadata?.name ?? ''} ${config?.metadata?.attempt ?? ''}`);
        return { containerId: '-new' };
      },
      stopContainer: ({ containerId, timeout }) => {
        asked.push(`stop ${containerId} ${timeout}`);
        const thing = things.get(containerId);
        if (thing !== undefined) thing.state = CONTAINER_EXITED;
        return {};
      },
      removeContainer: ({ containerId }) => {
        asked.push(`remove ${containerId}`);
        things.delete(containerId);
        return {};
      },
      getContainerEvents: async (_request, stream, { signal }) => {
        tell = () => stream.send(ContainerEventResponse.fromJSON({ container_id: '-other' }));
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
      stopPodSandbox: () => ({}),
      removePodSandbox: () => ({}),
      reopenContainerLog: ({ containerId }) => {
        reopen(logOf(containerId.slice(1)));
        return {};
      },
    },
    images: { imageStatus: () => ({ image: Image.fromJSON({ id: 'sha256:1' }), info: {} }) },
  });
  ({ runtime, dir, end } = served);
});
afterEach(() => end());

test('an end is told although the runtime has no word on another container', async () => {
  for (const id of ['a', 'b']) put(id);
  await runtime.start();
  const events: RuntimeEvent[] = [];
  runtime.onEvent((event) => events.push(event));
  for (const thing of things.values()) thing.state = CONTAINER_EXITED;
  mute.add('-a');
  await until(() => events.length > 0, 'the end of the one');
  mute.clear();
  await until(() => events.length > 2, 'the end of the other');
  expect(events).toMatchObject([
    { type: 'exited', containerId: 'b' },
    { type: 'exited', containerId: 'a' },
    { type: 'resync' },
  ]);
});

test('a sandbox goes although the runtime has no word on a container of another', async () => {
  put('mine');
  put('odd', { sandbox: '-s2' });
  await runtime.start();
  mute.add('-odd');
  await runtime.removeSandbox('s1');
  expect(asked).toEqual(['stop -mine 0', 'remove -mine']);
});

test('a container has been stopped however much goes on beside it', async () => {
  put('a');
  await runtime.start();
  const events: RuntimeEvent[] = [];
  runtime.onEvent((event) => events.push(event));
  await until(() => tell !== undefined, 'somebody who listens');
  // Each look at the containers makes another event.
  isBusy = true;
  tell?.();
  await runtime.stopContainer('a', { graceMs: 0 });
  expect(events).toMatchObject([{ type: 'exited', containerId: 'a' }]);
});

test.each([
  ['runs', CONTAINER_RUNNING],
  ['is out of sight', CONTAINER_UNKNOWN],
])('an earlier run that %s is ended before another is made', async (_, state) => {
  put('old', { name: 'main', attempt: 3, state });
  put('beside', { name: 'other', attempt: 4 });
  put('half', { name: 'main', attempt: 4, state: ContainerState.CONTAINER_CREATED });
  await runtime.start();
  await runtime.createContainer(config());
  expect(asked).toEqual(['stop -old 2', 'remove -half', 'create main 4']);
});

test('a full log is moved although another cannot be', async () => {
  for (const id of ['a', 'b']) {
    put(id);
    writeFileSync(logOf(id), 'too much');
  }
  await runtime.start();
  reopen = (path) => {
    if (path === logOf('a')) throw new GrpcError(Code.Internal, 'odd');
    writeFileSync(path, '');
  };
  await runtime.rotateLogs();
  expect(existsSync(`${logOf('a')}.1`)).toBe(false);
  expect(readFileSync(logOf('a'), 'utf8')).toBe('too much');
  expect(readFileSync(`${logOf('b')}.1`, 'utf8')).toBe('too much');
});

test('a log that was opened anew without an answer is not taken from the runtime', async () => {
  put('a');
  writeFileSync(logOf('a'), 'too much');
  await runtime.start();
  reopen = (path) => {
    writeFileSync(path, 'new');
    throw new GrpcError(Code.Unavailable, 'gone');
  };
  await runtime.rotateLogs();
  expect(readFileSync(logOf('a'), 'utf8')).toBe('new');
  expect(readFileSync(`${logOf('a')}.1`, 'utf8')).toBe('too much');
});

function config(): ContainerConfig {
  return {
    id: 'new',
    sandboxId: 's1',
    pod: { uid: 'u1', namespace: 'default', name: 'web' },
    name: 'main',
    restartCount: 4,
    image: 'i',
    env: [],
    mounts: [],
    security: {
      privileged: false,
      runAsNonRoot: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
      seccomp: 'Unconfined',
      procMount: 'Default',
    },
    resources: {},
    logPath: logOf('new'),
    logMaxBytes: 4,
    stdin: false,
    stdinOnce: false,
    tty: false,
    annotations: {},
  };
}
