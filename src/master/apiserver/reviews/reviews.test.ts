import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import { Authenticator } from '../authn/authenticator.js';
import type { Attributes } from '../authz/attributes.js';
import { chain } from '../authz/authorizers.js';
import { RbacAuthorizer } from '../authz/rbac.js';
import type { UserInfo } from '../registry/types.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench, somebody } from '../testkit/api-bench.js';
import { reviewAnswers } from './reviews.js';

let bench: ApiBench;
let asked: Attributes[];
let answers: ReturnType<typeof reviewAnswers>;
const joe: UserInfo = { name: 'joe', uid: 'u', groups: ['dev'], extra: { scopes: ['a'] } };

beforeEach(async () => {
  bench = await ApiBench.create();
  asked = [];
  const authorize = (attributes: Attributes) => {
    asked.push(attributes);
    const allowed = attributes.verb === 'get' || attributes.path === '/version';
    return allowed ? { allowed, reason: 'RBAC: allowed' } : undefined;
  };
  const tokens = [
    { authenticate: (token: string) => Promise.resolve(token === 'joes' ? joe : undefined) },
  ];
  answers = reviewAnswers({
    authorization: chain([{ authorize }]),
    rbac: new RbacAuthorizer(bench.watchCache),
    authenticator: new Authenticator({ tokens, allowAnonymous: true, clock: bench.clock }),
    tokens: undefined,
  });
});

/** The review with its answer. */
async function review(
  kind: string,
  spec: object | undefined,
  more: { user?: UserInfo; metadata?: object; namespace?: string } = {},
): Promise<Record<string, unknown>> {
  const group =
    kind === 'TokenReview' || kind === 'SelfSubjectReview' ? 'authentication' : 'authorization';
  const draft: Draft = {
    apiVersion: `${group}.k8s.io/v1`,
    kind,
    metadata: { name: '', namespace: more.namespace ?? '' },
  };
  const answer = answers.get(`${group}.k8s.io/${kind}`);
  if (answer === undefined) throw new Error(kind);
  const object = { ...draft, metadata: more.metadata ?? {}, spec } as unknown as KubeObject;
  const context = bench.context(draft, { user: more.user ?? somebody });
  return (await answer(context, object)) as unknown as Record<string, unknown>;
}

const pods = { verb: 'get', resource: 'pods', namespace: 'ns', name: 'p', subresource: 'log' };

