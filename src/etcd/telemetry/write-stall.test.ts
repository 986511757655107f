import { expect, test } from '@jest/globals';
import { WriteStall } from './write-stall.js';

test('a write that waits is a gap from its beginning; time without writes is none', () => {
  const stall = new WriteStall(50);
  stall.began(0);
  expect(stall.done(10, 0)).toBeUndefined();
  stall.began(10_000);
  expect(stall.done(10_300, 0)).toEqual({ durationMs: 300, writes: 1 });
});

test('among many writes a gap begins when the last one was done', () => {
  const stall = new WriteStall(50);
  stall.began(0);
  stall.began(5);
  expect(stall.done(20, 1)).toBeUndefined();
  stall.began(40);
  expect(stall.done(220, 1)).toEqual({ durationMs: 200, writes: 2 });
  expect(stall.done(221, 0)).toBeUndefined();
});

test('a gap goes on over writes that are given up, while others wait', () => {
  const stall = new WriteStall(50);
  stall.began(0);
  expect(stall.failed(100, 2, 1)).toEqual({ durationMs: 100, writes: 2 });
  expect(stall.done(150, 0)).toEqual({ durationMs: 150, writes: 1 });
  stall.began(1000);
  expect(stall.failed(1200, 1, 0)).toEqual({ durationMs: 200, writes: 1 });
  stall.began(5000);
  expect(stall.done(5010, 0)).toBeUndefined();
});
