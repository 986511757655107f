import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Namespace } from '../../../api/types/core.js';
import { deletionConditions, deletionOrder, Remaining } from './plan.js';

const pods = { group: '', resource: 'pods' };
const deployments = { group: 'apps', resource: 'deployments' };
const namespace: Namespace = { metadata: { name: 'gone' }, spec: { finalizers: ['kubernetes'] } };

function objects(...finalizers: string[][]): KubeObject[] {
  return finalizers.map((list, at) => ({ metadata: { name: `o${at}`, finalizers: list } }));
}

function told(remaining: Remaining, of = namespace): string[] {
  return deletionConditions(of, remaining, '2026-01-01T00:00:00Z').map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
}

test('nothing is left', () => {
  const remaining = new Remaining();
  remaining.add(pods, []);
  expect(remaining.isEmpty).toBe(true);
  expect(told(remaining)).toEqual([
    'NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered',
    'NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed',
    'NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization',
    'NamespaceContentRemaining=False ContentRemoved: All content successfully removed',
    'NamespaceFinalizersRemaining=False ContentHasNoFinalizers: All content-preserving finalizers finished',
  ]);
});

test('what is left is counted by resource and by finalizer, in the order of their names', () => {
  const remaining = new Remaining();
  remaining.add(pods, objects([], ['example.com/keep']));
  remaining.add(deployments, objects(['foregroundDeletion', 'example.com/keep']));
  expect(remaining.isEmpty).toBe(false);
  expect(told(remaining).slice(3)).toEqual([
    'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
    'NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/keep in 2 resource instances, foregroundDeletion in 1 resource instances',
  ]);
});

test('what could not be deleted is said', () => {
  const remaining = new Remaining();
  remaining.errors.push(new Error('no answer'), new Error('refused'));
  expect(remaining.isEmpty).toBe(false);
  expect(told(remaining)[2]).toBe(
    'NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: no answer, refused',
  );
});

test('a message has an end, whatever a server says', () => {
  const long = 'x'.repeat(40_000);
  const remaining = new Remaining(new Map([['a.example.com/v1', long]]));
  remaining.errors.push(new Error(long));
  const lengths = deletionConditions(namespace, remaining, 'now').map(
    ({ message = '' }) => message.length,
  );
  expect(Math.max(...lengths)).toBe(32_768);
  expect(lengths[0]).toBe(lengths[2]);
});

test('groups whose kinds are not known keep the namespace, and are told in order', () => {
  const stale = (name: string): [string, string] => [name, `stale GroupVersion discovery: ${name}`];
  const remaining = new Remaining(new Map([stale('b.example.com/v1'), stale('a.example.com/v1')]));
  expect(remaining.isEmpty).toBe(false);
  expect(told(remaining)[0]).toBe(
    'NamespaceDeletionDiscoveryFailure=True DiscoveryFailed: Discovery failed for some groups, 2 failing: ' +
      'unable to retrieve the complete list of server APIs: ' +
      'a.example.com/v1: stale GroupVersion discovery: a.example.com/v1, ' +
      'b.example.com/v1: stale GroupVersion discovery: b.example.com/v1',
  );
});

test('pods go first, those of the core group', () => {
  const metrics = { group: 'metrics.k8s.io', resource: 'pods' };
  expect(deletionOrder([deployments, metrics, pods])).toEqual([[pods], [deployments, metrics]]);
});

test('a group that is not known holds no content back', () => {
  const remaining = new Remaining(new Map([['a.example.com/v1', 'stale']]));
  expect([remaining.hasContent, remaining.isEmpty]).toEqual([false, false]);
});

test('a condition keeps its time until its status changes', () => {
  const remaining = new Remaining();
  const first = deletionConditions(namespace, remaining, 'early');
  const known = { ...namespace, status: { conditions: first } };
  remaining.add(pods, objects([]));
  const times = deletionConditions(known, remaining, 'late').map((c) => c.lastTransitionTime);
  expect(times).toEqual(['early', 'early', 'early', 'late', 'early']);
});
