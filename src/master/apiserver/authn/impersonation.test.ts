import { expect, test } from '@jest/globals';
import type { Attributes, Decision } from '../authz/attributes.js';
import { chain } from '../authz/authorizers.js';
import { impersonate, readImpersonation, splitAccountName } from './impersonation.js';

const admin = { name: 'admin', groups: ['system:authenticated'] };

test('headers are read as they came: several are several values, a comma is a part of one', () => {
  const headers = [
    ['Impersonate-User', 'u'],
    ['Impersonate-Group', 'a,b'],
    ['impersonate-group', 'c'],
    ['Impersonate-Extra-Acme%2FScopes', 'x'],
    ['impersonate-extra-acme%2fscopes', 'y,z'],
    ['Impersonate-Extra-%zz', 'kept'],
    ['Impersonate-Uid', '1'],
    ['Accept', '*/*'],
  ].flat();
  expect(readImpersonation(headers)).toEqual({
    user: 'u',
    groups: ['a,b', 'c'],
    uid: '1',
    extra: { 'acme/scopes': ['x', 'y,z'], '%zz': ['kept'] },
  });
});

test.each([
  ['system:serviceaccount:ns:a', { namespace: 'ns', name: 'a' }],
  ['system:serviceaccount:ns:a.b', { namespace: 'ns', name: 'a.b' }],
  ['system:serviceaccount::a', undefined],
  ['system:serviceaccount:ns:', undefined],
  ['system:serviceaccount:NS:a', undefined],
  ['system:serviceaccount:ns:a:b', undefined],
  ['system:serviceaccount:ns', undefined],
  ['jane', undefined],
])('%s is the account %j', (name, wanted) => {
  expect(splitAccountName(name)).toEqual(wanted);
});

test.each([
  [['Impersonate-User', 'u'], ['system:authenticated']],
  [
    ['Impersonate-User', 'u', 'Impersonate-Group', 'g'],
    ['g', 'system:authenticated'],
  ],
  [
    ['Impersonate-User', 'u', 'Impersonate-Group', 'system:unauthenticated'],
    ['system:unauthenticated'],
  ],
  [['Impersonate-User', 'system:anonymous'], ['system:unauthenticated']],
  [
    ['Impersonate-User', 'system:serviceaccount:ns:a'],
    ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
  ],
])('%j is in %j', async (headers, groups) => {
  const all = chain([{ authorize: () => ({ allowed: true, reason: '' }) }]);
  expect((await impersonate(admin, headers, all)).groups).toEqual(groups);
});

test('each part is asked for by itself', async () => {
  const asked: string[] = [];
  const authorize = (a: Attributes): Decision => {
    asked.push([a.verb, a.group, a.resource, a.subresource, a.namespace, a.name].join(' '));
    return { allowed: true, reason: '' };
  };
  const headers = ['Impersonate-User', 'system:serviceaccount:ns:a', 'Impersonate-Group', 'g'];
  headers.push('Impersonate-Extra-Scopes', 'x', 'Impersonate-Uid', '7');
  await impersonate(admin, headers, chain([{ authorize }]));
  expect(asked).toEqual([
    'impersonate  serviceaccounts  ns a',
    'impersonate  groups   g',
    'impersonate authentication.k8s.io userextras scopes  x',
    'impersonate authentication.k8s.io uids   7',
  ]);
});

test('a group without a user is refused', async () => {
  const none = chain([]);
  const asked = impersonate(admin, ['Impersonate-Group', 'system:masters'], none);
  await expect(asked).rejects.toThrow('without impersonating a user');
});
