/** `drain` against a cluster in memory, whose evictions answer as each test says. */
import { beforeEach, expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { ApiError } from '../../client/index.js';
import { run } from '../main.js';
import { FakeCluster } from '../testkit/fake-cluster.js';
import { RecordedContext } from '../testkit/transcript.js';

const pods = { group: '', version: 'v1', resource: 'pods' };
let cluster: FakeCluster;
let context: RecordedContext;
/** What an eviction answers: undefined is that it is done. */
let answers: Record<string, (ApiError | undefined)[]>;
let evictions: string[];

beforeEach(async () => {
  cluster = new FakeCluster();
  context = new RecordedContext(cluster);
  answers = {};
  evictions = [];
  const nodes = { group: '', version: 'v1', resource: 'nodes' };
  for (const name of ['n1', 'n2']) {
    const spec = { unschedulable: true };
    await cluster.api.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec });
  }
});

async function addPod(name: string, node: string, more: Partial<Pod['spec']> = {}): Promise<void> {
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'o',
    uid: 'o',
    controller: true,
  };
  await cluster.api.create<Pod>(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, ownerReferences: [owner] },
    spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }], ...more },
    status: { phase: 'Running' },
  });
  const gone = { gracePeriodSeconds: 0 };
  cluster.extra = {
    ...cluster.extra,
    [`POST /api/v1/namespaces/ns/pods/${name}/eviction`]: ({ body }) => {
      evictions.push(JSON.stringify(body));
      const answer = answers[name]?.shift();
      if (answer !== undefined) throw answer;
      void cluster.api.delete(pods, { name, namespace: 'ns' }, gone);
      return {};
    },
  };
}

const drain = (...words: string[]): Promise<number> => run(['drain', ...words], context);

test('all pods of the node are evicted, gracefully as they wish, and no others', async () => {
  await addPod('a', 'n1');
  await addPod('b', 'n2');
  expect(await drain('n1')).toBe(0);
  expect(context.text).toBe(
    'node/n1 already cordoned\nevicting pod ns/a\npod/a evicted\nnode/n1 drained\n',
  );
  expect(JSON.parse(evictions.join())).toEqual({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'a', namespace: 'ns' },
    deleteOptions: {},
  });
});

test('an eviction that fails hides none of the others, nor another node’s', async () => {
  for (const name of ['a', 'b', 'c']) await addPod(name, 'n1');
  await addPod('d', 'n2');
  answers = {
    a: [new ApiError(403, 'Forbidden', 'not you')],
    c: [new ApiError(500, 'InternalError', 'a webhook failed')],
  };
  expect(await drain('n1', 'n2')).toBe(1);
  const a = 'error when evicting pods/"a" -n "ns": not you';
  const c = 'error when evicting pods/"c" -n "ns": a webhook failed';
  expect(context.text.replaceAll('! ', '').split('\n')).toEqual([
    'node/n1 already cordoned',
    'node/n2 already cordoned',
    'evicting pod ns/a',
    'evicting pod ns/b',
    'evicting pod ns/c',
    'pod/b evicted',
    `There are pending pods in node "n1" when an error occurred: [${a}, ${c}]`,
    'pod/a',
    'pod/c',
    `error: unable to drain node "n1" due to error: [${a}, ${c}], continuing command...`,
    'evicting pod ns/d',
    'pod/d evicted',
    'node/n2 drained',
    'There are pending nodes to be drained:',
    ' n1',
    a,
    c,
    '',
  ]);
});

test('pods that forbid it end the draining of their node, and nothing is evicted there', async () => {
  await addPod('a', 'n1', { volumes: [{ name: 'v', emptyDir: {} }] });
  await addPod('b', 'n2');
  expect(await drain('n1', 'n2')).toBe(1);
  const why =
    'cannot delete Pods with local storage (use --delete-emptydir-data to override): ns/a';
  expect(context.text).toContain(
    `! error: unable to drain node "n1" due to error: ${why}, continuing command...\n`,
  );
  expect(context.text).toContain(`! There are pending nodes to be drained:\n!  n1\n! ${why}\n`);
  expect(context.text).toContain('node/n2 drained\n');
});

