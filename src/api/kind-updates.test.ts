/** What kinds make of objects beside what was asked for, as Kubernetes 1.33 does. */
import { expect, test } from '@jest/globals';
import { builtInRegistry } from './kinds.js';
import type { KindDeclaration } from './kind.js';
import type { KubeObject } from './object.js';
import {
  applyDefaults,
  decodeObject,
  prepareCreate,
  prepareStatusUpdate,
  prepareUpdate,
} from './strategy.js';

const now = '2024-01-02T03:04:05Z';

function kindOf(name: string): KindDeclaration {
  const kind = builtInRegistry().byName(name);
  if (kind === undefined) throw new Error(name);
  return kind;
}

function created(name: string, fields: object, metadata: object = {}): KubeObject {
  const kind = kindOf(name);
  const { object } = decodeObject(kind, { metadata: { name: 'a', ...metadata }, ...fields });
  object.metadata.uid = 'u';
  applyDefaults(kind, object);
  prepareCreate(kind, object, { now });
  return object;
}

function updated(name: string, old: KubeObject, change: (next: KubeObject) => void): KubeObject {
  const next = structuredClone(old);
  change(next);
  prepareUpdate(kindOf(name), next, old, { now });
  return next;
}

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c' }] } };

test('a job without labels has those of its pods, the made ones too', () => {
  const labels = {
    a: 'b',
    'batch.kubernetes.io/controller-uid': 'u',
    'batch.kubernetes.io/job-name': 'a',
    'controller-uid': 'u',
    'job-name': 'a',
  };
  const job = created('job', { spec: { template } });
  expect(job).toMatchObject({ metadata: { labels }, spec: { manualSelector: false } });
  const { a: _a, ...made } = labels;
  const bare = created('job', { spec: { template: { spec: template.spec } } });
  expect(bare).toMatchObject({ metadata: { labels: made } });
  const own = created('job', { spec: { template } }, { labels: { own: 'x' } });
  expect(own.metadata.labels).toEqual({ own: 'x' });
});

test('a daemon set counts its templates', () => {
  const key = 'deprecated.daemonset.template.generation';
  const set = created('daemonset', { spec: { template } });
  expect(set.metadata.annotations).toEqual({ [key]: '1' });
  const same = updated('daemonset', set, ({ metadata }) => delete metadata.annotations);
  expect(same.metadata.annotations).toEqual({ [key]: '1' });
  const changed = updated('daemonset', set, (next) => {
    Object.assign((next as unknown as { spec: { template: object } }).spec.template, {
      metadata: { labels: { a: 'c' } },
    });
  });
  expect(changed.metadata.annotations).toEqual({ [key]: '2' });
});

test.each<[string, object, object, number | undefined]>([
  ['deployment', { spec: { template } }, { annotations: { x: 'y' } }, 2],
  ['deployment', { spec: { template } }, { labels: { x: 'y' } }, 1],
  ['endpointslice', { addressType: 'IPv4' }, { labels: { x: 'y' } }, 2],
  ['endpointslice', { addressType: 'IPv4' }, { annotations: { x: 'y' } }, 1],
  ['csidriver', { spec: {} }, { labels: { x: 'y' } }, undefined],
])('the generation of a %s %j that gets %j is %p', (name, fields, metadata, generation) => {
  const old = created(name, fields);
  const next = updated(name, old, (object) => Object.assign(object.metadata, metadata));
  expect(next.metadata.generation).toBe(generation);
});

test('a service account keeps nothing but the names of its secrets', () => {
  const account = created('serviceaccount', { secrets: [{ name: 's', namespace: 'n' }] });
  expect(account).toMatchObject({ secrets: [{ name: 's' }] });
  expect((account as unknown as { secrets: object[] }).secrets[0]).not.toHaveProperty('namespace');
});

test('the status of a stateful set has its zeros', () => {
  const set = created('statefulset', { spec: { serviceName: 's', template } });
  expect(set).toMatchObject({ status: { replicas: 0, availableReplicas: 0 } });
});

const metadata = {
  labels: { x: 'y' },
  annotations: { x: 'y' },
  finalizers: ['a.b/c'],
  ownerReferences: [{ apiVersion: 'v1', kind: 'Foo', name: 'x', uid: '1' }],
};

test.each<[string, readonly (keyof typeof metadata)[]]>([
  ['deployment', ['annotations', 'finalizers', 'ownerReferences']],
  ['job', ['labels', 'annotations', 'finalizers', 'ownerReferences']],
  ['customresourcedefinition', ['labels', 'annotations', 'finalizers', 'ownerReferences']],
  ['pod', ['labels', 'annotations', 'finalizers']],
  ['volumeattachment', []],
  ['servicecidr', []],
  ['validatingadmissionpolicy', []],
  ['apiservice', []],
])('a write through the status of a %s takes %j', (name, taken) => {
  const kind = kindOf(name);
  const old = { metadata: { name: 'a' } } as KubeObject;
  const next = { metadata: { name: 'a', ...metadata } } as unknown as KubeObject;
  prepareStatusUpdate(kind, next, old);
  const names = Object.keys(metadata).filter((field) => field in next.metadata);
  expect(names).toEqual(taken);
});
