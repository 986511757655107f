import { describe, expect, test } from '@jest/globals';
import type { KubeObject, OwnerReference } from '../api/object.js';
import type { RewindFacts } from './rewind.js';
import { rewound } from './rewind.js';

const owner = (uid: string): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: `owner-${uid}`,
  uid,
});

const object = (kind: string, fields: object, metadata: object = {}): KubeObject => ({
  kind,
  metadata: { name: 'web', ...metadata },
  ...fields,
});

const facts = (present?: KubeObject, there: readonly string[] = []): RewindFacts => ({
  present,
  isOwnerThere: ({ uid }) => there.includes(uid),
});

test('it takes the version of the present one, and brings no status back', () => {
  const old = object(
    'Deployment',
    { spec: { replicas: 1 }, status: { replicas: 1 } },
    { uid: 'u', resourceVersion: '3', generation: 1, labels: { a: 'b' }, managedFields: [] },
  );
  const present = object('Deployment', {}, { uid: 'u', resourceVersion: '9' });
  const body = { uid: 'u', resourceVersion: '9', labels: { a: 'b' } };
  expect(rewound(old, facts(present))).toEqual(
    object('Deployment', { spec: { replicas: 1 } }, body),
  );
  expect(rewound(old, facts()).metadata).toEqual({ name: 'web', labels: { a: 'b' } });
});

describe('metadata that others rely on', () => {
  test.each([
    ['a finalizer that came since stays', [], ['a'], ['a']],
    ['one that went since does not come back', ['a'], [], undefined],
    ['one of both stays', ['a', 'b'], ['b', 'c'], ['b', 'c']],
  ])('%s', (_, then, now, kept) => {
    const present = object('ConfigMap', {}, { uid: 'u', finalizers: now });
    const old = object('ConfigMap', {}, { uid: 'u', finalizers: then });
    expect(rewound(old, facts(present)).metadata.finalizers).toEqual(kept);
  });

  test.each([
    ['an owner that came since stays', [], [owner('1')], [owner('1')]],
    ['an object that was orphaned since stays so', [owner('1')], [], undefined],
  ])('%s', (_, then, now, kept) => {
    const present = object('ConfigMap', {}, { uid: 'u', ownerReferences: now });
    const old = object('ConfigMap', {}, { uid: 'u', ownerReferences: then });
    expect(rewound(old, facts(present)).metadata.ownerReferences).toEqual(kept);
  });

  test('one that is made anew has the finalizers that are not of its deletion', () => {
    const finalizers = ['example.com/a', 'foregroundDeletion', 'orphan'];
    const old = object('ConfigMap', {}, { uid: 'u', finalizers });
    expect(rewound(old, facts()).metadata.finalizers).toEqual(['example.com/a']);
  });

  test('and only owners that are there', () => {
    const ownerReferences = [owner('gone'), owner('there')];
    const old = object('ConfigMap', {}, { uid: 'u', ownerReferences });
    expect(rewound(old, facts(undefined, ['there'])).metadata.ownerReferences).toEqual([
      owner('there'),
    ]);
    expect(rewound(old, facts()).metadata).toEqual({ name: 'web' });
  });

  test('what was being deleted then is not deleted again', () => {
    const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    expect(rewound(object('Pod', {}, deletion), facts()).metadata).toEqual({ name: 'web' });
  });
});

describe('what a spec holds of an older uid', () => {
  const jobSpec = (uid: string, more: object = {}): object => ({
    spec: {
      parallelism: 2,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      template: {
        metadata: {
          labels: {
            app: 'x',
            'controller-uid': uid,
            'batch.kubernetes.io/controller-uid': uid,
            'job-name': 'web',
            'batch.kubernetes.io/job-name': 'web',
          },
        },
        spec: { containers: [] },
      },
      ...more,
    },
  });
  const specOf = (body: KubeObject): unknown => (body as { spec?: unknown }).spec;

  test('a Job that is made anew gets a selector of its own', () => {
    const body = rewound(object('Job', jobSpec('u1'), { uid: 'u1' }), facts());
    expect(specOf(body)).toEqual({
      parallelism: 2,
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [] } },
    });
  });

  test('one with a selector by hand keeps it', () => {
    const by = jobSpec('u1', { manualSelector: true }) as { readonly spec: object };
    expect(specOf(rewound(object('Job', by, { uid: 'u1' }), facts()))).toEqual(by.spec);
  });

  test('a Job of the same name keeps the selector and labels that it has', () => {
    const present = object('Job', jobSpec('u2', { parallelism: 5 }), { uid: 'u2' });
    const body = rewound(object('Job', jobSpec('u1'), { uid: 'u1' }), facts(present));
    expect(specOf(body)).toEqual((jobSpec('u2') as { readonly spec: object }).spec);
  });

  test('the same Job is as it was', () => {
    const old = object('Job', jobSpec('u1'), { uid: 'u1' });
    expect(specOf(rewound(old, facts(old)))).toEqual((jobSpec('u1') as { spec: object }).spec);
  });

  const service = (clusterIP: string, port: number): object => ({
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port }] },
  });

  test.each([
    ['the same Service', 'u1', '10.96.0.1'],
    ['another of its name', 'u2', '10.96.0.2'],
  ])('%s', (_, uid, address) => {
    const present = object('Service', service('10.96.0.2', 81), { uid });
    const old = object('Service', service('10.96.0.1', 80), { uid: 'u1' });
    expect(specOf(rewound(old, facts(present)))).toEqual(
      (service(address, 80) as { spec: object }).spec,
    );
  });

  test('one that is made anew asks for the address that it had', () => {
    const old = object('Service', service('10.96.0.1', 80), { uid: 'u1' });
    expect(specOf(rewound(old, facts()))).toEqual(
      (service('10.96.0.1', 80) as { spec: object }).spec,
    );
  });
});
