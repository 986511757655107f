import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import { awaitsDependents, awaitsOrphaning, Graph } from './graph.js';

const pods = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
const sets = {
  group: 'apps',
  version: 'v1',
  resource: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};

interface State {
  readonly owners?: readonly string[];
  readonly blocking?: boolean;
  readonly finalizers?: string[];
  readonly deleting?: boolean;
}

function object(uid: string, state: State = {}): KubeObject {
  const { owners = [], blocking = true, finalizers = [], deleting } = state;
  return {
    metadata: {
      name: uid,
      namespace: 'default',
      uid,
      finalizers,
      ownerReferences: owners.map((owner) => ({
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: owner,
        uid: owner,
        blockOwnerDeletion: blocking,
      })),
      ...(deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
  };
}

const foreground = { finalizers: ['foregroundDeletion'], deleting: true };

describe('what needs a look', () => {
  test('an object with owners, not one without', () => {
    const graph = new Graph();
    expect(graph.put(sets, object('set'))).toEqual([]);
    expect(graph.put(pods, object('pod', { owners: ['set'] }))).toEqual(['pod']);
  });

  test('the dependents of what is gone', () => {
    const graph = new Graph();
    graph.put(sets, object('set'));
    graph.put(pods, object('a', { owners: ['set'] }));
    graph.put(pods, object('b', { owners: ['set'] }));
    expect(graph.remove('set')).toEqual(['a', 'b']);
    expect(graph.get('set')).toBeUndefined();
  });

  test('what waits for its dependents, with each that goes', () => {
    const graph = new Graph();
    graph.put(sets, object('set'));
    graph.put(pods, object('a', { owners: ['set'] }));
    graph.put(pods, object('b', { owners: ['set'] }));
    expect(graph.put(sets, object('set', foreground))).toEqual(['set', 'a', 'b']);
    expect(graph.remove('a')).toEqual(['set']);
    expect(graph.remove('b')).toEqual(['set']);
  });

  test('a former owner whose dependent was set free', () => {
    const graph = new Graph();
    graph.put(sets, object('set', foreground));
    graph.put(pods, object('a', { owners: ['set'] }));
    expect(graph.put(pods, object('a'))).toEqual(['set']);
    expect(graph.get('set')?.dependents.size).toBe(0);
  });
});

describe('owners that are only heard of', () => {
  test('are virtual until they are seen', () => {
    const graph = new Graph();
    graph.put(pods, object('a', { owners: ['set'] }));
    expect(graph.get('set')).toMatchObject({
      virtual: true,
      key: { namespace: 'default', name: 'set' },
      reference: { uid: 'set' },
    });
    graph.put(sets, object('set'));
    expect(graph.get('set')?.virtual).toBe(false);
    expect([...(graph.get('set')?.dependents ?? [])]).toEqual(['a']);
  });

  test('are forgotten with their last dependent', () => {
    const graph = new Graph();
    graph.put(pods, object('a', { owners: ['set'] }));
    graph.put(pods, object('b', { owners: ['set'] }));
    graph.remove('a');
    expect(graph.get('set')).toBeDefined();
    graph.remove('b');
    expect(graph.get('set')).toBeUndefined();
  });
});

test('only dependents that block keep an owner from going', () => {
  const graph = new Graph();
  graph.put(sets, object('set', foreground));
  graph.put(pods, object('a', { owners: ['set'] }));
  graph.put(pods, object('b', { owners: ['set'], blocking: false }));
  const set = graph.get('set')!;
  expect(graph.dependents(set).map(({ uid }) => uid)).toEqual(['a', 'b']);
  expect(graph.blocking(set).map(({ uid }) => uid)).toEqual(['a']);
});

test.each([
  ['not deleted', { finalizers: ['foregroundDeletion', 'orphan'] }, false, false],
  ['foreground', foreground, true, false],
  ['orphan', { finalizers: ['orphan'], deleting: true }, false, true],
  ['another finalizer', { finalizers: ['example.com/x'], deleting: true }, false, false],
])('%s', (_, state, waits, orphans) => {
  const graph = new Graph();
  graph.put(sets, object('set', state));
  const set = graph.get('set')!;
  expect(awaitsDependents(set)).toBe(waits);
  expect(awaitsOrphaning(set)).toBe(orphans);
});

test('an object whose owners change moves', () => {
  const graph = new Graph();
  graph.put(sets, object('one'));
  graph.put(sets, object('two'));
  graph.put(pods, object('a', { owners: ['one'] }));
  expect(graph.put(pods, object('a', { owners: ['two'] }))).toEqual(['one', 'a']);
  expect(graph.get('one')?.dependents.size).toBe(0);
  expect([...(graph.get('two')?.dependents ?? [])]).toEqual(['a']);
});

test('an owner that is only heard of is forgotten when its last dependent names another', () => {
  const graph = new Graph();
  graph.put(pods, object('a', { owners: ['gone'] }));
  expect(graph.put(pods, object('a', { owners: ['two'] }))).toEqual(['a']);
  expect(graph.get('gone')).toBeUndefined();
});
