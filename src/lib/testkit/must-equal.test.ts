import { expect, test } from '@jest/globals';
import { mustEqual } from './must-equal.js';

test('lets equal values pass, as toEqual does', () => {
  mustEqual([1, { a: Buffer.from('x') }], [1, { a: Buffer.from('x') }]);
  mustEqual({ a: undefined }, {});
  mustEqual(new Map([['k', [1n]]]), new Map([['k', [1n]]]));
});

test.each([
  [1, 2],
  [[1, 2], [1]],
  [{ a: 1 }, { a: 2 }],
  [undefined, null],
  [Buffer.from('x'), Buffer.from('y')],
])('%j is not %j', (actual, expected) => {
  expect(() => mustEqual(actual, expected)).toThrow('toEqual');
});
