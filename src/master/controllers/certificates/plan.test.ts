import { expect, test } from '@jest/globals';
import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import {
  accessReview,
  approved,
  failed,
  isToBeSigned,
  isUndecided,
  msUntilRemoval,
  permissionsFor,
  validityDays,
} from './plan.js';

const hour = (count: number): number => count * 3_600_000;
const created = '2026-01-01T00:00:00Z';
const createdMs = Date.parse(created);

function request(conditions: { type: string; lastUpdateTime?: string }[] = []) {
  const made: CertificateSigningRequest = {
    metadata: { name: 'csr', creationTimestamp: created },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth'],
      username: 'system:node:a',
      groups: ['system:nodes'],
    },
    status: { conditions: conditions.map((condition) => ({ ...condition, status: 'True' })) },
  };
  return made;
}

test.each([
  ['nobody has decided', [], true],
  ['approved', ['Approved'], false],
  ['denied', ['Denied'], false],
  ['failed to be signed', ['Failed'], true],
])('%s', (_, types, undecided) => {
  expect(isUndecided(request(types.map((type) => ({ type }))))).toBe(undecided);
});

test('who renews its own certificate needs less than who asks for another', () => {
  expect(permissionsFor(request(), 'system:node:a')).toEqual(['selfnodeclient', 'nodeclient']);
  expect(permissionsFor(request(), 'system:node:b')).toEqual(['nodeclient']);
  expect(accessReview(request(), 'nodeclient').spec).toEqual({
    user: 'system:node:a',
    groups: ['system:nodes'],
    resourceAttributes: {
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      verb: 'create',
      version: '*',
      subresource: 'nodeclient',
    },
  });
});

test('approved: a condition in the words of kube-controller-manager', () => {
  expect(approved(request(), 'selfnodeclient', 'now').status?.conditions).toEqual([
    {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
      lastUpdateTime: 'now',
      lastTransitionTime: 'now',
    },
  ]);
});

test.each([
  ['nobody looked at it: a day', [], 24],
  ['decided: an hour from then', [{ type: 'Approved', lastUpdateTime: '2026-01-01T05:00:00Z' }], 6],
  [
    'the last change counts',
    [
      { type: 'Approved', lastUpdateTime: '2026-01-01T05:00:00Z' },
      { type: 'Failed', lastUpdateTime: '2026-01-01T07:00:00Z' },
    ],
    8,
  ],
  ['a condition without a time: from its creation', [{ type: 'Denied' }], 1],
])('kept: %s', (_, conditions, hours) => {
  expect(msUntilRemoval(request(conditions), createdMs)).toBe(hour(hours));
  expect(msUntilRemoval(request(conditions), createdMs + hour(hours))).toBe(0);
});

test.each([
  ['nobody approved it', [], '', false],
  ['approved', ['Approved'], '', true],
  ['signed', ['Approved'], 'CERT', false],
  ['denied as well', ['Approved', 'Denied'], '', false],
  ['found wanting', ['Approved', 'Failed'], '', false],
])('to be signed: %s', (_, types, certificate, wanted) => {
  const made = request(types.map((type) => ({ type })));
  made.status = { ...made.status, certificate };
  expect(isToBeSigned(made)).toBe(wanted);
});

test.each([
  [undefined, 365 * 86_400 - 300],
  [86_400, 86_100],
  [28_800, 28_500],
  [28_799, 28_799],
  [3600, 3600],
  [60, 600],
  [10 * 365 * 86_400, 365 * 86_400 - 300],
])('a validity of %s seconds ends in %d', (seconds, wanted) => {
  expect(Math.round(validityDays(seconds) * 86_400)).toBe(wanted);
});

test('what is not signed says why', () => {
  const refused = failed(request([{ type: 'Approved' }]), 'no such usage', 'now');
  expect(refused.status?.conditions?.map(({ type, message }) => [type, message])).toEqual([
    ['Approved', undefined],
    ['Failed', 'no such usage'],
  ]);
  expect(isToBeSigned(refused)).toBe(false);
});
