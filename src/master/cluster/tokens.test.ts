import { describe, expect, test } from '@jest/globals';
import type { Secret } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import type { TokenUsage } from './stored-token.js';
import { generateToken, parseToken, storeToken, tokenAllows } from './tokens.js';

const hourMs = 3_600_000;

test("tokens are of kubeadm's form, and each is another", () => {
  const tokens = Array.from({ length: 50 }, generateToken);
  for (const token of tokens) {
    expect(parseToken(`${token.id}.${token.secret}`)).toEqual(token);
  }
  expect(new Set(tokens.map(({ secret }) => secret)).size).toBe(50);
});

test.each([
  '',
  'abcdef',
  'abcdef.0123456789abcde',
  'abcdef.0123456789abcdef0',
  'ABCDEF.0123456789abcdef',
  'abcdef 0123456789abcdef',
  ' abcdef.0123456789abcdef',
  'abcdef.0123456789abcdef\n',
])('%j is no token', (text) => {
  expect(parseToken(text)).toBeUndefined();
});

describe('a token that is kept', () => {
  const kept = async (usages: readonly TokenUsage[]) => {
    const client = new FakeApi();
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const token = { id: 'abcdef', secret: '0123456789abcdef' };
    const expires = await storeToken({ client, clock, token, usages, ttlMs: hourMs });
    const allows = (usage: TokenUsage, other = token): Promise<boolean> =>
      tokenAllows({ client, clock, token: other, usage });
    return { client, clock, token, expires, allows };
  };

  test('is a Secret as kubeadm has them', async () => {
    const { client, expires } = await kept(['worker', 'master']);
    expect(expires).toBe('2026-01-01T01:00:00.000Z');
    const key = { namespace: 'kube-system', name: 'bootstrap-token-abcdef' };
    const secret = await client.get<Secret>(resources.secrets, key);
    const fields = Object.entries(secret.data ?? {}).map(([name, value]) => [
      name,
      Buffer.from(value, 'base64').toString(),
    ]);
    expect(secret.type).toBe('bootstrap.kubernetes.io/token');
    expect(Object.fromEntries(fields)).toEqual({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      expiration: expires,
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups':
        'system:bootstrappers:trireme:workers,system:bootstrappers:trireme:masters',
    });
  });

  test('lets in as what it was made for, and nobody else', async () => {
    const { token, allows } = await kept(['worker']);
    await expect(allows('worker')).resolves.toBe(true);
    await expect(allows('master')).resolves.toBe(false);
    await expect(allows('worker', { ...token, secret: 'f'.repeat(16) })).resolves.toBe(false);
    await expect(allows('worker', { ...token, id: 'zzzzzz' })).resolves.toBe(false);
  });

  test('lets nobody in once it has expired', async () => {
    const { clock, allows } = await kept(['worker']);
    clock.advance(hourMs - 1);
    await expect(allows('worker')).resolves.toBe(true);
    clock.advance(2);
    await expect(allows('worker')).resolves.toBe(false);
  });
});
