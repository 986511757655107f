import { beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import { ManualClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { systemRandom } from '../../../lib/random.js';
import { WatchCache } from '../cache/watch-cache.js';
import { Deleter } from '../registry/deleter.js';
import { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { systemUser } from '../registry/types.js';
import { plainValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import type { StatusError } from '../status.js';
import { evictPod } from './eviction.js';

const kinds = builtInRegistry();
const admitsAll = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };

function placeOf(group: string, plural: string, name: string) {
  const kind = kinds.byResource(group, '', plural);
  if (kind === undefined) throw new Error(plural);
  return { kind, namespace: 'ns', name };
}

const podPlace = placeOf('', 'pods', 'a');
const budgetPlace = placeOf('policy', 'poddisruptionbudgets', 'b');

function pod(phase: string, ready: string, uid = 'u1'): KubeObject {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'a', namespace: 'ns', labels: { app: 'web' }, uid },
    spec: { containers: [{ name: 'c', image: 'i' }] },
    status: { phase, conditions: [{ type: 'Ready', status: ready }] },
  } as unknown as KubeObject;
}

const budget = {
  kind: 'PodDisruptionBudget',
  apiVersion: 'policy/v1',
  metadata: { name: 'b', namespace: 'ns' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 2 },
} as unknown as KubeObject;

const context: RequestContext = {
  user: systemUser,
  target: { ...podPlace, subresource: 'eviction' },
  options: { dryRun: false, fieldManager: '', fieldValidation: 'Ignore', force: false },
  warnings: [],
};

const still = 'The disruption budget b is still being processed by the server.';
const eviction = { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'a' } };

let objects: Objects;
let deleter: Deleter;

beforeEach(async () => {
  const parts = {
    store: new MemoryStore(),
    clock: new ManualClock(),
    log: silentLogger,
    values: plainValues,
  };
  const watchCache = new WatchCache(parts);
  await watchCache.start();
  objects = new Objects({ ...parts, watchCache, random: systemRandom });
  deleter = new Deleter({ objects, admission: admitsAll });
  await objects.create(budgetPlace, structuredClone(budget));
});

/** Evicts the pod, with something that happens between the look at the budget and the deletion, once. */
async function evictWhile(happens: () => Promise<unknown>): Promise<void> {
  let isDone = false;
  const between: Pick<Deleter, 'delete'> = {
    delete: async (...request) => {
      if (!isDone) await happens();
      isDone = true;
      return deleter.delete(...request);
    },
  };
  await evictPod(context, eviction, { objects, deleter: between, kinds });
}

function become(phase: string, ready: string): Promise<unknown> {
  return objects.change(podPlace, (old) => ({
    next: { ...old, status: (pod(phase, ready) as Pod).status } as KubeObject,
  }));
}

const present = async (): Promise<Pod> => (await objects.get(podPlace)).parse<Pod>();

test('a pod that did not serve and begins to is not evicted past its budget', async () => {
  await objects.create(podPlace, pod('Running', 'False'));
  await expect(evictWhile(() => become('Running', 'True'))).rejects.toMatchObject({
    code: 429,
    status: { details: { retryAfterSeconds: 10, causes: [{ message: still }] } },
  });
  expect((await present()).metadata.deletionTimestamp).toBeUndefined();
});

test('a pod that began to run meanwhile is evicted by its budget only', async () => {
  await objects.create(podPlace, pod('Pending', 'False'));
  await expect(evictWhile(() => become('Running', 'True'))).rejects.toMatchObject({ code: 429 });
  expect((await present()).metadata.deletionTimestamp).toBeUndefined();
});

test('a pending pod that changes meanwhile is read anew', async () => {
  await objects.create(podPlace, pod('Pending', 'False'));
  await evictWhile(() => become('Pending', 'Unknown'));
  await expect(present()).rejects.toMatchObject({ code: 404 });
});

test('another pod that has taken the name is not evicted', async () => {
  await objects.create(podPlace, pod('Succeeded', 'False'));
  const replaced = evictWhile(async () => {
    await objects.change(podPlace, () => ({ next: undefined }));
    await objects.create(podPlace, pod('Running', 'True', 'u2'));
  });
  await expect(replaced).rejects.toMatchObject({ code: 409 });
  expect((await present()).metadata.uid).toBe('u2');
});

const evict = (deleteOptions?: object): Promise<void> =>
  evictPod(context, { ...eviction, deleteOptions }, { objects, deleter, kinds });

function changeBudget(change: (budget: PodDisruptionBudget) => void): Promise<unknown> {
  return objects.change(budgetPlace, (old) => {
    change(old as PodDisruptionBudget);
    return { next: old };
  });
}

const allow = (disruptionsAllowed: number): Promise<unknown> =>
  changeBudget((found) => {
    found.status = { ...found.status, disruptionsAllowed } as typeof found.status;
  });

