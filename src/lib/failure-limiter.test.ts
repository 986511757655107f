import { expect, test } from '@jest/globals';
import { ManualClock } from './clock.js';
import { FailureLimiter } from './failure-limiter.js';
import { failureLimits } from './net-limits.js';

test('who has failed often waits for the end of the window, and nobody else', () => {
  const clock = new ManualClock();
  const limiter = new FailureLimiter(clock);
  for (let count = 0; count < failureLimits.perKey; count++) {
    expect(limiter.allows('a')).toBe(true);
    limiter.failed('a');
  }
  expect(limiter.allows('a')).toBe(false);
  expect(limiter.allows('b')).toBe(true);
  clock.advance(failureLimits.windowMs);
  expect(limiter.allows('a')).toBe(true);
});

test('the oldest are forgotten when there are too many', () => {
  const limiter = new FailureLimiter(new ManualClock());
  for (let count = 0; count < failureLimits.perKey; count++) limiter.failed('first');
  expect(limiter.allows('first')).toBe(false);
  for (let count = 0; count < failureLimits.keys; count++) limiter.failed(`other ${count}`);
  expect(limiter.allows('first')).toBe(true);
});
