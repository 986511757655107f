import { beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { ManualClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { systemRandom } from '../../../lib/random.js';
import { everything, parseSelection } from '../cache/selection.js';
import { WatchCache } from '../cache/watch-cache.js';
import { Objects } from '../registry/objects.js';
import { plainValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import { ResourceMetrics } from './resource-metrics.js';

const kinds = builtInRegistry();
const podKind = kinds.byResource('', 'v1', 'pods')!;
const nodeKind = kinds.byResource('', 'v1', 'nodes')!;
const time = '2023-11-14T22:13:20Z';
const usage = (usageNanoCores: number | undefined, workingSetBytes: number): object => ({
  cpu: { time, windowSeconds: 15.25, usageNanoCores },
  memory: { time, workingSetBytes },
});

/** What node n1 says. A pod of another node stands in it, and one whose second container is new. */
const summary = {
  node: { nodeName: 'n1', ...usage(250_000_000, 3 * 1024 ** 3) },
  pods: [
    {
      podRef: { name: 'a', namespace: 'ns', uid: 'u-a' },
      containers: [
        { name: 'web', ...usage(7_219_890, 4096 * 1024) },
        { name: 'side', ...usage(1_000_000_000, 1000) },
      ],
    },
    {
      podRef: { name: 'young', namespace: 'ns', uid: 'u-young' },
      containers: [
        { name: 'web', ...usage(1, 1) },
        { name: 'new', ...usage(undefined, 1) },
      ],
    },
    {
      podRef: { name: 'c', namespace: 'ns', uid: 'u-c' },
      containers: [{ name: 'web', ...usage(9, 9) }],
    },
  ],
};

function podOn(node: string, name: string, app: string, phase = 'Running'): KubeObject {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'ns', uid: `u-${name}`, labels: { app } },
    spec: { nodeName: node, containers: [] },
    status: { phase },
  } as unknown as KubeObject;
}

let metrics: ResourceMetrics;
let asked: string[];
let clock: ManualClock;

beforeEach(async () => {
  const store = new MemoryStore();
  clock = new ManualClock();
  const parts = { store, clock, log: silentLogger, values: plainValues };
  const watchCache = new WatchCache(parts);
  await watchCache.start();
  const objects = new Objects({ ...parts, watchCache, random: systemRandom });
  for (const name of ['n1', 'n2']) {
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name, labels: { zone: name } } };
    await objects.create({ kind: nodeKind, namespace: '', name }, node);
  }
  for (const pod of [
    podOn('n1', 'a', 'x'),
    podOn('n1', 'young', 'x'),
    podOn('n2', 'c', 'y'),
    podOn('n1', 'over', 'x', 'Succeeded'),
    podOn('', 'waits', 'x', 'Pending'),
  ]) {
    const { name } = pod.metadata;
    await objects.create({ kind: podKind, namespace: 'ns', name }, pod);
  }
  await watchCache.fresh();
  asked = [];
  const forNode = (name: string) => ({
    stats: () => {
      asked.push(name);
      if (name === 'n2') return Promise.reject(new Error('away'));
      return Promise.resolve({ summary: Buffer.from(JSON.stringify(summary)) });
    },
  });
  metrics = new ResourceMetrics({ watchCache, agents: { forNode }, clock, log: silentLogger });
});

const read = async (entries: Promise<readonly { parse(): unknown }[]>): Promise<unknown[]> =>
  (await entries).map((entry) => entry.parse());

test('a node that answers has metrics, in quantities as metrics-server writes them', async () => {
  expect(await read(metrics.nodes.list('', everything))).toEqual([
    {
      kind: 'NodeMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      metadata: { name: 'n1', creationTimestamp: time, labels: { zone: 'n1' } },
      timestamp: time,
      window: '15.25s',
      usage: { cpu: '250m', memory: '3Gi' },
    },
  ]);
});

test('pods that run have metrics; not one whose container is not measured yet', async () => {
  expect(await read(metrics.pods.list('', everything))).toEqual([
    {
      kind: 'PodMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      metadata: { name: 'a', namespace: 'ns', creationTimestamp: time, labels: { app: 'x' } },
      timestamp: time,
      window: '15.25s',
      containers: [
        { name: 'web', usage: { cpu: '7219890n', memory: '4Mi' } },
        { name: 'side', usage: { cpu: '1', memory: '1k' } },
      ],
    },
  ]);
});

test('what a node says of the pods of another one is not believed', async () => {
  const found = metrics.pods.list('', parseSelection(podKind, 'app=y', ''));
  expect(await read(found)).toEqual([]);
  expect(asked).toEqual(['n2']);
});

test('selectors choose before any node is asked', async () => {
  expect(await read(metrics.pods.list('other', everything))).toEqual([]);
  expect(await read(metrics.nodes.list('', parseSelection(nodeKind, 'zone=n3', '')))).toEqual([]);
  expect(asked).toEqual([]);
  const one = metrics.pods.list('ns', parseSelection(podKind, '', 'metadata.name=a'));
  expect(await read(one)).toHaveLength(1);
});

test('an answer serves five seconds, and that there was none as well', async () => {
  await metrics.nodes.list('', everything);
  clock.advance(4_999);
  await metrics.nodes.list('', everything);
  expect(asked.toSorted()).toEqual(['n1', 'n2']);
  clock.advance(1);
  await metrics.nodes.list('', everything);
  expect(asked.toSorted()).toEqual(['n1', 'n1', 'n2', 'n2']);
});

test.each<[string, () => Promise<unknown>, string]>([
  ['no such pod', () => metrics.pods.get('ns', 'b'), 'pods "b" not found'],
  [
    'a pod without metrics',
    () => metrics.pods.get('ns', 'young'),
    'podmetrics.metrics.k8s.io "ns/young" not found',
  ],
  ['no such node', () => metrics.nodes.get('', 'n9'), 'nodes "n9" not found'],
  [
    'a node without metrics',
    () => metrics.nodes.get('', 'n2'),
    'nodemetrics.metrics.k8s.io "n2" not found',
  ],
])('%s: the text of metrics-server', async (_, get, message) => {
  await expect(get()).rejects.toMatchObject({ message, code: 404 });
});
