import { describe, expect, test } from '@jest/globals';
import type { KubeObject, OwnerReference } from '../../../api/object.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { AbsentOwners } from './absent.js';
import { Graph } from './graph.js';
import type { OwnerState } from './plan.js';
import { findOwner, judge, planStep, stateOfAnswer, strayReferences } from './plan.js';

const pods: CatalogEntry = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
};
const sets: CatalogEntry = {
  group: 'apps',
  version: 'v1',
  resource: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
const nodes: CatalogEntry = { ...pods, resource: 'nodes', kind: 'Node', namespaced: false };
const catalog = [pods, sets, nodes];

function owned(by: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'set', ...by };
}

interface State {
  readonly name?: string;
  readonly namespace?: string | null;
  readonly owners?: OwnerReference[];
  readonly finalizers?: string[];
  readonly deleting?: boolean;
}

function object(uid: string, state: State = {}): KubeObject {
  const { name = uid, namespace = 'default', owners = [], finalizers = [], deleting } = state;
  return {
    metadata: {
      name,
      uid,
      ...(namespace === null ? {} : { namespace }),
      finalizers,
      ownerReferences: owners,
      ...(deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
  };
}

const foreground = { finalizers: ['foregroundDeletion'], deleting: true };
const blocking = owned({ blockOwnerDeletion: true });

describe('the first step', () => {
  test.each<[string, State, object]>([
    ['no owners', {}, { type: 'leave' }],
    ['owners', { owners: [owned({ uid: 'other' })] }, { type: 'judge' }],
    [
      'being deleted already',
      { owners: [owned({ uid: 'other' })], deleting: true },
      { type: 'leave' },
    ],
    ['held by a finalizer of others', { finalizers: ['x/y'], deleting: true }, { type: 'leave' }],
    ['foreground without dependents', foreground, { type: 'finishForeground' }],
    [
      'a finalizer before the deletion',
      { finalizers: ['foregroundDeletion', 'orphan'] },
      { type: 'leave' },
    ],
    [
      'orphan before foreground',
      { finalizers: ['foregroundDeletion', 'orphan'], deleting: true },
      { type: 'orphan', dependents: [] },
    ],
  ])('%s', (_name, state, step) => {
    const graph = new Graph();
    graph.put(sets, object('set', state));
    expect(planStep(graph, graph.get('set')!)).toEqual(step);
  });

  test('foreground: dependents that block and are not yet deleted are looked at', () => {
    const graph = new Graph();
    graph.put(sets, object('set', foreground));
    graph.put(pods, object('a', { owners: [blocking] }));
    graph.put(pods, object('b', { owners: [blocking], deleting: true }));
    graph.put(pods, object('free', { owners: [owned()] }));
    const uids = ['a'];
    expect(planStep(graph, graph.get('set')!)).toEqual({ type: 'awaitDependents', uids });
    graph.remove('a');
    expect(planStep(graph, graph.get('set')!)).toEqual({ type: 'awaitDependents', uids: [] });
    graph.remove('b');
    expect(planStep(graph, graph.get('set')!)).toEqual({ type: 'finishForeground' });
  });

  test('orphan: all dependents are set free, blocking or not', () => {
    const graph = new Graph();
    graph.put(sets, object('set', { finalizers: ['orphan'], deleting: true }));
    graph.put(pods, object('a', { owners: [blocking] }));
    graph.put(pods, object('b', { owners: [owned()] }));
    expect(planStep(graph, graph.get('set')!)).toMatchObject({
      type: 'orphan',
      dependents: [{ uid: 'a' }, { uid: 'b' }],
    });
  });

  test('an owner that is only heard of is left', () => {
    const graph = new Graph();
    graph.put(pods, object('a', { owners: [owned()] }));
    expect(planStep(graph, graph.get('set')!)).toEqual({ type: 'leave' });
  });
});

describe('the state of an owner', () => {
  const find = (
    reference: OwnerReference,
    owner: readonly [CatalogEntry, KubeObject] | undefined,
    from: string | null = 'default',
    absent = new AbsentOwners(),
  ) => {
    const graph = new Graph();
    if (owner !== undefined) graph.put(...owner);
    graph.put(pods, object('a', { namespace: from, owners: [reference] }));
    return findOwner(graph.get('a')!, reference, {
      graph,
      absent,
      byKind: (apiVersion, kind) =>
        catalog.find((entry) => entry.kind === kind && apiVersion.startsWith(entry.group)),
    });
  };
  const asks = { ask: sets, place: { reference: owned(), namespace: 'default' } };

  test.each([
    ['there', owned(), object('set'), { state: 'solid' }],
    [
      'there under another version',
      owned({ apiVersion: 'apps/v1beta1' }),
      object('set'),
      { state: 'solid' },
    ],
    ['waits for its dependents', owned(), object('set', foreground), { state: 'waiting' }],
    [
      'deleted with a finalizer of others',
      owned(),
      object('set', { finalizers: ['x/y'], deleting: true }),
      { state: 'solid' },
    ],
    ['not seen', owned(), undefined, asks],
    ['in another namespace', owned(), object('set', { namespace: 'other' }), asks],
    ['under another name', owned(), object('set', { name: 'renamed' }), asks],
  ])('%s', (_name, reference, owner, finding) => {
    expect(find(reference, owner === undefined ? undefined : [sets, owner])).toEqual(finding);
  });

  test('a uid of another kind is no owner', () => {
    expect(find(owned(), [pods, object('set')])).toEqual(asks);
  });

  test('a cluster-scoped owner is found from any namespace, and asked for without one', () => {
    const reference = owned({ apiVersion: 'v1', kind: 'Node' });
    const node = object('set', { namespace: null });
    expect(find(reference, [nodes, node])).toEqual({ state: 'solid' });
    expect(find(reference, undefined)).toEqual({ ask: nodes, place: { reference } });
  });

  test('a cluster-scoped object with a namespaced owner is left for ever', () => {
    const never = { state: 'unknown', retry: false };
    expect(find(owned(), undefined, null)).toEqual(never);
    expect(find(owned(), [sets, object('set')], null)).toEqual(never);
  });

  test('a kind that nobody knows may yet come', () => {
    const reference = owned({ apiVersion: 'example.com/v1', kind: 'Thing' });
    expect(find(reference, undefined)).toEqual({ state: 'unknown', retry: true });
  });

  test('what was looked for in vain is dangling, where it was looked for', () => {
    const absent = new AbsentOwners();
    absent.add({ reference: owned(), namespace: 'other' });
    expect(find(owned(), undefined, 'default', absent)).toEqual(asks);
    absent.add({ reference: owned({ apiVersion: 'apps/v1beta1' }), namespace: 'default' });
    expect(find(owned(), undefined, 'default', absent)).toEqual({ state: 'dangling' });
  });

  test.each([
    ['NotFound', undefined, 'dangling'],
    ['one of the same name, made since', object('younger', { name: 'set' }), 'dangling'],
    ['the owner', object('set'), 'solid'],
    ['the owner, waiting for its dependents', object('set', foreground), 'waiting'],
  ])('by the answer of the API server: %s', (_name, answer, state) => {
    expect(stateOfAnswer(owned(), answer)).toBe(state);
  });
});

test('only the last 500 absent owners are remembered', () => {
  const absent = new AbsentOwners();
  const place = (at: number) => ({ reference: owned({ uid: `u${at}` }), namespace: 'default' });
  for (let at = 0; at <= 500; at++) absent.add(place(at));
  expect([0, 1, 500].map((at) => absent.has(place(at)))).toEqual([false, true, true]);
});

test('a reference to an owner in another namespace is told of', () => {
  const graph = new Graph();
  graph.put(sets, object('set', { namespace: 'other' }));
  graph.put(pods, object('a', { owners: [owned(), owned({ uid: 'unseen' })] }));
  expect(strayReferences(graph.get('a')!, graph)).toEqual([
    'ownerRef [apps/v1/ReplicaSet, namespace: default, name: set, uid: set] does not exist in namespace "default"',
  ]);
  graph.put(nodes, object('set', { namespace: null }));
  expect(strayReferences(graph.get('a')!, graph)).toEqual([]);
});

describe('the judgement by the owners', () => {
  const [background, inForeground, orphaned] = (
    ['Background', 'Foreground', 'Orphan'] as const
  ).map((policy) => ({ type: 'delete', policy, unblock: false }) as const);
  const drops = (...uids: string[]) => ({ type: 'dropOwners', uids: new Set(uids) });

  test.each<[string, OwnerState[], string[], object]>([
    ['all there', ['solid', 'solid'], [], { type: 'leave', retry: false }],
    ['one left of two', ['dangling', 'solid'], [], drops('u0')],
    ['one left, one waits', ['waiting', 'solid'], [], drops('u0')],
    ['none left', ['dangling', 'dangling'], [], background!],
    ['the only one waits', ['waiting'], [], background!],
    [
      'one is gone, one cannot be told',
      ['dangling', 'unknown'],
      [],
      { type: 'leave', retry: true },
    ],
    ['none left, its own dependents are kept', ['dangling'], ['orphan'], orphaned!],
    ['none left, its own dependents go first', ['dangling'], ['foregroundDeletion'], inForeground!],
  ])('%s', (_name, states, finalizers, judgement) => {
    const graph = new Graph();
    const owners = states.map((state, at) => {
      const reference = owned({ uid: `u${at}` });
      return { reference, state, ...(state === 'unknown' ? { retry: true } : {}) };
    });
    graph.put(pods, object('a', { owners: owners.map(({ reference }) => reference), finalizers }));
    expect(judge(graph.get('a')!, owners, [])).toEqual(judgement);
  });

  test.each([
    ['an owner that waits is followed in its way', { owners: [] }, blocking, false],
    ['a circle of objects that wait is broken', { owners: [], ...foreground }, blocking, true],
    [
      'a circle that does not block needs no breaking',
      { owners: [], ...foreground },
      owned(),
      false,
    ],
  ])('%s', (_name, state: State, reference, unblock) => {
    const graph = new Graph();
    graph.put(sets, object('set', { owners: [reference] }));
    graph.put(pods, object('a', { ...state, owners: [owned()] }));
    const node = graph.get('set')!;
    const owners = [{ reference, state: 'waiting' as const }];
    const policy = 'Foreground';
    expect(judge(node, owners, graph.dependents(node))).toEqual({
      type: 'delete',
      policy,
      unblock,
    });
  });
});
