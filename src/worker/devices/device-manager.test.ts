import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Pod } from '../../api/types/core.js';
import { systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { SampleAnswers } from '../testkit/sample-plugin.js';
import { SamplePlugin } from '../testkit/sample-plugin.js';
import { DeviceManager } from './device-manager.js';

const gpu = 'example.com/gpu';
const clock = systemClock();
let directory = '';
let ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'devices-'));
});
afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
  await rm(directory, { recursive: true });
});

class Rig {
  readonly manager: DeviceManager;
  #waiting: (() => void)[] = [];

  constructor() {
    const socketDir = join(directory, 'sockets');
    this.manager = new DeviceManager({ socketDir, dataDir: directory, clock, log: silentLogger });
    this.manager.onChange(() => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  static async start(): Promise<Rig> {
    const rig = new Rig();
    await rig.manager.start();
    ends.push(() => rig.manager.stop());
    return rig;
  }

  async plugin(answers: SampleAnswers, ...devices: string[]): Promise<SamplePlugin> {
    const plugin = new SamplePlugin(join(directory, 'sockets'), 'gpu.sock', answers);
    await plugin.serve(...devices);
    ends.push(() => plugin.end());
    await this.after(() => plugin.register(gpu));
    return plugin;
  }

  /** Does it, and waits until the node has other devices. */
  async after(what: () => unknown): Promise<void> {
    const changed = new Promise<void>((resolve) => void this.#waiting.push(resolve));
    await what();
    await changed;
  }

  get figures(): string {
    const { capacity, allocatable } = this.manager.figures();
    return `${allocatable[gpu]} of ${capacity[gpu]}`;
  }
}

const wants = (name: string, count: number): Container => ({
  name,
  image: 'i',
  ...(count === 0 ? {} : { resources: { limits: { [gpu]: `${count}` } } }),
});
const podOf = (uid: string, containers: Container[], initContainers: Container[] = []): Pod => ({
  metadata: { name: uid, namespace: 'default', uid },
  spec: { containers, initContainers },
});

test('what plugins tell of is offered, as long as they are there', async () => {
  const rig = await Rig.start();
  const plugin = await rig.plugin({}, 'a', '!b');
  expect(rig.figures).toBe('1 of 2');
  await rig.after(() => plugin.have('a', 'b', 'c'));
  expect(rig.figures).toBe('3 of 3');
  await rig.after(() => plugin.end());
  expect(rig.figures).toBe('0 of 3');
});

test('a pod gets what its plugin says, and keeps it', async () => {
  const rig = await Rig.start();
  const device = { hostPath: '/dev/fuse', containerPath: '/dev/gpu', permissions: 'rw' };
  const mount = { hostPath: '/opt/lib', containerPath: '/lib/gpu', readOnly: true };
  const answers = {
    options: { preStartRequired: true, getPreferredAllocationAvailable: true },
    prefers: ['c'],
    allocate: () => ({
      envs: { B: '2', A: '1' },
      devices: [device],
      mounts: [mount],
      annotations: { k: 'v' },
      cdiDevices: [{ name: 'v/c=1' }],
    }),
  };
  const plugin = await rig.plugin(answers, 'a', 'b', 'c');
  const container = wants('main', 2);
  const pod = podOf('p', [container, wants('other', 0)]);
  expect(await rig.manager.admit(pod)).toBeUndefined();
  const grant = {
    env: [
      ['A', '1'],
      ['B', '2'],
    ],
    devices: [device],
    mounts: [{ ...mount, propagation: 'None' }],
    annotations: { k: 'v' },
    cdiDevices: ['v/c=1'],
  };
  expect(await rig.manager.grantFor(pod, container)).toEqual(grant);
  expect(await rig.manager.grantFor(pod, wants('other', 0))).toMatchObject({ devices: [] });
  expect(plugin.calls).toEqual(['prefer 2 of a,b,c', 'allocate c,a', 'prepare c,a']);
});

test('no two pods get one device, also while the plugin takes its time', async () => {
  const rig = await Rig.start();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  await rig.plugin({ gate }, 'a', 'b', 'c');
  const first = rig.manager.admit(podOf('p1', [wants('main', 2)]));
  const second = rig.manager.admit(podOf('p2', [wants('main', 2)]));
  open();
  expect(await first).toBeUndefined();
  expect(await second).toEqual({
    reason: 'UnexpectedAdmissionError',
    message:
      'Allocate failed due to requested number of devices unavailable for example.com/gpu. Requested: 2, Available: 1, which is unexpected',
  });
  rig.manager.release('p1');
  expect(await rig.manager.admit(podOf('p3', [wants('main', 3)]))).toBeUndefined();
});

test('an init container passes its devices on, a sidecar does not', async () => {
  const rig = await Rig.start();
  const plugin = await rig.plugin({}, 'a', 'b', 'c');
  const sidecar = { ...wants('side', 1), restartPolicy: 'Always' };
  const pod = podOf('p', [wants('main', 2)], [wants('init', 2), sidecar]);
  expect(await rig.manager.admit(pod)).toBeUndefined();
  expect(plugin.calls).toEqual(['allocate a,b', 'allocate a', 'allocate b,c']);
});

test('a plugin that fails fails the pod, and its devices are free', async () => {
  const rig = await Rig.start();
  await rig.plugin({}, 'broken');
  const refusal = {
    reason: 'UnexpectedAdmissionError',
    message:
      'Allocate failed due to rpc error: code = Internal desc = it smokes, which is unexpected',
  };
  expect(await rig.manager.admit(podOf('p1', [wants('main', 1)]))).toEqual(refusal);
  expect(await rig.manager.admit(podOf('p2', [wants('main', 1)]))).toEqual(refusal);
});

test('an agent that starts again knows who has what, and gives it to nobody else', async () => {
  const rig = await Rig.start();
  await rig.plugin({}, 'a', 'b');
  const pod = podOf('p', [wants('main', 1)]);
  await rig.manager.admit(pod);
  await rig.manager.admit(podOf('gone', [wants('main', 1)]));
  for (const end of ends.splice(0).toReversed()) await end();

  const again = await Rig.start();
  again.manager.keep(new Set(['p']));
  expect(again.figures).toBe('0 of 0');
  await expect(again.manager.grantFor(pod, wants('main', 1))).rejects.toThrow(
    'endpoint not found in cache for a registered resource: example.com/gpu',
  );
  const plugin = await again.plugin({}, 'a', 'b');
  expect(again.figures).toBe('2 of 2');
  expect(await again.manager.grantFor(pod, wants('main', 1))).toMatchObject({
    env: [['DEVICES', 'a']],
  });
  expect(await again.manager.admit(podOf('new', [wants('main', 1)]))).toBeUndefined();
  expect(plugin.calls).toEqual(['allocate b']);
  await again.after(() => plugin.end());
  expect(await again.manager.grantFor(pod, wants('main', 1))).toMatchObject({
    env: [['DEVICES', 'a']],
  });
});

test.each([
  ['example.com/gpu', 'v1alpha1', 'requested API version "v1alpha1" is not supported by kubelet'],
  ['gpu', 'v1beta1', 'the ResourceName "gpu" is invalid'],
  ['kubernetes.io/gpu', 'v1beta1', 'the ResourceName "kubernetes.io/gpu" is invalid'],
  [
    'example.com/gpu',
    'v1beta1',
    'failed to get device plugin options: rpc error: code = Unavailable',
  ],
])('a registration of %s at %s is refused', async (resource, version, text) => {
  await Rig.start();
  const plugin = new SamplePlugin(join(directory, 'sockets'), 'nobody.sock');
  await expect(plugin.register(resource, version)).rejects.toThrow(text);
});

test('a second agent does not take the sockets of the first', async () => {
  await Rig.start();
  await expect(new Rig().manager.start()).rejects.toThrow('is in use by');
});
