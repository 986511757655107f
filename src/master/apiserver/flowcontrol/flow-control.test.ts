import { beforeEach, describe, expect, test } from '@jest/globals';
import { everythingOf, flowSchema, priorityLevel } from '../../../api/flowcontrol/mandatory.js';
import { flowSchemaKind, priorityLevelKind } from '../../../api/flowcontrol/kinds.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { ManualClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { systemRandom } from '../../../lib/random.js';
import type { Attributes } from '../authz/attributes.js';
import { WatchCache } from '../cache/watch-cache.js';
import { maxQueueWaitMs } from '../limits.js';
import { Objects } from '../registry/objects.js';
import { Writer } from '../registry/writer.js';
import { plainValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import type { Flow } from './flow-control.js';
import { FlowControl } from './flow-control.js';
import { FlowKeeper } from './keeper.js';

const admitsAll = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: ManualClock;
let objects: Objects;
let flow: FlowControl;
let keeper: FlowKeeper;

beforeEach(async () => {
  clock = new ManualClock();
  const store = new MemoryStore();
  const parts = { store, clock, log: silentLogger, values: plainValues };
  const watchCache = new WatchCache(parts);
  await watchCache.start();
  objects = new Objects({ ...parts, watchCache, random: systemRandom });
  const writer = new Writer({ objects, admission: admitsAll, mayCreate: () => Promise.resolve() });
  flow = new FlowControl({
    clock,
    serverSeats: 600,
    schemas: objects.cache(flowSchemaKind),
    levels: objects.cache(priorityLevelKind),
  });
  keeper = new FlowKeeper({ kinds: builtInRegistry(), objects, writer }, clock);
  flow.start();
  keeper.start();
  await settled();
});

/** Lets the keeper do what it has to. */
async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    clock.advance(100);
    for (let wait = 0; wait < 20; wait++) await turn();
  }
}

function asked(user: string, groups: string[], rest: Partial<Attributes> = {}): Attributes {
  return {
    user: { name: user, groups: [...groups, 'system:authenticated'] },
    verb: 'get',
    isResource: true,
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'default',
    name: 'a',
    path: '',
    ...rest,
  };
}

async function put(kind: KindDeclaration, object: { metadata: { name: string } }): Promise<void> {
  const { name } = object.metadata;
  await objects.create({ kind, namespace: '', name }, structuredClone(object) as KubeObject);
  await objects.watchCache.fresh();
}

const account = (namespace: string, name: string): [string, string[]] => [
  `system:serviceaccount:${namespace}:${name}`,
  ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
];
const lease = { group: 'coordination.k8s.io', resource: 'leases' };
const path = (url: string): Partial<Attributes> => ({ isResource: false, path: url, resource: '' });

