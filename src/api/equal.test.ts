import { describe, expect, test } from '@jest/globals';
import { deepEqual, semanticEqual } from './equal.js';

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

  test('names that every object has are fields like others', () => {
    expect(semanticEqual({ constructor: null }, { b: 1 })).toBe(false);
    expect(semanticEqual({ constructor: {}, b: 1 }, { b: 1 })).toBe(true);
    expect(semanticEqual({ b: 1 }, { constructor: 'x', b: 1 })).toBe(false);
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      const [without, having] = [{ b: 1 }, { [name]: 'x', b: 1 }];
      expect(deepEqual(without, having)).toBe(false);
      expect(deepEqual(having, without)).toBe(false);
      expect(deepEqual(having, { ...having })).toBe(true);
    }
  });
});
