import { expect, test } from '@jest/globals';
import { SyncTimes } from './sync-times.js';

test('the percentile is of the latest syncs', () => {
  const syncs = new SyncTimes(1000, 1000);
  expect(syncs.p99Ms()).toBe(0);
  for (let ms = 1; ms <= 100; ms++) syncs.add(ms, 0);
  expect(syncs.p99Ms()).toBe(99);
  for (let n = 0; n < 1000; n++) syncs.add(2, 0);
  expect(syncs.p99Ms()).toBe(2);
});

test('slow syncs are told of at once, then counted until it is time again', () => {
  const syncs = new SyncTimes(100, 1000);
  expect(syncs.add(99, 0)).toBeUndefined();
  expect(syncs.add(150, 10)).toEqual({ count: 1, worstMs: 150 });
  expect(syncs.add(300, 500)).toBeUndefined();
  expect(syncs.add(200, 1010)).toEqual({ count: 2, worstMs: 300 });
});
