import { expect, test } from '@jest/globals';
import { exponentOf, goFloat, goNumber } from './go-number.js';

// What Go prints for them with %v: whole numbers as int64, others as float64.
test.each([
  [0, '0'],
  [-7, '-7'],
  [1_234_567, '1234567'],
  [9_007_199_254_740_991, '9007199254740991'],
  [2 ** 62, '4611686018427387904'],
  [2 ** 63, '9.223372036854776e+18'],
  [1.5, '1.5'],
  [0.1, '0.1'],
  [123_456.5, '123456.5'],
  [1_234_567.5, '1.2345675e+06'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [-0.000012, '-1.2e-05'],
  [1e100, '1e+100'],
])('%d is %s', (value, text) => {
  expect(goNumber(value)).toBe(text);
});

test.each([
  [3, '3'],
  [100_000, '100000'],
  [1_000_000, '1e+06'],
  [123_456_789, '1.23456789e+08'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
])('the float %d is %s', (value, text) => {
  expect(goFloat(value)).toBe(text);
});

test('an exponent has a sign and two digits', () => {
  expect([5, -5, 21, -100].map(exponentOf)).toEqual(['+05', '-05', '+21', '-100']);
});
