import { beforeEach, expect, test } from '@jest/globals';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
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
import { bindPod } from './binding.js';
import { evictPod } from './eviction.js';

const kinds = builtInRegistry();
const admitsAll = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };

function kindOf(group: string, plural: string): KindDeclaration {
  const kind = kinds.byResource(group, '', plural);
  if (kind === undefined) throw new Error(plural);
  return kind;
}

const pods = kindOf('', 'pods');
const budgets = kindOf('policy', 'poddisruptionbudgets');
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'a', namespace: 'ns', labels: { app: 'web' }, uid: 'u1' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
} as unknown as KubeObject;
const budget = {
  kind: 'PodDisruptionBudget',
  apiVersion: 'policy/v1',
  metadata: { name: 'b', namespace: 'ns' },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2 },
} as unknown as KubeObject;

function contextOf(subresource: string, dryRun: boolean): RequestContext {
  return {
    user: systemUser,
    target: { kind: pods, namespace: 'ns', name: 'a', subresource },
    options: { dryRun, fieldManager: '', fieldValidation: 'Ignore', force: false },
    warnings: [],
  };
}

let objects: Objects;
let deleter: Deleter;
let revision: number;

beforeEach(async () => {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const parts = { store, clock, log: silentLogger, values: plainValues };
  const watchCache = new WatchCache(parts);
  await watchCache.start();
  objects = new Objects({ ...parts, watchCache, random: systemRandom });
  deleter = new Deleter({ objects, admission: admitsAll });
  await objects.create({ kind: pods, namespace: 'ns', name: 'a' }, structuredClone(pod));
  await objects.create({ kind: budgets, namespace: 'ns', name: 'b' }, structuredClone(budget));
  revision = await watchCache.fresh();
});

const writes = async (): Promise<number> => (await objects.watchCache.fresh()) - revision;

test('a dry run of a binding binds nothing', async () => {
  const binding = { target: { name: 'n1' } };
  await bindPod(objects, contextOf('binding', true), binding);
  expect(await writes()).toBe(0);
  await bindPod(objects, contextOf('binding', false), binding);
  expect(await writes()).toBe(1);
  const bound = await objects.get(contextOf('', false).target);
  expect(bound.parse()).toMatchObject({ spec: { nodeName: 'n1' } });
});

test('a dry run of an eviction takes nothing from the budget, by either way to ask for it', async () => {
  const deps = { objects, deleter, kinds };
  const eviction = { metadata: { name: 'a' } };
  await evictPod(contextOf('eviction', true), eviction, deps);
  const asked = { ...eviction, deleteOptions: { dryRun: ['All'] } };
  await evictPod(contextOf('eviction', false), asked, deps);
  expect(await writes()).toBe(0);
  await evictPod(contextOf('eviction', false), eviction, deps);
  const left = await objects.get({ kind: budgets, namespace: 'ns', name: 'b' });
  expect(left.parse()).toMatchObject({ status: { disruptionsAllowed: 0 } });
});