/** Lets time pass until the command ends. */
async function inTime(ended: Promise<number>): Promise<number> {
  const second = async (): Promise<undefined> => {
    await new Promise((resolve) => setImmediate(resolve));
    context.clock.advance(1000);
  };
  for (;;) {
    const code = await Promise.race([ended, second()]);
    if (code !== undefined) return code;
  }
}

const budget = new ApiError(429, 'TooManyRequests', 'a budget forbids it');

test('what a budget forbids is tried again', async () => {
  await addPod('a', 'n1');
  answers = { a: [budget, budget] };
  expect(await inTime(drain('n1'))).toBe(0);
  const again =
    '! error when evicting pods/"a" -n "ns" (will retry after 5s): a budget forbids it\n';
  expect(context.text).toBe(
    `node/n1 already cordoned\n${`evicting pod ns/a\n${again}`.repeat(2)}evicting pod ns/a\npod/a evicted\nnode/n1 drained\n`,
  );
});

test('a namespace that ends is waited for; another refusal of rights is not', async () => {
  await addPod('a', 'n1');
  const causes = [{ reason: 'NamespaceTerminating', message: 'is being terminated' }];
  answers = { a: [new ApiError(403, 'Forbidden', 'ending', { details: { causes } })] };
  expect(await inTime(drain('n1'))).toBe(0);
  expect(context.text).toContain(
    '! error when evicting pod "a" from terminating namespace "ns" (will retry after 5s): ending\n',
  );
});

test('the timeout is told for each pod that is left', async () => {
  await addPod('a', 'n1');
  await addPod('b', 'n1');
  answers = { a: Array.from({ length: 9 }, () => budget) };
  expect(await inTime(drain('n1', '--timeout=12s'))).toBe(1);
  expect(evictions.filter((text) => text.includes('"a"'))).toHaveLength(3);
  expect(context.text).toContain(
    'There are pending pods in node "n1" when an error occurred: error when evicting pods/"a" -n "ns": global timeout reached: 12s\n! pod/a\n',
  );
});

test('a pod that another has deleted meanwhile needs no eviction', async () => {
  await addPod('a', 'n1');
  answers = { a: [new ApiError(404, 'NotFound', 'pods "a" not found')] };
  expect(await drain('n1')).toBe(0);
  expect(context.text).toContain('node/n1 drained\n');
});

test('without evictions pods are deleted, this one and no later one of its name', async () => {
  await addPod('a', 'n1');
  let sent: unknown;
  cluster.extra = {
    'DELETE /api/v1/namespaces/ns/pods/a': ({ body }) => {
      sent = body;
      void cluster.api.delete(pods, { name: 'a', namespace: 'ns' }, { gracePeriodSeconds: 0 });
      return {};
    },
  };
  expect(await drain('n1', '--disable-eviction', '--grace-period=3')).toBe(0);
  expect(sent).toEqual({ gracePeriodSeconds: 3, preconditions: { uid: 'uid-a' } });
  expect(context.text).toBe('node/n1 already cordoned\npod/a deleted\nnode/n1 drained\n');
});

test('a dry run evicts nothing', async () => {
  await addPod('a', 'n1');
  expect(await drain('n1', '--dry-run')).toBe(0);
  expect(evictions).toEqual([]);
  expect(context.text).toContain('evicting pod ns/a (dry run)\nnode/n1 drained (dry run)\n');
});

test.each([
  [[], "error: USAGE: drain NODE [flags]\n! See 'trireme drain --help' for usage."],
  [
    ['n1', '-l', 'a=b'],
    "error: cannot specify both a node name and a --selector option\n! See 'trireme drain --help' for usage.",
  ],
  [['n3'], 'Error from server (NotFound): nodes "n3" not found'],
])('drain %j is refused', async (words, message) => {
  expect(await drain(...words)).toBe(1);
  expect(context.text).toBe(`! ${message}\n`);
});
