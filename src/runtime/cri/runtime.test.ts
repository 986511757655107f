/** The runtime against a server that speaks as newer and odder ones than the machine's containerd do. */
import { afterEach, expect, test } from '@jest/globals';
import {
  CgroupDriver,
  Container,
  ContainerEventResponse,
  ContainerState,
  ContainerStatus,
} from '../../gen/cri/api.js';
import type {
  RuntimeServiceDefinition,
  StatusResponse,
  VersionResponse,
} from '../../gen/cri/api.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Handlers } from '../../lib/grpc/index.js';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import type { RuntimeEvent } from '../types.js';
import type { CriRuntime } from './runtime.js';
import { serveCri } from './testkit/serve.js';

type Service = Handlers<typeof RuntimeServiceDefinition>;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const note = {
  sandboxId: 's1',
  image: 'busybox',
  logPath: '/nowhere/0.log',
  logMaxBytes: 1,
  stdin: false,
  tty: false,
  cgroup: '/x',
  annotations: {},
};

/** One container of ours, in the state that a test says. */
class Fake {
  state: ContainerState = ContainerState.CONTAINER_RUNNING;
  version: VersionResponse = {
    version: 'v1',
    runtimeName: 'other',
    runtimeVersion: '9.9',
    runtimeApiVersion: 'v1',
  };
  conditions = [condition('RuntimeReady'), condition('NetworkReady')];
  driver: CgroupDriver = CgroupDriver.CGROUPFS;
  /** Sends an event; undefined until somebody listens. */
  tell: (() => void) | undefined;
  start: () => void = () => undefined;
  startedAt = '0';

  readonly #common = {
    id: 'abc',
    metadata: { name: 'main', attempt: 0 },
    labels: { 'trireme.io/container-id': 'c1', 'io.kubernetes.pod.uid': 'u1' },
    annotations: { 'trireme.io/record': JSON.stringify(note) },
  };

  get handlers(): Partial<Service> {
    return {
      version: () => this.version,
      status: (): StatusResponse => ({
        status: { conditions: this.conditions },
        info: {},
        runtimeHandlers: [],
        features: undefined,
      }),
      runtimeConfig: () => ({ linux: { cgroupDriver: this.driver } }),
      listPodSandbox: () => ({ items: [] }),
      listContainers: () => ({
        containers: [{ ...Container.fromJSON(this.#common), state: this.state }],
      }),
      containerStatus: () => ({
        status: {
          ...ContainerStatus.fromJSON({
            ...this.#common,
            exit_code: 4,
            started_at: this.startedAt,
          }),
          state: this.state,
        },
        info: {},
      }),
      startContainer: () => {
        this.start();
        return {};
      },
      getContainerEvents: async (_request, stream, { signal }) => {
        this.tell = () => stream.send(ContainerEventResponse.fromJSON({ container_id: 'abc' }));
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
  }
}

function condition(type: string): {
  type: string;
  status: boolean;
  reason: string;
  message: string;
} {
  return { type, status: true, reason: '', message: '' };
}

async function serve(fake: Fake): Promise<CriRuntime> {
  const { runtime, end } = await serveCri({ runtime: fake.handlers });
  ends.push(end);
  return runtime;
}

test('events of the runtime are enough to learn of an end, once', async () => {
  const fake = new Fake();
  const runtime = await serve(fake);
  await runtime.start();
  expect(runtime.version).toBe('other://9.9');
  const events: RuntimeEvent[] = [];
  runtime.onEvent((event) => events.push(event));
  await until(() => fake.tell !== undefined, 'somebody who listens');
  fake.tell?.();
  fake.state = ContainerState.CONTAINER_EXITED;
  fake.tell?.();
  fake.tell?.();
  await until(() => events.length > 0, 'the end');
  expect(events).toMatchObject([{ type: 'exited', containerId: 'c1', exitCode: 4 }]);
  const { containers } = await runtime.list();
  expect(containers).toMatchObject([{ id: 'c1', reportedId: 'other://abc', phase: 'exited' }]);
  expect(events).toHaveLength(1);
});

test('a start whose answer is lost counts as what became of it', async () => {
  const fake = new Fake();
  fake.state = ContainerState.CONTAINER_CREATED;
  const runtime = await serve(fake);
  await runtime.start();
  fake.start = () => {
    throw new GrpcError(Code.Unavailable, 'gone');
  };
  await expect(runtime.startContainer('c1')).rejects.toMatchObject({
    code: 'StartFailed',
    message: 'rpc error: code = Unavailable desc = gone',
  });
  fake.start = () => {
    fake.state = ContainerState.CONTAINER_RUNNING;
    throw new GrpcError(Code.DeadlineExceeded, 'late');
  };
  expect(await runtime.startContainer('c1')).toMatchObject({ id: 'c1', phase: 'running' });
});

test('a short run whose start was not answered has ended, and did not fail to start', async () => {
  const fake = new Fake();
  fake.state = ContainerState.CONTAINER_CREATED;
  const runtime = await serve(fake);
  await runtime.start();
  fake.start = () => {
    fake.state = ContainerState.CONTAINER_EXITED;
    fake.startedAt = '1700000001000000000';
    throw new GrpcError(Code.Unavailable, 'gone');
  };
  expect(await runtime.startContainer('c1')).toMatchObject({ phase: 'exited', exitCode: 4 });
});

test('what is not ready is said with its reason', async () => {
  const fake = new Fake();
  const runtime = await serve(fake);
  await runtime.start();
  expect(await runtime.health()).toBeUndefined();
  const reason = { status: false, reason: 'NetworkPluginNotReady', message: 'no config' };
  fake.conditions = [condition('RuntimeReady'), { ...condition('NetworkReady'), ...reason }];
  const text = 'NetworkReady=false reason:NetworkPluginNotReady message:no config';
  expect(await runtime.health()).toBe(text);
  fake.conditions = [];
  expect(await runtime.health()).toBe('RuntimeReady=false reason: message:');
});

test('a runtime that the agent cannot work with is refused at the start', async () => {
  const old = new Fake();
  old.version = { ...old.version, runtimeApiVersion: 'v1alpha2' };
  await expect((await serve(old)).start()).rejects.toMatchObject({ code: 'Unsupported' });
  const systemd = new Fake();
  systemd.driver = CgroupDriver.SYSTEMD;
  await expect((await serve(systemd)).start()).rejects.toMatchObject({
    code: 'Unsupported',
    message: 'the runtime leaves cgroups to systemd: configure its cgroupfs driver instead',
  });
});

test('archives are refused where the runtime has no other door, and calls that it does not have', async () => {
  const runtime = await serve(new Fake());
  await runtime.start();
  await expect(runtime.importImages('/x.tar')).rejects.toMatchObject({
    code: 'Unsupported',
    message: 'other takes no image archives: images come from a registry',
  });
  await expect(
    runtime.updateContainer('c1', { resources: {}, annotations: {} }),
  ).rejects.toMatchObject({
    code: 'Unsupported',
  });
});
