import { expect, test } from '@jest/globals';
import { keyOf, objectKey, splitKey } from './keys.js';

test.each([
  [{ namespace: 'default', name: 'web' }, 'default/web'],
  [{ namespace: '', name: 'node-1' }, 'node-1'],
  [{ namespace: undefined, name: 'node-1' }, 'node-1'],
  [{ name: 'node-1' }, 'node-1'],
])('the key of %j is %s', (name, key) => {
  expect(objectKey(name)).toBe(key);
  expect(keyOf({ metadata: name })).toBe(key);
  expect(splitKey(key)).toEqual({
    ...name,
    namespace: 'namespace' in name ? (name.namespace ?? '') : '',
  });
});

test('a key with more than one slash keeps the rest in its name', () => {
  expect(splitKey('a/b/c')).toEqual({ namespace: 'a', name: 'b/c' });
});
