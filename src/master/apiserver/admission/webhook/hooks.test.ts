import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Asked, Draft } from '../../testkit/api-bench.js';
import { ApiBench } from '../../testkit/api-bench.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { HookSource } from './hooks.js';

let bench: ApiBench;
let source: HookSource;
beforeEach(async () => {
  bench = await ApiBench.create();
  source = new HookSource(bench.watchCache, 'validatingwebhookconfigurations');
  await bench.add({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'ns', labels: { env: 'prod' } },
  } as Draft);
});

const any = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] };

const configure = (name: string, ...hooks: object[]): Promise<void> =>
  bench.add({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: hooks.map((hook, at) => ({ name: `${name}-${at}`, rules: [any], ...hook })),
  } as Draft);

const pod = (labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', labels },
});
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } };
const namespace = (labels: object) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'ns', labels },
});

const names = (draft: object, asked: Asked = {}): string[] =>
  source.matching(bench.request(draft as Draft, asked)).map(({ hook }) => hook.name);

describe('a rule', () => {
  test.each<[string, object, object, Asked, boolean]>([
    ['everything', any, pod(), {}, true],
    ['its operation', { operations: ['CREATE'] }, pod(), {}, true],
    ['another operation', { operations: ['UPDATE', 'DELETE'] }, pod(), {}, false],
    ['its group', { apiGroups: [''] }, pod(), {}, true],
    ['another group', { apiGroups: ['apps'] }, pod(), {}, false],
    ['its version', { apiVersions: ['v2', 'v1'] }, pod(), {}, true],
    ['another version', { apiVersions: ['v1beta1'] }, pod(), {}, false],
    ['no operation at all', { operations: [] }, pod(), {}, false],
    ['its resource', { resources: ['pods'] }, pod(), {}, true],
    [
      'its resource is not its parts',
      { resources: ['pods'] },
      pod(),
      { subresource: 'status' },
      false,
    ],
    [
      'all resources are not their parts',
      { resources: ['*'] },
      pod(),
      { subresource: 'status' },
      false,
    ],
    ['its part', { resources: ['pods/status'] }, pod(), { subresource: 'status' }, true],
    ['its part is not itself', { resources: ['pods/status'] }, pod(), {}, false],
    ['its part of any', { resources: ['*/status'] }, pod(), { subresource: 'status' }, true],
    ['all its parts, and itself', { resources: ['pods/*'] }, pod(), {}, true],
    ['all parts of others', { resources: ['nodes/*'] }, pod(), { subresource: 'status' }, false],
    ['in namespaces', { scope: 'Namespaced' }, pod(), {}, true],
    ['in namespaces, not of the cluster', { scope: 'Namespaced' }, node, {}, false],
    ['of the cluster', { scope: 'Cluster' }, node, {}, true],
    ['of the cluster, not in namespaces', { scope: 'Cluster' }, pod(), {}, false],
    ['a namespace is of the cluster', { scope: 'Cluster' }, namespace({}), {}, true],
    ['a namespace is in none', { scope: 'Namespaced' }, namespace({}), {}, false],
    ['anywhere', { scope: '*' }, node, {}, true],
  ])('of %s', async (_, rule, draft, asked, matches) => {
    await configure('a', { rules: [{ ...any, ...rule }] });
    expect(names(draft, asked)).toEqual(matches ? ['a-0'] : []);
  });

  test('is one of several', async () => {
    const never = { ...any, resources: ['nodes'] };
    await configure('a', { rules: [never, any] }, { rules: [] }, { rules: [never] });
    expect(names(pod())).toEqual(['a-0']);
  });
});

describe('a selector', () => {
  const inProd = { matchLabels: { env: 'prod' } };
  const inTest = { matchLabels: { env: 'test' } };

  test('of namespaces reads the labels of the object’s namespace', async () => {
    await configure('a', { namespaceSelector: inProd }, { namespaceSelector: inTest }, {});
    expect(names(pod())).toEqual(['a-0', 'a-2']);
    // What is in no namespace matches whatever is asked of one.
    expect(names(node)).toEqual(['a-0', 'a-1', 'a-2']);
  });

  test('of namespaces reads the labels of a namespace as it will be', async () => {
    await configure('a', { namespaceSelector: inProd }, { namespaceSelector: inTest });
    const old = namespace({ env: 'prod' });
    expect(names(namespace({ env: 'test' }), { old })).toEqual(['a-1']);
    expect(names(old, { operation: 'DELETE', old })).toEqual(['a-0']);
  });

  test('of objects reads the labels before and after', async () => {
    const selector = { matchLabels: { app: 'web' } };
    await configure('a', { objectSelector: selector });
    const [web, other] = [pod({ app: 'web' }), pod({ app: 'other' })];
    expect(names(web)).toEqual(['a-0']);
    expect(names(other)).toEqual([]);
    expect(names(other, { old: web })).toEqual(['a-0']);
    expect(names(web, { old: other })).toEqual(['a-0']);
    expect(names(other, { old: other })).toEqual([]);
    expect(names(web, { operation: 'DELETE', old: web })).toEqual(['a-0']);
  });

  test('of objects takes no connection, since that has no labels', async () => {
    await configure('a', { objectSelector: { matchLabels: {} } }, { objectSelector: inProd }, {});
    const exec = { operation: 'CONNECT', subresource: 'exec' } as const;
    expect(names(pod({ env: 'prod' }), exec)).toEqual(['a-0', 'a-2']);
  });
});

