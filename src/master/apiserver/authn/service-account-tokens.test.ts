import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { BoundObject } from './service-account-tokens.js';
import { fixedTls } from '../../../lib/pki/tls-source.js';
import { ServiceAccountTokens } from './service-account-tokens.js';

const issuer = 'https://kubernetes.default.svc';
const audiences = [issuer, 'api'];
const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }) =>
  key.export({ type: 'pkcs8', format: 'pem' });
const own = ecKey();
const former = ecKey();
const foreign = ecKey();

let bench: ApiBench;
let tokens: ServiceAccountTokens;
beforeEach(async () => {
  bench = await ApiBench.create();
  tokens = tokensOf(own.privateKey);
  await bench.add(draft('ServiceAccount', 'sa', 'sa-uid'));
});

function tokensOf(key: (typeof own)['privateKey']): ServiceAccountTokens {
  const { watchCache, clock } = bench;
  const publicKeys = [former.publicKey.export({ type: 'spki', format: 'pem' })];
  return new ServiceAccountTokens({
    issuer,
    audiences,
    watchCache,
    clock,
    keys: fixedTls({ publicKeys, signingKey: pem(key) }),
  });
}

const draft = (kind: string, name: string, uid: string, more: object = {}): Draft =>
  ({
    apiVersion: 'v1',
    kind,
    metadata: { name, uid, ...(kind === 'Node' ? {} : { namespace: 'ns' }), ...more },
  }) as Draft;

const issue = async (
  more: Partial<Parameters<ServiceAccountTokens['issue']>[0]> = {},
  by = tokens,
): Promise<string> => {
  const account = { namespace: 'ns', name: 'sa', uid: 'sa-uid' };
  return (await by.issue({ ...account, audiences: [], seconds: 600, ...more })).token;
};
const nameOf = async (token: string): Promise<string | undefined> =>
  (await tokens.authenticate(token))?.name;
const account = 'system:serviceaccount:ns:sa';