describe('a review of access', () => {
  test('of oneself asks about who asks', async () => {
    const given = { resourceAttributes: pods };
    const { spec, status } = await review('SelfSubjectAccessReview', given);
    expect(spec).toEqual(given);
    expect(status).toEqual({ allowed: true, reason: 'RBAC: allowed' });
    expect(asked).toEqual([
      { ...pods, user: somebody, isResource: true, group: '', version: '', path: '' },
    ]);
  });

  test('of another asks about them as they are described, and of paths', async () => {
    const spec = {
      user: 'joe',
      groups: ['dev'],
      extra: { a: ['b'] },
      nonResourceAttributes: { path: '/metrics', verb: 'post' },
    };
    const { status } = await review('SubjectAccessReview', spec);
    expect(status).toEqual({ allowed: false });
    expect(asked).toMatchObject([
      {
        user: { name: 'joe', groups: ['dev'], extra: { a: ['b'] } },
        isResource: false,
        path: '/metrics',
        verb: 'post',
      },
    ]);
  });

  const both = { resourceAttributes: pods, nonResourceAttributes: { path: '/a', verb: 'get' } };
  const someone = { user: 'joe' };
  test.each<[string, object, object, string]>([
    [
      'SelfSubjectAccessReview',
      {},
      {},
      'spec.resourceAttributes: Invalid value: "null": ' +
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    ],
    [
      'SelfSubjectAccessReview',
      both,
      {},
      'spec.nonResourceAttributes: Invalid value: ' +
        'authorization.NonResourceAttributes{Path:"/a", Verb:"get"}: ' +
        'cannot be specified in combination with resourceAttributes',
    ],
    [
      'SubjectAccessReview',
      { resourceAttributes: pods },
      {},
      'spec.user: Invalid value: "": at least one of user or group must be specified',
    ],
    [
      'LocalSubjectAccessReview',
      { ...someone, resourceAttributes: pods },
      { namespace: 'other', metadata: { namespace: 'other' } },
      'spec.resourceAttributes.namespace: Invalid value: "ns": must match metadata.namespace',
    ],
    [
      'LocalSubjectAccessReview',
      { ...someone, nonResourceAttributes: { path: '/a', verb: 'get' } },
      { namespace: 'ns', metadata: { namespace: 'ns' } },
      'spec.nonResourceAttributes: Invalid value: ' +
        'authorization.NonResourceAttributes{Path:"/a", Verb:"get"}: ' +
        'disallowed on this kind of request',
    ],
  ])('%s refuses %j %j', async (kind, spec, more, text) => {
    await expect(review(kind, spec, more)).rejects.toMatchObject({
      code: 422,
      message: `.authorization.k8s.io "" is invalid: ${text}`,
    });
    expect(asked).toEqual([]);
  });

  const path = 'spec.resourceAttributes';
  const oneOfBoth = 'requirements or rawSelector is required';
  test.each([
    [
      { fieldSelector: { rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'Exists' }] } },
      `${path}.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
    ],
    [
      { labelSelector: {} },
      `${path}.labelSelector.requirements: Required value: when ${path}.labelSelector is specified, ${oneOfBoth}`,
    ],
    [
      { labelSelector: { requirements: [{ key: '', operator: 'New' }] } },
      `${path}.labelSelector.requirements[0].key: Invalid value: "": name part must be non-empty`,
    ],
    [
      { fieldSelector: { requirements: [{ key: 'a', operator: 'In' }] } },
      `${path}.fieldSelector.requirements[0].values: Required value: must be specified when`,
    ],
  ])('with a selector is refused %j', async (selectors, text) => {
    const given = { resourceAttributes: { ...pods, ...selectors } };
    await expect(review('SelfSubjectAccessReview', given)).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining(text),
    });
  });

  test('has no metadata', async () => {
    const given = { resourceAttributes: pods };
    const metadata = { labels: { a: 'b' } };
    await expect(review('SelfSubjectAccessReview', given, { metadata })).rejects.toMatchObject({
      code: 422,
      message: expect.stringMatching(/ metadata: Invalid value: .*: must be empty$/),
    });
  });

  test('in a namespace is about that one, whether it says so or not', async () => {
    const spec = { user: 'joe', resourceAttributes: pods };
    const made = await review('LocalSubjectAccessReview', spec, { namespace: 'ns' });
    expect(made['metadata']).toEqual({ namespace: 'ns' });
    const elsewhere = { namespace: 'ns', metadata: { namespace: 'other' } };
    await expect(review('LocalSubjectAccessReview', spec, elsewhere)).rejects.toMatchObject({
      code: 400,
    });
  });
});

describe('a review of rules', () => {
  test('lists what the user may do in the namespace', async () => {
    await bench.add(
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'r' },
        rules: [
          { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['p'] },
          { verbs: ['get'], nonResourceURLs: ['/metrics'] },
        ],
      } as Draft,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'b' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
      } as Draft,
    );
    expect((await review('SelfSubjectRulesReview', { namespace: 'ns' }))['status']).toEqual({
      resourceRules: [
        { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['p'] },
      ],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
      incomplete: false,
    });
  });

  test('says everything of a master, and that of a node not all is known', async () => {
    const namespace = { namespace: 'ns' };
    const master: UserInfo = { name: 'root', groups: ['system:masters'] };
    expect(
      (await review('SelfSubjectRulesReview', namespace, { user: master }))['status'],
    ).toMatchObject({
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    });
    const node: UserInfo = { name: 'system:node:n', groups: ['system:nodes'] };
    expect(
      (await review('SelfSubjectRulesReview', namespace, { user: node }))['status'],
    ).toMatchObject({
      incomplete: true,
      evaluationError: 'node authorizer does not support user rule resolution',
    });
    await expect(review('SelfSubjectRulesReview', {})).rejects.toMatchObject({
      code: 400,
      message: 'no namespace on request',
    });
  });
});

test('whoever asks who they are is told', async () => {
  expect((await review('SelfSubjectReview', undefined, { user: joe }))['status']).toEqual({
    userInfo: { username: 'joe', uid: 'u', groups: ['dev'], extra: { scopes: ['a'] } },
  });
  expect((await review('SelfSubjectReview', undefined))['status']).toEqual({
    userInfo: { username: 'jane', groups: ['system:authenticated'] },
  });
});

describe('a review of a token', () => {
  const status = async (spec: object): Promise<unknown> =>
    (await review('TokenReview', spec))['status'];

  test('says whose it is', async () => {
    expect(await status({ token: 'joes' })).toEqual({
      authenticated: true,
      user: {
        username: 'joe',
        uid: 'u',
        groups: ['dev', 'system:authenticated'],
        extra: { scopes: ['a'] },
      },
      audiences: [],
    });
  });

  test('knows nobody by another one, nor for another audience', async () => {
    const unknown = { user: {}, error: 'invalid bearer token' };
    expect(await status({ token: 'stolen' })).toEqual(unknown);
    expect(await status({ token: 'joes', audiences: ['elsewhere'] })).toEqual(unknown);
    await expect(status({ token: '' })).rejects.toMatchObject({ code: 400 });
  });
});

test('selectors whose text cannot be read are told, and asked without', async () => {
  const resourceAttributes = {
    verb: 'list',
    resource: 'pods',
    fieldSelector: { rawSelector: 'a=b,c' },
    labelSelector: { rawSelector: '!!' },
  };
  const { status } = await review('SubjectAccessReview', { user: 'u', resourceAttributes });
  expect(status).toMatchObject({
    evaluationError:
      'spec.resourceAttributes.fieldSelector ignored due to parse error; ' +
      'spec.resourceAttributes.labelSelector ignored due to parse error',
  });
});