const presentBudget = async (): Promise<PodDisruptionBudget> =>
  (await objects.get(budgetPlace)).parse<PodDisruptionBudget>();

function onNode(object: KubeObject): KubeObject {
  return { ...object, spec: { ...(object as Pod).spec, nodeName: 'n1' } } as KubeObject;
}

test('a pod that is evicted says so until it is gone, and the budget counts it', async () => {
  await objects.create(podPlace, onNode(pod('Running', 'True')));
  await allow(1);
  await evict();
  const { metadata, status } = await present();
  expect(metadata.deletionTimestamp).toBeDefined();
  expect(status?.conditions).toEqual([
    { type: 'Ready', status: 'True' },
    {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: objects.now(),
    },
  ]);
  expect((await presentBudget()).status).toMatchObject({
    disruptionsAllowed: 0,
    disruptedPods: { a: objects.now() },
    conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
  });
});

test.each([
  ['has ended', 'Succeeded'],
  ['has not begun', 'Pending'],
])('a pod that %s is deleted and not marked: nobody is disrupted', async (_, phase) => {
  await objects.create(podPlace, onNode({ ...pod(phase, 'False') }));
  const marks: unknown[] = [];
  await evictPod(context, eviction, {
    objects,
    kinds,
    deleter: {
      delete: async (...request) => {
        marks.push((await present()).status?.conditions?.map(({ type }) => type));
        return deleter.delete(...request);
      },
    },
  });
  expect(marks).toEqual([['Ready']]);
});

test('the version that the caller asks for is the one before the mark', async () => {
  await objects.create(podPlace, onNode(pod('Running', 'True')));
  await allow(1);
  const { resourceVersion } = (await present()).metadata;
  await evict({ preconditions: { resourceVersion } });
  expect((await present()).metadata.deletionTimestamp).toBeDefined();
});

test.each([
  ['uid', { uid: 'u2' }],
  ['version', { resourceVersion: '1' }],
])('a pod of another %s than the caller asks for is not marked', async (_, preconditions) => {
  await objects.create(podPlace, onNode(pod('Running', 'True')));
  await allow(1);
  await expect(evict({ preconditions })).rejects.toMatchObject({ code: 409 });
  expect((await present()).status?.conditions?.map(({ type }) => type)).toEqual(['Ready']);
});

test.each<[string, (budget: PodDisruptionBudget) => void, number, string, string | undefined]>([
  [
    'none is left',
    () => undefined,
    429,
    "Cannot evict pod as it would violate the pod's disruption budget.",
    'The disruption budget b needs 1 healthy pods and has 1 currently',
  ],
  [
    'its controller has not seen its spec',
    (found) => (found.metadata.generation = 2),
    429,
    "Cannot evict pod as it would violate the pod's disruption budget.",
    still,
  ],
  [
    'its controller does not confirm',
    (found) => {
      const names = Array.from({ length: 2001 }, (__, at) => [`p${at}`, '2026-01-01T00:00:00Z']);
      found.status = {
        ...found.status,
        disruptionsAllowed: 1,
        disruptedPods: Object.fromEntries(names) as Record<string, string>,
      } as typeof found.status;
    },
    403,
    'poddisruptionbudget.policy "b" is forbidden: DisruptedPods map too big - ' +
      'too many evictions not confirmed by PDB controller',
    undefined,
  ],
])('a budget refuses: %s', async (_, change, code, message, cause) => {
  await objects.create(podPlace, onNode(pod('Running', 'True')));
  await changeBudget(change);
  const refused: unknown = await evict().catch((error: unknown) => error);
  expect(refused).toMatchObject({ code, message });
  const { details } = (refused as StatusError).status;
  expect(details?.causes?.[0]?.message).toBe(cause);
  expect((await present()).metadata.deletionTimestamp).toBeUndefined();
});

test('a pod that does not serve goes before the controller has seen the budget', async () => {
  await objects.create(podPlace, onNode(pod('Running', 'False')));
  await changeBudget((found) => {
    found.metadata.generation = 2;
    found.spec.unhealthyPodEvictionPolicy = 'AlwaysAllow';
  });
  await evict();
  expect((await present()).metadata.deletionTimestamp).toBeDefined();
  expect((await presentBudget()).status?.disruptedPods).toBeUndefined();
});

test.each([[{}], [{ metadata: {} }], [{ metadata: { name: 'b' } }]])(
  'an eviction of another pod than the one in the path: %j',
  async (body) => {
    await objects.create(podPlace, pod('Succeeded', 'False'));
    await expect(evictPod(context, body, { objects, deleter, kinds })).rejects.toMatchObject({
      code: 400,
      message: 'name in URL does not match name in Eviction object',
    });
  },
);
