import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Namespace } from '../../../api/types/core.js';
import type { StatusError } from '../status.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { customResources } from './custom-resources.js';
import { namespaceDefaults } from './namespace-defaults.js';
import { namespaceLifecycle } from './namespace-lifecycle.js';

let bench: ApiBench;
beforeEach(async () => {
  bench = await ApiBench.create();
});

const namespace = (name: string, more: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...metadata },
  ...more,
});
const map = (where: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', namespace: where },
});

describe('what is made in a namespace', () => {
  let plugin: AdmissionPlugin;
  beforeEach(() => {
    plugin = namespaceLifecycle(bench.objects);
  });

  test('passes while the namespace is there, be it since just now', async () => {
    await bench.add(namespace('a'));
    expect(await refusal(plugin, bench.request(map('a')))).toBeUndefined();
    expect(await refusal(plugin, bench.request(map('b')))).toBe('404 namespaces "b" not found');
    await bench.objects.create(bench.place(namespace('b')), namespace('b'));
    expect(await refusal(plugin, bench.request(map('b')))).toBeUndefined();
  });

  test.each([
    ['is deleted', namespace('a', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['is terminating', namespace('a', { status: { phase: 'Terminating' } })],
  ])('is refused while it %s', async (_, ending) => {
    await bench.add(ending);
    const refused = await admit(plugin, bench.request(map('a'))).catch((error: unknown) => error);
    const { status } = refused as StatusError;
    expect(status).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps "m" is forbidden: unable to create new content in namespace a ' +
        'because it is being terminated',
      details: {
        name: 'm',
        kind: 'configmaps',
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace a is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
    // What is there already may change, and go.
    expect(await refusal(plugin, bench.request(map('a'), { old: map('a') }))).toBeUndefined();
    const gone = bench.request(map('a'), { operation: 'DELETE', old: map('a') });
    expect(await refusal(plugin, gone)).toBeUndefined();
  });

  test('is not asked for what belongs to no namespace', () => {
    expect(plugin.handles(bench.request(namespace('a')))).toBe(false);
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'LocalSubjectAccessReview',
      metadata: { name: '', namespace: 'gone' },
    };
    expect(plugin.handles(bench.request(review))).toBe(false);
  });

  test.each([
    ['default', true],
    ['kube-system', true],
    ['kube-public', true],
    ['kube-node-lease', false],
    ['own', false],
  ])('the namespace %s lives for ever: %s', async (name, forEver) => {
    const gone = bench.request(namespace(name), { operation: 'DELETE', old: namespace(name) });
    const text = `403 namespaces "${name}" is forbidden: this namespace may not be deleted`;
    expect(await refusal(plugin, gone)).toBe(forEver ? text : undefined);
  });
});

describe('a namespace', () => {
  const plugin = namespaceDefaults();
  const label = 'kubernetes.io/metadata.name';

  test('is labelled with its name, held by its finalizer and active', async () => {
    const draft = namespace('a', { status: { phase: 'Terminating' } }, { labels: { b: 'c' } });
    const made = await admit<Namespace>(plugin, bench.request(draft));
    expect(made.metadata.labels).toEqual({ b: 'c', [label]: 'a' });
    expect(made.spec.finalizers).toEqual(['kubernetes']);
    expect(made.status).toEqual({ phase: 'Active' });
    const held = namespace('a', { spec: { finalizers: ['own', 'kubernetes'] } });
    const { spec } = await admit<Namespace>(plugin, bench.request(held));
    expect(spec.finalizers).toEqual(['own', 'kubernetes']);
  });

  test('keeps its label, and may lose its finalizer afterwards', async () => {
    const old = namespace('a', { spec: { finalizers: ['kubernetes'] } });
    const next = namespace('a', { spec: {} }, { labels: { [label]: 'other' } });
    const changed = await admit<Namespace>(plugin, bench.request(next, { old }));
    expect(changed.metadata.labels).toEqual({ [label]: 'a' });
    expect(changed.spec.finalizers).toBeUndefined();
    const ends = bench.request(next, { old, subresource: 'finalize' });
    expect((await admit<Namespace>(plugin, ends)).metadata.labels).toEqual({ [label]: 'other' });
  });
});

test('no new objects of a definition that goes away', async () => {
  const plugin = customResources(bench.objects);
  const definition = (metadata: object) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com', ...metadata },
  });
  const kind = {
    ...bench.kind('v1', 'ConfigMap'),
    group: 'example.com',
    plural: 'things',
    custom: true,
  };
  const request = bench.request(map('a'));
  const { context } = request;
  const custom = { ...request, context: { ...context, target: { ...context.target, kind } } };
  expect(await refusal(plugin, custom)).toBeUndefined();
  await bench.add(definition({}));
  expect(await refusal(plugin, custom)).toBeUndefined();
  await bench.remove(definition({}));
  await bench.add(definition({ deletionTimestamp: '2026-01-01T00:00:00Z' }));
  expect(await refusal(plugin, custom)).toBe(
    '405 create not allowed while custom resource definition is terminating',
  );
  expect(await refusal(plugin, request)).toBeUndefined();
});