describe('a token', () => {
  test('is its account, by name, uid and groups', async () => {
    const { token, expiration, id } = await tokens.issue({
      namespace: 'ns',
      name: 'sa',
      uid: 'sa-uid',
      audiences: [],
      seconds: 600,
    });
    expect(expiration).toBe('2026-01-01T00:10:00Z');
    expect(await tokens.authenticate(token)).toEqual({
      name: account,
      uid: 'sa-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ns'],
      extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${id}`] },
    });
  });

  test('lives until its time is over, and not before it has come', async () => {
    const token = await issue();
    bench.clock.advance(599_000);
    expect(await nameOf(token)).toBe(account);
    bench.clock.advance(1_000);
    expect(await nameOf(token)).toBeUndefined();
  });

  test('ends with its account, and is none of another of that name', async () => {
    const token = await issue();
    await bench.remove(draft('ServiceAccount', 'sa', 'sa-uid'));
    expect(await nameOf(token)).toBeUndefined();
    await bench.add(draft('ServiceAccount', 'sa', 'another'));
    expect(await nameOf(token)).toBeUndefined();
  });

  test('is for its audiences only', async () => {
    const elsewhere = await issue({ audiences: ['vault'] });
    expect(await nameOf(elsewhere)).toBeUndefined();
    expect(await tokens.review(elsewhere, ['vault', 'other'])).toMatchObject({
      user: { name: account },
      audiences: ['vault'],
    });
    const here = await issue();
    expect((await tokens.review(here, ['vault']))?.user).toBeUndefined();
    expect((await tokens.review(here, ['api', 'vault']))?.audiences).toEqual(['api']);
  });

  test('counts when one of the known keys has signed it, and no other', async () => {
    expect(await nameOf(await issue({}, tokensOf(former.privateKey)))).toBe(account);
    expect(await nameOf(await issue({}, tokensOf(foreign.privateKey)))).toBeUndefined();
    const token = await issue();
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { sub: string };
    const forged = { ...claims, sub: 'system:serviceaccount:kube-system:admin' };
    const other = Buffer.from(JSON.stringify(forged)).toString('base64url');
    expect(await nameOf(`${head}.${other}.${signature}`)).toBeUndefined();
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await nameOf(`${unsigned}.${body}.`)).toBeUndefined();
    expect(await nameOf('no token')).toBeUndefined();
  });

  test('whose subject is not the account in it is nobody’s', async () => {
    const claims = { namespace: 'ns', serviceaccount: { name: 'sa', uid: 'sa-uid' } };
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setAudience([...audiences])
      .setIssuer(issuer)
      .setSubject('system:serviceaccount:kube-system:admin')
      .sign(own.privateKey);
    expect(await nameOf(token)).toBeUndefined();
  });
});

describe('a token that is bound to', () => {
  const pod: BoundObject = { kind: 'Pod', name: 'p', uid: 'pod-uid' };
  const podDraft = (more: object = {}): Draft => draft('Pod', 'p', 'pod-uid', more);

  test('a pod says which, and ends a minute after it', async () => {
    const node = { name: 'n', uid: 'node-uid' };
    const token = await issue({ bound: pod, node });
    expect(await nameOf(token)).toBeUndefined();
    await bench.add(podDraft({ deletionTimestamp: '2026-01-01T00:00:00Z' }));
    // The node is a remark: it need not be there.
    expect((await tokens.authenticate(token))?.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/pod-uid': ['pod-uid'],
      'authentication.kubernetes.io/node-name': ['n'],
      'authentication.kubernetes.io/node-uid': ['node-uid'],
    });
    bench.clock.advance(59_999);
    expect(await nameOf(token)).toBe(account);
    bench.clock.advance(1);
    expect(await nameOf(token)).toBeUndefined();
  });

  test.each<[string, BoundObject, string]>([
    ['a Secret', { kind: 'Secret', name: 's', uid: 'uid' }, 'Secret'],
    ['a node', { kind: 'Node', name: 's', uid: 'uid' }, 'Node'],
  ])('%s lives with it', async (_, bound, kind) => {
    const token = await issue({ bound });
    expect(await nameOf(token)).toBeUndefined();
    await bench.add(draft(kind, 's', 'uid'));
    expect(await nameOf(token)).toBe(account);
    await bench.remove(draft(kind, 's', 'uid'));
    await bench.add(draft(kind, 's', 'another'));
    expect(await nameOf(token)).toBeUndefined();
  });
});

describe('a token in a Secret', () => {
  const legacy = (more: object = {}): Promise<string> =>
    new SignJWT({
      'kubernetes.io/serviceaccount/namespace': 'ns',
      'kubernetes.io/serviceaccount/secret.name': 'sa-token',
      'kubernetes.io/serviceaccount/service-account.name': 'sa',
      'kubernetes.io/serviceaccount/service-account.uid': 'sa-uid',
      ...more,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('kubernetes/serviceaccount')
      .setSubject(account)
      .sign(own.privateKey);
  const secret = (token: string, metadata: object = {}): Draft =>
    ({
      ...draft('Secret', 'sa-token', 's', metadata),
      data: { token: Buffer.from(token).toString('base64') },
    }) as Draft;

  test('lives as long as the Secret holds it, and is for this server', async () => {
    const token = await legacy();
    expect(await nameOf(token)).toBeUndefined();
    await bench.add(secret(token));
    expect(await tokens.authenticate(token)).toEqual({
      name: account,
      uid: 'sa-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ns'],
    });
    expect(await tokens.review(token, ['vault'])).toBeUndefined();
    expect((await tokens.review(token, ['vault', 'api']))?.audiences).toEqual(['api']);
    await bench.remove(secret(token));
    await bench.add(secret('another token'));
    expect(await nameOf(token)).toBeUndefined();
  });

  test.each<[string, object]>([
    ['of another account', { 'kubernetes.io/serviceaccount/service-account.name': 'other' }],
    ['of a former account', { 'kubernetes.io/serviceaccount/service-account.uid': 'former' }],
    ['of another Secret', { 'kubernetes.io/serviceaccount/secret.name': 'other' }],
    ['of no text', { 'kubernetes.io/serviceaccount/namespace': 7 }],
  ])('is nobody’s: %s', async (_, more) => {
    const token = await legacy(more);
    await bench.add(secret(token));
    expect(await nameOf(token)).toBeUndefined();
  });

  test('ends with the deletion of the Secret', async () => {
    const token = await legacy();
    await bench.add(secret(token, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(await nameOf(token)).toBeUndefined();
  });
});

test('the keys are shown to those who rely on them, without what signs', () => {
  const keys = tokens.jwks().keys as readonly Readonly<Record<string, string>>[];
  expect(keys).toHaveLength(2);
  for (const key of keys) {
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' });
    expect(key).not.toHaveProperty('d');
    expect(key['kid']).toMatch(/^[\w-]{43}$/);
  }
  expect(keys[0]?.['kid']).not.toBe(keys[1]?.['kid']);
});
