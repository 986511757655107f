import { describe, expect, test } from '@jest/globals';
import { deepEqual, jsonEqual, semanticEqual } from './equal.js';

const blanks: readonly unknown[] = [undefined, null, [], {}, { a: null }, { a: { b: [] } }];
const values: readonly unknown[] = [0, '', false, 'a', [null], [1], { a: 0 }, { a: [{}] }];

describe('semantic equality', () => {
  test('everything that is empty is equal', () => {
    for (const a of blanks) for (const b of blanks) expect(semanticEqual(a, b)).toBe(true);
  });

  test('what is empty differs from what is not, and values from each other', () => {
    for (const [place, value] of values.entries()) {
      for (const blank of blanks) {
        expect(semanticEqual(value, blank)).toBe(false);
        expect(semanticEqual(blank, value)).toBe(false);
      }
      for (const [other, second] of values.entries()) {
        expect([value, second, semanticEqual(value, second)]).toEqual([
          value,
          second,
          place === other,
        ]);
      }
    }
  });

  test('empty fields and items do not count, at any depth and on either side', () => {
    const a = { x: [{ y: 1, z: null }, []], labels: {} };
    const b = { x: [{ y: 1 }, null], other: { deep: [] } };
    expect(semanticEqual(a, b)).toBe(true);
    expect(semanticEqual(b, a)).toBe(true);
    expect(deepEqual(a, b)).toBe(false);
    expect(semanticEqual(a, { x: [{ y: 2 }, null] })).toBe(false);
    expect(semanticEqual(a, { ...b, more: 0 })).toBe(false);
    expect(semanticEqual({ ...b, more: 0 }, a)).toBe(false);
    expect(semanticEqual([1, null], [1])).toBe(false);
  });
});

test.each<[string, unknown, unknown, deep: boolean, json: boolean, semantic: boolean]>([
  ['the same', { a: [1, { b: 'c' }] }, { a: [1, { b: 'c' }] }, true, true, true],
  ['in another order', { a: 1, b: 2 }, { b: 2, a: 1 }, true, true, true],
  ['a field that is undefined', { a: 1, b: undefined }, { a: 1 }, true, true, true],
  ['a field that is null', { a: 1, b: null }, { a: 1 }, false, true, true],
  ['a field that is empty', { a: 1, emptyDir: {} }, { a: 1 }, false, false, true],
  ['an empty list', { a: 1, b: [] }, { a: 1 }, false, false, true],
  ['nothing and null', undefined, null, false, true, true],
  ['nothing and an empty object', undefined, {}, false, false, true],
  ['a list and an object', [], {}, false, false, true],
  ['a list and an object with its indexes', ['a'], { 0: 'a' }, false, false, false],
  ['zero', { a: 0 }, {}, false, false, false],
  ['an empty text', { a: '' }, {}, false, false, false],
  ['false', { a: false }, {}, false, false, false],
  ['a number and its text', 1, '1', false, false, false],
  ['items in another order', [1, 2], [2, 1], false, false, false],
  ['one more item', [1], [1, 2], false, false, false],
  ['one more item that is null', [1], [1, null], false, false, false],
  ['one more field', { a: 1 }, { a: 1, b: 2 }, false, false, false],
  // Names that every object has are fields like others.
  ['a label called constructor', {}, { constructor: 'x' }, false, false, false],
  ['a label called toString', { b: 1 }, { toString: 'x', b: 1 }, false, false, false],
  ['a label called hasOwnProperty', { b: 1 }, { hasOwnProperty: 'x', b: 1 }, false, false, false],
  ['a field called valueOf that is null', { valueOf: null }, {}, false, true, true],
  [
    'a field called constructor in place of another',
    { constructor: null },
    { b: 1 },
    false,
    false,
    false,
  ],
  ['a field called __proto__', JSON.parse('{"__proto__":{"a":1}}'), { a: 1 }, false, false, false],
])('three equalities: %s', (_, a, b, deep, json, semantic) => {
  expect([deepEqual(a, b), jsonEqual(a, b), semanticEqual(a, b)]).toEqual([deep, json, semantic]);
  expect([deepEqual(b, a), jsonEqual(b, a), semanticEqual(b, a)]).toEqual([deep, json, semantic]);
});
