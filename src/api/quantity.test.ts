import { describe, expect, test } from '@jest/globals';
import {
  parseQuantity,
  quantityOf,
  quantityOfMilli,
  storedQuantity,
  storedResource,
} from './quantity.js';
import { Prng } from '../lib/prng.js';

describe('quantity', () => {
  test.each([
    ['0', '0'],
    ['1', '1'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1.5Gi', '1536Mi'],
    ['1024Ki', '1Mi'],
    ['1Gi', '1Gi'],
    ['1000Ki', '1000Ki'],
    ['0.5Ki', '512'],
    ['0.5Mi', '512Ki'],
    ['100M', '100M'],
    ['1000k', '1M'],
    ['1e3', '1e3'],
    ['1E3', '1E3'],
    ['1.5e1', '1.5e1'],
    ['007', '007'],
    ['1e20', '100e18'],
    ['1e21', '1e21'],
    ['8Gi', '8Gi'],
    ['2048Ki', '2Mi'],
    ['9223372036854775808', '9223372036854775808'],
    ['10Ei', '9223372036854775807'],
    ['123456789012345678', '123456789012345678'],
    ['12e-1', '1200e-3'],
    ['+5', '+5'],
    ['-5m', '-5m'],
    ['.5', '500m'],
    ['5.', '5.'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['123456789', '123456789'],
    ['100Gi', '100Gi'],
  ])('%s is %s', (text, canonical) => {
    expect(storedQuantity(text)).toBe(canonical);
  });

  test.each(['', 'x', '1x', '1KiB', '1 Gi', '1.2.3', '--1', '1mm', 'Gi'])('%j is none', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  test('arithmetic is exact, and the canonical form is stable', () => {
    const prng = new Prng(1);
    for (let i = 0; i < 300; i += 1) {
      const [a, b] = [quantityOfMilli(prng.below(1e9)), quantityOf(prng.below(1e6), 'BinarySI')];
      expect(a.add(b).subtract(b).compare(a)).toBe(0);
      for (const value of [a, b, a.add(b)]) {
        const text = value.toString();
        expect(parseQuantity(text)?.nanos).toBe(value.nanos);
        expect(storedQuantity(text)).toBe(text);
      }
    }
  });

  test.each([
    ['0.1m', '1m'],
    ['100u', '1m'],
    ['1.0001Ki', '1024103m'],
    ['1.5', '1500m'],
    ['1E3', '1E3'],
    ['-0.1m', '-1m'],
  ])('%s of a resource is %s', (text, stored) => {
    expect(storedResource(text)).toBe(stored);
  });

  test('a huge amount has a bound as a number', () => {
    expect(parseQuantity('1e999')?.value()).toBe(2 ** 63);
    expect(parseQuantity('-1e999')?.milliValue()).toBe(-(2 ** 63));
  });

  test('units are rounded up', () => {
    expect(parseQuantity('1500m')?.value()).toBe(2);
    expect(parseQuantity('1.0001m')?.milliValue()).toBe(2);
  });
});
