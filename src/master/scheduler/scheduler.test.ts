import { afterEach, describe, expect, test } from '@jest/globals';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import type { StorageClass } from '../../api/types/policy.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import { delay, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import { startScheduler } from './scheduler.js';
import { claimOf, nodeOf, podOf, volumeOf } from './testkit/objects.js';
import type { PodFields } from './testkit/objects.js';

const clock = systemClock();
let cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of cleanup) await stop();
  cleanup = [];
});

/** A scheduler on the API, until the test ends. */
async function schedule(api: FakeApi): Promise<() => Promise<void>> {
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const parts = { client: api, informers, clock, prng: new Prng(1), log: silentLogger };
  const scheduler = await startScheduler(parts);
  const stop = async (): Promise<void> => {
    await scheduler.stop();
    informers.stop();
  };
  cleanup.push(stop);
  return stop;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = clock.monotonicMs() + 15_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.monotonicMs() > deadlineMs) throw new Error(`never happened: ${what}`);
    await delay(clock, 5);
  }
}

const put = (api: FakeApi, name: string, fields: PodFields = {}): Promise<Pod> =>
  api.create<Pod>(resources.pods, podOf(name, fields));
const get = (api: FakeApi, name: string): Promise<Pod> =>
  api.get<Pod>(resources.pods, { namespace: 'default', name });

const nodeOfPod = (api: FakeApi, name: string): Promise<string> =>
  until(`${name} is bound`, async () => (await get(api, name)).spec.nodeName);

function scheduled({ status }: Pod) {
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

describe('preemption', () => {
  const full: PodFields = { requests: { cpu: '4' } };

  test('victims are marked and deleted, and the pod gets their room', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', {}));
    await put(api, 'low', { ...full, priority: 1, nodeName: 'n' });
    await schedule(api);
    await put(api, 'vip', { ...full, priority: 10 });
    const low = await until('low is deleted', async () => {
      const pod = await get(api, 'low');
      return pod.metadata.deletionTimestamp === undefined ? undefined : pod;
    });
    expect(low.status?.conditions).toMatchObject([
      {
        type: 'DisruptionTarget',
        reason: 'PreemptionByScheduler',
        message: 'default-scheduler: preempting to accommodate a higher priority pod',
      },
    ]);
    const vip = await until('vip is nominated', async () => {
      const pod = await get(api, 'vip');
      return pod.status?.nominatedNodeName === undefined ? undefined : pod;
    });
    expect(vip.status?.nominatedNodeName).toBe('n');
    expect(scheduled(vip)?.message).toBe('0/1 nodes are available: 1 Insufficient cpu.');
    await api.delete(resources.pods, low.metadata, { gracePeriodSeconds: 0 });
    expect(await nodeOfPod(api, 'vip')).toBe('n');
  });

  test('what the node has said of a victim since stays', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', {}));
    const low = await put(api, 'low', { ...full, priority: 1, nodeName: 'n' });
    await schedule(api);
    // The scheduler's informer has not seen this yet when it patches.
    const patch = api.patch.bind(api);
    api.patch = async (...call) => {
      api.patch = patch;
      const at = '2026-01-01T00:00:00Z';
      const ready = { type: 'Ready', status: 'True', lastTransitionTime: at };
      await api.updateStatus<Pod>(resources.pods, {
        ...low,
        status: { phase: 'Running', conditions: [ready] },
      });
      return patch(...call) as never;
    };
    await put(api, 'vip', { ...full, priority: 10 });
    const going = await until('low is deleted', async () => {
      const pod = await get(api, 'low');
      return pod.metadata.deletionTimestamp === undefined ? undefined : pod;
    });
    expect(going.status?.conditions?.map(({ type }) => type).toSorted()).toEqual([
      'DisruptionTarget',
      'Ready',
    ]);
  });

  test('room that a former scheduler promised is kept', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', {}));
    await put(api, 'going', { ...full, priority: 1, nodeName: 'n' });
    const vip = await put(api, 'vip', { ...full, priority: 10 });
    const status = { ...vip.status, nominatedNodeName: 'n' };
    await api.updateStatus<Pod>(resources.pods, { ...vip, status });
    const going = await get(api, 'going');
    await api.delete(resources.pods, going.metadata);
    await schedule(api);
    await put(api, 'minor', { ...full, priority: 5 });
    await until('minor waits', async () => scheduled(await get(api, 'minor')));
    await api.delete(resources.pods, going.metadata, { gracePeriodSeconds: 0 });
    expect(await nodeOfPod(api, 'vip')).toBe('n');
    expect((await get(api, 'minor')).spec.nodeName).toBeUndefined();
  });
});

test('a pod that waits for room gets what another gives up as it is resized in place', async () => {
  const api = new FakeApi();
  await api.create<Node>(resources.nodes, nodeOf('n', {}));
  const big = await put(api, 'big', { requests: { cpu: '3' }, nodeName: 'n' });
  await schedule(api);
  await put(api, 'next', { requests: { cpu: '2' } });
  await until('next waits', async () => scheduled(await get(api, 'next')));
  const [container] = big.spec.containers;
  const smaller = { requests: { cpu: '1' } };
  await api.update<Pod>(resources.pods, {
    ...big,
    spec: { ...big.spec, containers: [{ ...container!, resources: smaller }] },
  });
  expect(await nodeOfPod(api, 'next')).toBe('n');
});