test('configurations count in the order of their names, hooks in theirs', async () => {
  expect(source.isEmpty).toBe(true);
  await configure('b', {}, {});
  await configure('a', {});
  expect(source.isEmpty).toBe(false);
  expect(names(pod())).toEqual(['a-0', 'b-0', 'b-1']);
});

describe('a custom resource', () => {
  const asked = (): AdmissionRequest => {
    const request = bench.request(pod());
    const { context } = request;
    const { schema } = context.target.kind;
    const schemas = new Map(['v1', 'v2', 'v3'].map((version) => [version, schema]));
    const versions = { stored: 'v1', schemas, webhook: undefined };
    const own = { group: 'example.com', version: 'v2', custom: true, versions };
    const kind = { ...context.target.kind, ...own };
    return { ...request, context: { ...context, target: { ...context.target, kind } } };
  };
  const rules = (...versions: string[]): object => ({
    rules: [{ ...any, apiVersions: versions }],
  });
  const versions = (): string[] => source.matching(asked()).map(({ as }) => as.version);

  test('is sent in its own version where a rule has that, else in the rule’s', async () => {
    await configure('a', rules('v1', 'v2'), rules('v1'), rules('*'));
    // A version that there is not is passed over.
    await configure('b', rules('v9', 'v3'), rules('v9'));
    expect(versions()).toEqual(['v2', 'v1', 'v2', 'v3']);
  });

  test('is not sent in another version where the policy is exact', async () => {
    const exact = { matchPolicy: 'Exact' };
    await configure('a', { ...rules('v1'), ...exact }, { ...rules('v2'), ...exact });
    expect(versions()).toEqual(['v2']);
  });
});

describe('a resource that has equivalents', () => {
  const named = (apiGroups: string, apiVersions: string, resources: string) => ({
    rules: [{ ...any, apiGroups: [apiGroups], apiVersions: [apiVersions], resources: [resources] }],
  });
  const scaler = (version: string) => ({
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'ns' },
  });
  const event = (apiVersion: string) => ({ ...scaler('v2'), apiVersion, kind: 'Event' });

  test.each<[string, object, object, Asked, string[]]>([
    [
      'its own version',
      scaler('v2'),
      named('autoscaling', '*', 'horizontalpodautoscalers'),
      {},
      ['autoscaling/v2'],
    ],
    [
      'another version',
      scaler('v2'),
      named('autoscaling', 'v1', 'horizontalpodautoscalers'),
      {},
      ['autoscaling/v1'],
    ],
    [
      'its part in another version',
      scaler('v1'),
      named('autoscaling', 'v2', '*/status'),
      { subresource: 'status' },
      ['autoscaling/v2'],
    ],
    [
      'another group',
      event('v1'),
      named('events.k8s.io', 'v1', 'events'),
      {},
      ['events.k8s.io/v1'],
    ],
    ['the core group', event('events.k8s.io/v1'), named('', 'v1', 'events'), {}, ['/v1']],
    ['a version that is not served', scaler('v2'), named('autoscaling', 'v2beta2', '*'), {}, []],
    ['a namesake', pod(), named('metrics.k8s.io', 'v1beta1', 'pods'), {}, []],
  ])('is meant by %s', async (_, draft, config, asked, found) => {
    await configure('a', config, { ...config, matchPolicy: 'Exact' });
    const matches = source.matching(bench.request(draft as Draft, asked));
    // The hook that is exact is asked in the request's own version only.
    expect(matches.map(({ as }) => `${as.group}/${as.version}`).slice(0, 1)).toEqual(found);
    const own = bench.kind((draft as Draft).apiVersion, (draft as Draft).kind);
    expect(matches.slice(1).every(({ as }) => as === own)).toBe(true);
  });
});
