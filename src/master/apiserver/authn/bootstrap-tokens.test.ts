import { expect, test } from '@jest/globals';
import { tokenUser } from './bootstrap-tokens.js';

const now = Date.parse('2026-01-01T00:00:00Z');
const good: Record<string, string> = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
  expiration: '2026-01-01T00:00:01Z',
  'auth-extra-groups': 'system:bootstrappers:b, system:bootstrappers:a',
};

function groups(fields: Record<string, string>, more: object = {}): readonly string[] | undefined {
  const data = Object.fromEntries(
    Object.entries({ ...good, ...fields }).map(([name, value]) => [
      name,
      Buffer.from(value).toString('base64'),
    ]),
  );
  const secret = {
    type: 'bootstrap.kubernetes.io/token',
    metadata: { name: 'bootstrap-token-abcdef' },
    data,
    ...more,
  };
  return tokenUser(secret, { id: 'abcdef', secret: '0123456789abcdef' }, now)?.groups;
}

test('a valid token gives its groups', () => {
  const wanted = ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:b'];
  expect(groups({})).toEqual(wanted);
  expect(groups({ expiration: '2026-01-01T02:00:00.5+01:00' })).toEqual(wanted);
  expect(groups({ expiration: '' })).toEqual(wanted);
});

test.each<[string, Record<string, string>, object]>([
  ['another secret', { 'token-secret': '0123456789abcdeg' }, {}],
  ['a longer secret', { 'token-secret': '0123456789abcdef0' }, {}],
  ['another id', { 'token-id': 'abcdeg' }, {}],
  ['no usage', { 'usage-bootstrap-authentication': 'yes' }, {}],
  ['an end that is now', { expiration: '2026-01-01T00:00:00Z' }, {}],
  ['an end that nobody can read', { expiration: 'never' }, {}],
  ['an end without a time zone', { expiration: '2027-01-01T00:00:00' }, {}],
  ['an end on a day that does not exist', { expiration: '2027-02-30T00:00:00Z' }, {}],
  ['an end in seconds', { expiration: '9999999999' }, {}],
  ['the administrators', { 'auth-extra-groups': 'system:masters' }, {}],
  ['the nodes', { 'auth-extra-groups': 'system:bootstrappers:a,system:nodes' }, {}],
  ['a group that only begins well', { 'auth-extra-groups': 'system:bootstrappers:' }, {}],
  ['another type', {}, { type: 'Opaque' }],
  ['an end that has begun', {}, { metadata: { deletionTimestamp: '2025-01-01T00:00:00Z' } }],
  ['no data', {}, { data: undefined }],
])('a token with %s gives nothing', (_name, fields, more) => {
  expect(groups(fields, more)).toBeUndefined();
});
