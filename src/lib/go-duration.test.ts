import { expect, test } from '@jest/globals';
import { formatDurationMs, parseDurationMs } from './go-duration.js';

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

// As Go 1.22 prints them.
test.each([
  [0, '0s'],
  [0.0015, '1.5µs'],
  [2.5, '2.5ms'],
  [250, '250ms'],
  [10_000, '10s'],
  [1500, '1.5s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
  [90_061_001, '25h1m1.001s'],
  [-5000, '-5s'],
])('%d ms is %s', (ms, text) => {
  expect(formatDurationMs(ms)).toBe(text);
  if (ms > 0) expect(parseDurationMs(text)).toBeCloseTo(ms, 6);
});
