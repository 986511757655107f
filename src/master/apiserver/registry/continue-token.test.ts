import { expect, test } from '@jest/globals';
import { decodeContinue, encodeContinue } from './continue-token.js';

const of = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (start: string): string => of({ v: 'meta.k8s.io/v1', rv: 7, start });

test('a token says where to go on', () => {
  expect(decodeContinue(encodeContinue(7, 'ns/a\0'))).toEqual({ revision: 7, start: 'ns/a\0' });
  expect(decodeContinue(token('/ns/a'))).toEqual({ revision: 7, start: 'ns/a' });
});

test.each<[string, string]>([
  ['%', 'illegal base64 data at input byte 0'],
  [of({}), 'server does not recognize this encoded version ""'],
  [of(null), 'server does not recognize this encoded version ""'],
  [of({ v: 'meta.k8s.io/v2' }), 'server does not recognize this encoded version "meta.k8s.io/v2"'],
  [
    of({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' }),
    'incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
  [of({ v: 'meta.k8s.io/v1', rv: 7 }), 'encoded start key empty (version meta.k8s.io/v1)'],
  // Keys that would lead out of the kind.
  [token('../secrets/a'), '../secrets/a'],
  [token('ns/../../secrets/a'), 'ns/../../secrets/a'],
  [token('ns//a'), 'ns//a'],
  [token('ns/'), 'ns/'],
])('%s is refused', (text, detail) => {
  const message = `invalid continue token: continue key is not valid: ${detail}`;
  expect(() => decodeContinue(text)).toThrow(message);
});
