import { describe, expect, test } from '@jest/globals';
import { duplicate, invalid, notSupported } from './field-error.js';

describe('a value in an error', () => {
  test.each<[unknown, string]>([
    [undefined, '"null"'],
    [null, '"null"'],
    ['a"b', String.raw`"a\"b"`],
    [5, '5'],
    [9_223_372_036_854_775_807n, '9223372036854775807'],
    [[1, 9_007_199_254_740_993n], '[1,9007199254740993]'],
    [{ limit: { bytes: -9_007_199_254_740_993n } }, '{"limit":{"bytes":-9007199254740993}}'],
    // A map of texts by its keys, a struct as its fields stand.
    [{ b: 'x', a: 'y' }, '{"a":"y","b":"x"}'],
    [{ b: 1, a: 'y' }, '{"b":1,"a":"y"}'],
  ])('%p is %s', (value, text) => {
    expect(invalid('spec.x', value, 'why').body).toBe(`Invalid value: ${text}: why`);
    expect(duplicate('spec.x', value).body).toBe(`Duplicate value: ${text}`);
    expect(notSupported('spec.x', value, []).body).toBe(`Unsupported value: ${text}`);
  });

  test('is cut where it is long, in texts, lists and fields', () => {
    const body = (value: unknown): number => invalid('spec.x', value, '').body.length;
    expect(body('x'.repeat(1e5))).toBeLessThan(17_000);
    expect(body(Array.from({ length: 1e5 }, (_, at) => at))).toBeLessThan(17_000);
    const fields = Object.fromEntries(Array.from({ length: 1e5 }, (_, at) => [`f${at}`, 1n]));
    expect(body(fields)).toBeLessThan(40_000);
  });
});