describe('binding', () => {
  test('what a failed binding held is free for others', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', { allocatable: { pods: '1' } }));
    let refused = 0;
    api.intercept = ({ verb, key, subresource }) => {
      if (verb !== 'create' || subresource !== 'binding' || key.name !== 'first') return;
      refused++;
      throw new ApiError(403, 'Forbidden', 'no');
    };
    await schedule(api);
    await put(api, 'first', { priority: 9 });
    await until('first is refused', () => Promise.resolve(refused > 0 ? true : undefined));
    await put(api, 'second');
    expect(await nodeOfPod(api, 'second')).toBe('n');
  });

  test('a binding whose answer is lost keeps its room', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', { allocatable: { pods: '1' } }));
    let lost = 0;
    api.intercept = ({ verb, key, subresource }) => {
      if (verb !== 'create' || subresource !== 'binding' || key.name !== 'first' || lost > 0)
        return;
      lost++;
      const binding = { metadata: { ...key }, target: { name: 'n' } };
      void api.create(resources.pods, binding, { subresource: 'binding' });
      throw new ApiError(503, 'ServiceUnavailable', 'connection reset', { definite: false });
    };
    await schedule(api);
    await put(api, 'first', { priority: 9 });
    await until('the answer is lost', () => Promise.resolve(lost > 0 ? true : undefined));
    await put(api, 'second');
    expect(await nodeOfPod(api, 'first')).toBe('n');
    await until('second waits', async () => scheduled(await get(api, 'second')));
    expect((await get(api, 'second')).spec.nodeName).toBeUndefined();
  });

  test('pods of other schedulers, and gated ones, are left alone', async () => {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', {}));
    await put(api, 'other', { schedulerName: 'mine' });
    await put(api, 'gated', { schedulingGates: [{ name: 'wait' }] });
    await schedule(api);
    await put(api, 'last');
    await nodeOfPod(api, 'last');
    expect((await get(api, 'other')).spec.nodeName).toBeUndefined();
    const gated = await get(api, 'gated');
    expect(gated.spec.nodeName).toBeUndefined();
    await api.update<Pod>(resources.pods, {
      ...gated,
      spec: { ...gated.spec, schedulingGates: [] },
    });
    expect(await nodeOfPod(api, 'gated')).toBe('n');
  });
});

describe('volumes', () => {
  const key = { namespace: 'default', name: 'data' };

  async function withClaim(provisioner: string, volumes: readonly PersistentVolume[]) {
    const api = new FakeApi();
    await api.create<Node>(resources.nodes, nodeOf('n', {}));
    await api.create<StorageClass>(resources.storageClasses, {
      metadata: { name: 'disk' },
      provisioner,
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    for (const volume of volumes) await api.create(resources.volumes, volume);
    await api.create<PersistentVolumeClaim>(resources.claims, claimOf('data', { class: 'disk' }));
    await schedule(api);
    await put(api, 'reader', { claims: ['data'] });
    return api;
  }

  /** As the volume controller does. */
  async function bindClaim(api: FakeApi, volumeName: string): Promise<void> {
    const claim = await api.get<PersistentVolumeClaim>(resources.claims, key);
    await api.update<PersistentVolumeClaim>(resources.claims, {
      ...claim,
      metadata: {
        ...claim.metadata,
        annotations: {
          ...claim.metadata.annotations,
          'pv.kubernetes.io/bind-completed': 'yes',
        },
      },
      spec: { ...claim.spec, volumeName },
    });
  }

  test('a free volume is reserved for the claim; the pod waits until it is bound', async () => {
    const api = await withClaim('kubernetes.io/no-provisioner', [volumeOf('v', { class: 'disk' })]);
    const reserved = await until('v is reserved', async () => {
      const volume = await api.get<PersistentVolume>(resources.volumes, { name: 'v' });
      return volume.spec.claimRef === undefined ? undefined : volume;
    });
    expect(reserved.spec.claimRef).toMatchObject({ name: 'data', namespace: 'default' });
    expect(reserved.metadata.annotations).toEqual({
      'pv.kubernetes.io/bound-by-controller': 'yes',
    });
    expect((await get(api, 'reader')).spec.nodeName).toBeUndefined();
    await bindClaim(api, 'v');
    expect(await nodeOfPod(api, 'reader')).toBe('n');
  });

  test('else the provisioner is told the node, and asked again when it gives up', async () => {
    const api = await withClaim('example.com/disk', []);
    const selected = 'volume.kubernetes.io/selected-node';
    const claim = () => api.get<PersistentVolumeClaim>(resources.claims, key);
    const isAsked = (): Promise<true> =>
      until('the provisioner is asked', async () =>
        (await claim()).metadata.annotations?.[selected] === 'n' ? true : undefined,
      );
    await isAsked();
    await api.patch(resources.claims, key, 'application/merge-patch+json', {
      metadata: { annotations: { [selected]: null } },
    });
    await isAsked();
    await bindClaim(api, 'made');
    await api.create(resources.volumes, volumeOf('made', { class: 'disk', claim: 'data' }));
    expect(await nodeOfPod(api, 'reader')).toBe('n');
  });
});
