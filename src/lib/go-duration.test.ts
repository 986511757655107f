import { expect, test } from '@jest/globals';
import { parseDurationMs } from './go-duration.js';

test.each([
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['1m30s', 90_000],
  ['1h0m0.5s', 3_600_500],
  ['1.5h', 5_400_000],
  ['1500us', 1.5],
  ['1500µs', 1.5],
  ['2ms500000ns', 2.5],
  ['', undefined],
  ['5', undefined],
  ['m', undefined],
  ['1d', undefined],
  ['1m 30s', undefined],
  ['-5s', undefined],
])('%j', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});
