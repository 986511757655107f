import { expect, test } from '@jest/globals';
import { maskSecrets } from './mask-secrets.js';

const secret = (data?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's' },
  ...(data === undefined ? {} : { data }),
});

test('a value that changes to one of the same length differs', () => {
  expect(maskSecrets(secret({ a: 'b25l', b: 'eA==' }), secret({ a: 'dHdv', b: 'eA==' }))).toEqual([
    secret({ a: '*** (before)', b: '***' }),
    secret({ a: '*** (after)', b: '***' }),
  ]);
});

test('a key that comes or goes differs by itself', () => {
  expect(maskSecrets(secret({ a: 'b25l' }), secret({ b: 'b25l' }))).toEqual([
    secret({ a: '***' }),
    secret({ b: '***' }),
  ]);
  expect(maskSecrets(undefined, secret({ a: 'b25l' }))).toEqual([undefined, secret({ a: '***' })]);
  expect(maskSecrets(secret(), secret())).toEqual([secret(), secret()]);
});

test('what is no secret is as it was', () => {
  const map = { ...secret({ a: 'b' }), kind: 'ConfigMap' };
  expect(maskSecrets(map, map)).toEqual([map, map]);
});
