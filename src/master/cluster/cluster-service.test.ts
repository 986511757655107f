import { describe, expect, test } from '@jest/globals';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import type { ClusterStatus } from '../../gen/cluster.js';
import { ManualClock } from '../../lib/clock.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Authorization } from '../apiserver/authz/authorizers.js';
import { clusterAuthorizer } from './cluster-access.js';
import { createClusterHandlers } from './cluster-service.js';
import { maxObservers, maxObserversOfUser, Observers } from './observers.js';
import { calling } from './testkit/calling.js';
import { FakeStore } from './testkit/fake-store.js';
import { parseToken, tokenAllows } from './tokens.js';

interface Rig {
  readonly clock: ManualClock;
  readonly client: FakeApi;
  readonly store: FakeStore;
  readonly handlers: ReturnType<typeof createClusterHandlers>;
  /** The verbs that were asked about. */
  readonly asked: string[];
}

function rig(): Rig {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const client = new FakeApi();
  const store = new FakeStore();
  store.add(1);
  store.add(2);
  const asked: string[] = [];
  const handlers = createClusterHandlers({
    client,
    store,
    clock,
    name: 'm1',
    caHash: () => Promise.resolve('sha256:00'),
    observers: new Observers({ client, store, clock, name: 'm1' }),
    authorize: async (_context, verb) => void asked.push(verb),
  });
  return { clock, client, store, handlers, asked };
}

/** The record of the master m1. */
async function announce(client: FakeApi): Promise<void> {
  await client.create(resources.leases, {
    metadata: {
      name: 'master-m1',
      namespace: 'kube-system',
      labels: { 'trireme.dev/master': 'true' },
      annotations: {
        'trireme.dev/build': '0.1.0+g1a2b3c4d5e',
        'trireme.dev/certificates-end': '2027-01-01T00:00:00.000Z',
      },
    },
    spec: { holderIdentity: 'm1' },
  });
}

describe('the status', () => {
  test('is of the members, of who leads, and of the nodes', async () => {
    const { client, store, handlers, asked } = rig();
    store.silent.add('https://10.0.0.2:2379');
    const lease = { metadata: { name: 'kube-scheduler', namespace: 'kube-system' } };
    const spec = { holderIdentity: 'm2', renewTime: '2026-01-01T00:00:00Z' };
    await client.create(resources.leases, { ...lease, spec });
    await announce(client);
    await client.create(resources.nodes, {
      metadata: {
        name: 'n1',
        annotations: {
          'trireme.dev/certificates-end': '2027-02-01T00:00:00.000Z',
          'trireme.dev/netproxy': 'lagging iptables 0.1.0+g1a2b3c4d5e',
        },
      },
      status: {
        addresses: [{ type: 'InternalIP', address: '10.0.0.11' }],
        conditions: [{ type: 'Ready', status: 'False', message: 'no network' }],
        nodeInfo: { kubeletVersion: 'v1.33.1+trireme.0.1.0.g1a2b3c4d5e' },
      },
    });
    await client.create(resources.nodes, {
      metadata: { name: 'n2', annotations: { 'trireme.dev/netproxy': 'running' } },
      status: { conditions: [{ type: 'Ready', status: 'Unknown', message: 'no news' }] },
    });
    const silent = { term: 0, raftIndex: 0, appliedIndex: 0, revision: 0, dbSizeBytes: 0 };
    await expect(handlers.status({}, calling({}))).resolves.toEqual({
      time: '2026-01-01T00:00:00.000Z',
      answeredBy: 'm1',
      members: [
        {
          id: 1n,
          name: 'm1',
          clientUrl: 'https://10.0.0.1:2379',
          learner: false,
          reachable: true,
          leader: true,
          term: 3,
          raftIndex: 20,
          appliedIndex: 19,
          revision: 7,
          dbSizeBytes: 4096,
          version: '3.5.0',
          build: '0.1.0+g1a2b3c4d5e',
          certificatesEnd: '2027-01-01T00:00:00.000Z',
          error: '',
        },
        {
          id: 2n,
          name: 'm2',
          clientUrl: 'https://10.0.0.2:2379',
          learner: false,
          reachable: false,
          leader: false,
          ...silent,
          version: '',
          build: '',
          certificatesEnd: '',
          error: expect.stringContaining('it is silent'),
        },
      ],
      leaders: [
        { component: 'kube-scheduler', holder: 'm2', renewTime: '2026-01-01T00:00:00Z' },
        { component: 'kube-controller-manager', holder: '', renewTime: '' },
      ],
      nodes: [
        {
          name: 'n1',
          address: '10.0.0.11',
          ready: false,
          message: 'no network',
          build: '0.1.0+g1a2b3c4d5e',
          certificatesEnd: '2027-02-01T00:00:00.000Z',
          netproxy: { state: 'lagging', mode: 'iptables', build: '0.1.0+g1a2b3c4d5e' },
        },
        {
          name: 'n2',
          address: '',
          ready: false,
          message: 'no news',
          build: '',
          certificatesEnd: '',
          netproxy: { state: 'unknown', mode: '', build: '' },
        },
      ],
    });
    expect(asked).toEqual(['get']);
  });

  test('has the members by their names, those that are joining last', async () => {
    const { store, handlers } = rig();
    store.add(0);
    store.members.unshift({ id: 9n, name: '', peerUrls: [], clientUrls: [], learner: true });
    const { members } = await handlers.status({}, calling({}));
    expect(members.map(({ name }) => name)).toEqual(['m0', 'm1', 'm2', '']);
  });

  test('keeps the last view of an API that does not answer, and asks the members all the same', async () => {
    const { clock, client, store, handlers } = rig();
    await client.create(resources.nodes, { metadata: { name: 'n1' } });
    await handlers.status({}, calling({}));
    client.intercept = () => {
      throw new ApiError(503, 'ServiceUnavailable', 'no leader');
    };
    store.leader = 2n;
    clock.advance(1500);
    const status = await handlers.status({}, calling({}));
    expect(status.nodes.map(({ name }) => name)).toEqual(['n1']);
    expect(status.members.map(({ leader }) => leader)).toEqual([false, true]);
  });
});