describe('with the objects that a cluster starts with', () => {
  test.each<[string, Attributes, string]>([
    ['an administrator', asked('admin', ['system:masters']), 'exempt > exempt'],
    ['a probe', asked('system:anonymous', [], path('/readyz')), 'probes > exempt'],
    ['another path', asked('jane', [], path('/version')), 'global-default > global-default'],
    ['a user', asked('jane', []), 'global-default > global-default'],
    ['a node', asked('system:node:n', ['system:nodes']), 'system-nodes > system'],
    [
      "a node's status",
      asked('system:node:n', ['system:nodes'], {
        resource: 'nodes',
        subresource: 'status',
        namespace: '',
      }),
      'system-node-high > node-high',
    ],
    [
      "a node's lease",
      asked('system:node:n', ['system:nodes'], { ...lease, namespace: 'kube-node-lease' }),
      'system-node-high > node-high',
    ],
    [
      'an election',
      asked('system:kube-scheduler', [], { ...lease, verb: 'update', namespace: 'kube-system' }),
      'system-leader-election > leader-election',
    ],
    ['the scheduler', asked('system:kube-scheduler', []), 'kube-scheduler > workload-high'],
    [
      'an account of the system',
      asked(...account('kube-system', 'dns')),
      'kube-system-service-accounts > workload-high',
    ],
    ['another account', asked(...account('default', 'app')), 'service-accounts > workload-low'],
  ])('%s', (_, request, expected) => {
    const { schema, level } = flow.classify(request);
    expect(`${schema.name} > ${level.name}`).toBe(expected);
    expect([schema.uid, level.uid]).toEqual([
      expect.stringMatching(/.{8}/),
      expect.stringMatching(/.{8}/),
    ]);
  });

  test('flows are of users or of namespaces, as the FlowSchema says', () => {
    const key = (request: Attributes): string => flow.classify(request).key;
    expect(key(asked('jane', []))).not.toBe(key(asked('joe', [])));
    expect(key(asked('jane', []))).toBe(key(asked('jane', [], { namespace: 'other' })));
    const scheduler = asked('system:kube-scheduler', []);
    expect(key(scheduler)).not.toBe(key({ ...scheduler, namespace: 'other' }));
  });

  test('a FlowSchema that asks first wins, one whose level is missing is passed over', async () => {
    const rules = [
      {
        subjects: [{ kind: 'User', user: { name: 'jane' } }],
        resourceRules: [
          { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['default'] },
        ],
      },
    ];
    await put(flowSchemaKind, flowSchema('janes', { level: 'gone', precedence: 50, rules }));
    expect(flow.classify(asked('jane', [])).schema.name).toBe('global-default');
    await settled();
    const read = (): unknown =>
      objects.cache(flowSchemaKind).get('janes')?.parse<KubeObject & { status: unknown }>().status;
    expect(read()).toMatchObject({
      conditions: [{ type: 'Dangling', status: 'True', reason: 'NotFound' }],
    });
    await put(
      priorityLevelKind,
      priorityLevel('gone', {
        type: 'Limited',
        limited: { nominalConcurrencyShares: 10, limitResponse: { type: 'Reject' } },
      }),
    );
    expect(flow.classify(asked('jane', [])).schema.name).toBe('janes');
    expect(flow.classify(asked('jane', [], { namespace: 'x' })).schema.name).toBe('global-default');
    await settled();
    expect(read()).toMatchObject({ conditions: [{ status: 'False', reason: 'Found' }] });
  });

  test('one that was deleted comes back', async () => {
    const place = { kind: flowSchemaKind, namespace: '', name: 'catch-all' };
    await objects.change(place, () => ({ next: undefined }));
    await objects.watchCache.fresh();
    expect(flow.classify(asked('jane', [])).schema.name).toBe('global-default');
    await settled();
    expect(objects.cached(place)).toBeDefined();
  });

  test('a changed one follows the server, unless its owner took it over', async () => {
    const place = { kind: flowSchemaKind, namespace: '', name: 'service-accounts' };
    const change = async (annotation: string, precedence: number): Promise<number | undefined> => {
      await objects.change(place, (old) => {
        const next = structuredClone(old) as KubeObject & { spec: { matchingPrecedence: number } };
        next.metadata.annotations = { 'apf.kubernetes.io/autoupdate-spec': annotation };
        next.spec.matchingPrecedence = precedence;
        return { next };
      });
      await objects.watchCache.fresh();
      await settled();
      return objects
        .cached(place)
        ?.parse<typeof place & KubeObject & { spec: { matchingPrecedence?: number } }>().spec
        .matchingPrecedence;
    };
    expect(await change('true', 77)).toBe(9_000);
    expect(await change('false', 77)).toBe(77);
  });
});

