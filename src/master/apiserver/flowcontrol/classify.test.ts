/** FlowSchemas: in which order they are asked, and whom they match. */
import { describe, expect, test } from '@jest/globals';
import type { FlowRule } from '../../../api/flowcontrol/mandatory.js';
import { everythingOf, flowSchema, groupSubjects } from '../../../api/flowcontrol/mandatory.js';
import type { Attributes } from '../authz/attributes.js';
import { compileSchemas } from './classify.js';

function asked(more: Partial<Attributes> = {}, user = 'jane', groups = ['dev']): Attributes {
  return {
    user: { name: user, groups },
    verb: 'get',
    isResource: true,
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    subresource: '',
    namespace: 'shop',
    name: 'web',
    path: '',
    ...more,
  };
}

const all = everythingOf([]);

/** Tells whether a schema with this one rule takes a request. */
function takes(rule: Partial<FlowRule>, request: Attributes): boolean {
  const rules = [{ subjects: groupSubjects('*'), ...rule }];
  const schema = flowSchema('x', { level: 'l', precedence: 1, rules });
  const [first] = compileSchemas([schema], (level) => level === 'l');
  return first?.name === 'x' && first.matches(request);
}

describe('the order of schemas', () => {
  const schema = (name: string, precedence: number, level = 'l') =>
    flowSchema(name, { level, precedence, rules: [] });
  const names = (given: readonly ReturnType<typeof schema>[], missing: readonly string[] = []) =>
    compileSchemas(given, (level) => !missing.includes(level)).map(({ name }) => name);

  test('is that of their precedence, and of their names', () => {
    const given = [schema('b', 20), schema('z', 3), schema('a', 20)];
    expect(names(given)).toEqual(['exempt', 'z', 'a', 'b', 'catch-all']);
  });

  test('leaves out those whose level is missing', () => {
    expect(names([schema('a', 5, 'gone'), schema('b', 6)], ['gone'])).toEqual([
      'exempt',
      'b',
      'catch-all',
    ]);
  });

  test('has a mandatory one once, as its object has it', () => {
    const own = schema('catch-all', 7);
    expect(names([own, schema('a', 8)])).toEqual(['exempt', 'catch-all', 'a']);
  });
});

describe('subjects', () => {
  const user = (name: string) => [{ kind: 'User' as const, user: { name } }];
  const account = (namespace: string, name: string) => [
    { kind: 'ServiceAccount' as const, serviceAccount: { namespace, name } },
  ];
  const sa = 'system:serviceaccount:shop:cart';

  test.each<[string, FlowRule['subjects'], Attributes, boolean]>([
    ['a user', user('jane'), asked(), true],
    ['another user', user('joe'), asked(), false],
    ['every user', user('*'), asked(), true],
    ['a group', groupSubjects('ops', 'dev'), asked(), true],
    ['another group', groupSubjects('ops'), asked(), false],
    ['every group', groupSubjects('*'), asked({}, 'jane', []), true],
    ['an account', account('shop', 'cart'), asked({}, sa), true],
    ['another account', account('shop', 'till'), asked({}, sa), false],
    ['an account of another namespace', account('bank', 'cart'), asked({}, sa), false],
    ['every account of a namespace', account('shop', '*'), asked({}, sa), true],
    ['no user for an account', account('shop', '*'), asked({}, 'shop:cart'), false],
    ['nobody', [], asked(), false],
  ])('%s', (_, subjects, request, isTaken) => {
    expect(takes({ ...all, subjects }, request)).toBe(isTaken);
  });
});

describe('rules for resources', () => {
  const rule = {
    verbs: ['get', 'list'],
    apiGroups: ['apps'],
    resources: ['deployments', 'deployments/status'],
    namespaces: ['shop'],
  };
  const cluster = { ...rule, namespaces: [], clusterScope: true };

  test.each<[string, object, Partial<Attributes>, boolean]>([
    ['all of it', rule, {}, true],
    ['another verb', rule, { verb: 'watch' }, false],
    ['another group', rule, { group: '' }, false],
    ['another resource', rule, { resource: 'pods' }, false],
    ['another namespace', rule, { namespace: 'bank' }, false],
    ['a subresource', rule, { subresource: 'status' }, true],
    ['another subresource', rule, { subresource: 'scale' }, false],
    ['all namespaces, of a rule for one', rule, { namespace: '' }, false],
    ['what is in no namespace', cluster, { namespace: '' }, true],
    ['what is in one, of a rule for none', cluster, {}, false],
    ['any namespace', { ...rule, namespaces: ['*'] }, { namespace: 'bank' }, true],
    ['any namespace, but not none', { ...rule, namespaces: ['*'] }, { namespace: '' }, false],
    ['any verb', { ...rule, verbs: ['*'] }, { verb: 'deletecollection' }, true],
    ['any resource, with its parts', { ...rule, resources: ['*'] }, { subresource: 'x' }, true],
    ['a path', rule, { isResource: false, path: '/version' }, false],
  ])('%s', (_, one, more, isTaken) => {
    expect(takes({ resourceRules: [one] } as Partial<FlowRule>, asked(more))).toBe(isTaken);
  });
});

describe('rules for paths', () => {
  const path = (url: string, verb = 'get') => asked({ isResource: false, path: url, verb });

  test.each<[string[], Attributes, boolean]>([
    [['/healthz'], path('/healthz'), true],
    [['/healthz'], path('/healthz/etcd'), false],
    [['/healthz/*'], path('/healthz/etcd'), true],
    [['/healthz/*'], path('/healthz'), false],
    [['*'], path('/anything'), true],
    [['/a', '/b'], path('/b'), true],
    [['*'], path('/anything', 'post'), false],
    [['*'], asked(), false],
  ])('%j', (nonResourceURLs, request, isTaken) => {
    const nonResourceRules = [{ verbs: ['get'], nonResourceURLs }];
    expect(takes({ nonResourceRules }, request)).toBe(isTaken);
  });
});

test.each([
  ['ByUser', 'jane'],
  ['ByNamespace', 'shop'],
  [undefined, ''],
] as const)('%s distinguishes flows', (method, key) => {
  const options = { level: 'l', precedence: 1, rules: [all] };
  const schema = flowSchema('x', method === undefined ? options : { ...options, method });
  const [first] = compileSchemas([schema], (level) => level === 'l');
  expect(first?.distinguisher(asked())).toBe(key);
});
