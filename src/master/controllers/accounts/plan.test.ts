import { describe, expect, test } from '@jest/globals';
import type { Secret, ServiceAccount } from '../../../api/types/core.js';
import {
  accountOf,
  filledSecret,
  isForeign,
  msUntilTokenEnds,
  rootCaMapOf,
  tokenClaims,
} from './plan.js';

const account: ServiceAccount = {
  metadata: { name: 'robot', namespace: 'default', uid: 'uid-robot' },
};
const encode = (text: string): string => Buffer.from(text).toString('base64');

function secret(
  annotations: Record<string, string> = {},
  data: Record<string, string> = {},
): Secret {
  return {
    metadata: {
      name: 'robot-token',
      namespace: 'default',
      annotations: { 'kubernetes.io/service-account.name': 'robot', ...annotations },
    },
    type: 'kubernetes.io/service-account-token',
    data,
  };
}

const uid = (value: string) => ({ 'kubernetes.io/service-account.uid': value });

describe('Secrets with a token', () => {
  test('are for the account that they name', () => {
    expect(accountOf(secret())).toBe('robot');
    expect(accountOf({ ...secret(), type: 'Opaque' })).toBe('');
  });

  test.each([
    ['the account is there', secret(), account, false],
    ['of its uid', secret(uid('uid-robot')), account, false],
    ['an earlier one of that name', secret(uid('uid-other')), account, true],
    ['there is none', secret(), undefined, true],
  ])('go when their account has gone: %s', (_, of, found, foreign) => {
    expect(isForeign(of, found)).toBe(foreign);
  });

  test('are filled once', () => {
    const values = { rootCa: 'CA', token: 'TOKEN' };
    const filled = filledSecret(secret(), account, values);
    expect(filled?.data).toEqual({
      namespace: encode('default'),
      'ca.crt': encode('CA'),
      token: encode('TOKEN'),
    });
    expect(filled?.metadata.annotations).toMatchObject(uid('uid-robot'));
    expect(filledSecret(filled!, account, { ...values, token: 'OTHER' })).toBeUndefined();
  });

  test('keep their token, and follow the CA', () => {
    const old = secret(uid('uid-robot'), { token: encode('OLD'), namespace: encode('default') });
    const filled = filledSecret(old, account, { rootCa: 'NEW', token: '' });
    expect(filled?.data?.['token']).toBe(encode('OLD'));
    expect(filled?.data?.['ca.crt']).toBe(encode('NEW'));
  });

  test('claims say whose token it is', () => {
    expect(tokenClaims(secret(), account)).toEqual({
      subject: 'system:serviceaccount:default:robot',
      claims: {
        'kubernetes.io/serviceaccount/namespace': 'default',
        'kubernetes.io/serviceaccount/secret.name': 'robot-token',
        'kubernetes.io/serviceaccount/service-account.name': 'robot',
        'kubernetes.io/serviceaccount/service-account.uid': 'uid-robot',
      },
    });
  });
});

describe('bootstrap tokens', () => {
  const nowMs = Date.UTC(2026, 0, 1, 12);
  const token = (expiration: string | undefined, namespace = 'kube-system'): Secret => ({
    metadata: { name: 'bootstrap-token-abcdef', namespace },
    type: 'bootstrap.kubernetes.io/token',
    data: expiration === undefined ? {} : { expiration: encode(expiration) },
  });
  test.each([
    ['later', token('2026-01-01T12:00:05Z'), 5000],
    ['now', token('2026-01-01T12:00:00Z'), 0],
    ['long ago', token('2026-01-01T11:00:00Z'), -3_600_000],
    ['never', token(undefined), undefined],
    ['who knows when', token('soon'), undefined],
    ['in another namespace it is none', token('2026-01-01T11:00:00Z', 'default'), undefined],
    ['another type', secret({}, { expiration: encode('2026-01-01T11:00:00Z') }), undefined],
  ])('end %s', (_, of, waitMs) => {
    expect(msUntilTokenEnds(of, nowMs)).toBe(waitMs);
  });
});

test('the CA bundle of a namespace is made, corrected, and else left alone', () => {
  const made = rootCaMapOf('default', 'CA', undefined);
  expect(made).toMatchObject({
    metadata: { name: 'kube-root-ca.crt', namespace: 'default' },
    data: { 'ca.crt': 'CA' },
  });
  expect(rootCaMapOf('default', 'CA', made)).toBeUndefined();
  const changed = { ...made!, data: { 'ca.crt': 'x', more: 'y' } };
  expect(rootCaMapOf('default', 'CA', changed)).toEqual({ ...changed, data: { 'ca.crt': 'CA' } });
});