describe('seats', () => {
  test('shares are those of the objects, and idle levels lend', () => {
    const before = flow.counts.levels.find(({ name }) => name === 'workload-low')?.limit ?? 0;
    // 100 of 245 shares of 600 seats are nominal; nobody wants anything, so all have their part.
    expect(before).toBeGreaterThan(0);
    const low = flow.classify(asked(...account('default', 'app')));
    const leave: (() => void)[] = [];
    const wait: Promise<unknown>[] = [];
    for (let request = 0; request < 800; request++) {
      const { key } = low;
      const entered = flow.enter({ ...low, key: `${key}${request}` }, 1);
      if (entered instanceof Promise) wait.push(entered.then((one) => leave.push(one)));
      else leave.push(entered);
    }
    clock.advance(10_000);
    const borrowed = flow.counts.levels.find(({ name }) => name === 'workload-low');
    expect(borrowed?.limit).toBeGreaterThan(before);
    // What others may not lend is theirs: 100 % of leader-election's nominal 25.
    expect(
      flow.counts.levels.find(({ name }) => name === 'leader-election')?.limit,
    ).toBeGreaterThanOrEqual(25);
    expect(
      flow.counts.levels.reduce((sum, { name, limit }) => sum + (name === 'exempt' ? 0 : limit), 0),
    ).toBeLessThanOrEqual(606);
  });

  test('an exempt request takes none', () => {
    const exempt = flow.classify(asked('admin', ['system:masters']));
    for (let request = 0; request < 5_000; request++) void flow.enter(exempt, 10);
    expect(flow.counts.levels.every(({ inUse }) => inUse === 0)).toBe(true);
  });

  test('a list takes one for each hundred objects, ten at most', () => {
    const low = flow.classify(asked(...account('default', 'app')));
    expect([0, 100, 101, 950, 50_000].map((count) => flow.seatsOfList(low, count))).toEqual([
      1, 1, 2, 10, 10,
    ]);
    const rest = { ...low, level: { name: 'catch-all', uid: '' } };
    expect(flow.seatsOfList(rest, 50_000)).toBe(1);
  });

  /** A level of three seats, all taken by one user's requests. */
  async function fullLevel(): Promise<Flow> {
    const queuing = { queues: 4, handSize: 2, queueLengthLimit: 5 };
    const limited = {
      nominalConcurrencyShares: 1,
      borrowingLimitPercent: 0,
      limitResponse: { type: 'Queue', queuing },
    };
    await put(priorityLevelKind, priorityLevel('tight', { type: 'Limited', limited }));
    const subjects = [{ kind: 'User', user: { name: 'jane' } }];
    const rules = [everythingOf(subjects)];
    await put(flowSchemaKind, flowSchema('janes', { level: 'tight', precedence: 50, rules }));
    const jane = flow.classify(asked('jane', []));
    const { limit = 0 } = flow.counts.levels.find(({ name }) => name === 'tight') ?? {};
    expect(limit).toBe(3);
    for (let request = 0; request < limit; request++) void flow.enter(jane, 1);
    return jane;
  }

  test('who waits too long is refused, and counted', async () => {
    const jane = await fullLevel();
    const waits = flow.enter(jane, 1);
    // The flood of this one flow took what there was for its level; another level is as it was.
    expect(waits).toBeInstanceOf(Promise);
    clock.advance(maxQueueWaitMs);
    await expect(waits).rejects.toMatchObject({
      code: 429,
      message: 'Too many requests, please try again later.',
      status: { details: { retryAfterSeconds: 1 } },
    });
    const node = flow.classify(asked('system:node:n', ['system:nodes']));
    expect(flow.enter(node, 1)).toBeInstanceOf(Function);
    expect([...flow.counts.rejected]).toEqual([['tight\0janes\0time-out', 1]]);
  });

  const refused = { code: 429, message: 'Too many requests, please try again later.' };

  test('who has named a shorter time waits no longer than that', async () => {
    const jane = await fullLevel();
    const waits = flow.enter(jane, 1, { lastsMs: 2_000 });
    clock.advance(1_999);
    expect(flow.counts.levels.find(({ name }) => name === 'tight')?.waiting).toBe(1);
    clock.advance(1);
    await expect(waits).rejects.toMatchObject(refused);
  });

  test('who has gone waits no longer, and never runs', async () => {
    const jane = await fullLevel();
    const client = new AbortController();
    const waits = flow.enter(jane, 1, client);
    client.abort();
    await expect(waits).rejects.toMatchObject(refused);
    await expect(flow.enter(jane, 1, client)).rejects.toMatchObject(refused);
    expect(flow.counts.levels.find(({ name }) => name === 'tight')?.waiting).toBe(0);
    expect([...flow.counts.rejected]).toEqual([['tight\0janes\0cancelled', 2]]);
  });
});
