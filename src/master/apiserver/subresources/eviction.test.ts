import { beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
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
  await evictPod(context, {}, { objects, deleter: between, kinds });
}

function become(phase: string, ready: string): Promise<unknown> {
  return objects.change(podPlace, (old) => ({
    next: { ...old, status: (pod(phase, ready) as Pod).status } as KubeObject,
  }));
}

const present = async (): Promise<Pod> => (await objects.get(podPlace)).parse<Pod>();

test('a pod that did not serve and begins to is not evicted past its budget', async () => {
  await objects.create(podPlace, pod('Running', 'False'));
  await expect(evictWhile(() => become('Running', 'True'))).rejects.toMatchObject({ code: 429 });
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