test('who watches is told at once of what matters, and each second of the rest', async () => {
  const { clock, store, handlers } = rig();
  const sent: ClusterStatus[] = [];
  const ending = new AbortController();
  const stream = {
    send: (status: ClusterStatus) => {
      sent.push(status);
      return true;
    },
    drained: () => Promise.resolve(),
  };
  const watching = handlers.watch({}, stream as never, calling({ signal: ending.signal }));
  const turn = async (ms: number): Promise<number> => {
    clock.advance(ms);
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    return sent.length;
  };
  expect(await turn(0)).toBe(1);
  expect(await turn(100)).toBe(1);
  store.leader = 2n;
  expect(await turn(100)).toBe(2);
  for (let at = 0; at < 9; at++) expect(await turn(100)).toBe(2);
  expect(await turn(100)).toBe(3);
  ending.abort();
  await watching;
  expect(clock.pending).toBe(0);
});

describe('a token', () => {
  test('is made for what it is asked for, and lives for a day unless another time is asked for', async () => {
    const { clock, client, handlers, asked } = rig();
    const made = await handlers.createToken({ usages: ['worker'], ttlSeconds: 0 }, calling({}));
    expect(made).toMatchObject({ caHash: 'sha256:00', expires: '2026-01-02T00:00:00.000Z' });
    const token = parseToken(made.token);
    await expect(tokenAllows({ client, clock, token: token!, usage: 'worker' })).resolves.toBe(
      true,
    );
    const short = await handlers.createToken({ usages: ['master'], ttlSeconds: 60 }, calling({}));
    expect(short.expires).toBe('2026-01-01T00:01:00.000Z');
    expect(asked).toEqual(['create', 'create']);
  });

  test('for anything else is not made', async () => {
    const { client, handlers } = rig();
    await expect(
      handlers.createToken({ usages: ['admin'], ttlSeconds: 0 }, calling({})),
    ).rejects.toMatchObject({ code: Code.InvalidArgument });
    expect(client.writes).toEqual([]);
  });
});

describe('who may', () => {
  const paths: string[] = [];
  const authorization = {
    decide: async ({ path, user }: { path: string; user: { name: string } }) => {
      paths.push(`${user.name} ${path}`);
      return { allowed: user.name === 'alice' };
    },
  } as unknown as Authorization;
  const authorize = clusterAuthorizer(authorization);
  const as = (commonName: string, ...organizations: string[]) =>
    calling({ certificate: { commonName, organizations } });
  const codeOf = (error: unknown): unknown => (error instanceof GrpcError ? error.code : error);

  test.each([
    ['look', 'nobody', undefined, 'get', Code.Unauthenticated],
    ['look', 'whoever has the right', as('alice'), 'get', undefined],
    ['look', 'another', as('bob'), 'get', Code.PermissionDenied],
    ['make a token', 'nobody', undefined, 'create', Code.Unauthenticated],
    ['make a token', 'whoever has the right to look', as('alice'), 'create', Code.PermissionDenied],
    ['make a token', 'an administrator', as('root', 'system:masters'), 'create', undefined],
  ] as const)('%s: %s', async (_, _who, context, verb, code) => {
    const answer = await authorize(context ?? calling({}), verb).then(() => undefined, codeOf);
    expect(answer).toBe(code);
  });

  test('is asked as for a path', () => {
    expect(paths).toEqual(['alice /trireme/cluster', 'bob /trireme/cluster']);
  });
});

test('nobody takes all places of those who observe', async () => {
  const { handlers } = rig();
  const abort = new AbortController();
  const observing: Promise<void>[] = [];
  const observe = (commonName: string): Promise<void> => {
    const stream = { send: () => true, drained: () => Promise.resolve(), ended: false };
    const context = calling({ certificate: { commonName }, signal: abort.signal });
    return handlers.observe({ cursors: [] }, stream as never, context);
  };
  const fill = (name: string, count: number): void => {
    for (let n = 0; n < count; n++) observing.push(observe(name));
  };
  fill('a', maxObserversOfUser);
  // Each call is asked about first, which takes a turn.
  await new Promise((resolve) => setImmediate(resolve));
  await expect(observe('a')).rejects.toMatchObject({
    code: Code.ResourceExhausted,
    message: `${maxObserversOfUser} callers observe already as "a"`,
  });
  fill('b', maxObservers - maxObserversOfUser);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(observe('c')).rejects.toMatchObject({
    message: `${maxObservers} callers observe already`,
  });
  abort.abort();
  await Promise.all(observing);
});
