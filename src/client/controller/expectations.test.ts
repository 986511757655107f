import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Expectations } from './expectations.js';

test('a controller waits for what it has asked for', () => {
  const expectations = new Expectations(new ManualClock());
  const states: boolean[] = [expectations.satisfied('a/x')];
  const then = (): void => void states.push(expectations.satisfied('a/x'));
  expectations.expect('a/x', 2, ['uid-1']);
  then();
  expectations.created('a/x', 2);
  then();
  expectations.deleted('a/x', 'uid-of-another');
  then();
  expectations.deleted('a/x', 'uid-1');
  then();
  expect(states).toEqual([true, false, false, false, true]);
  expect(expectations.satisfied('a/other')).toBe(true);
});

test('a creation or deletion that is never seen is waited for five minutes', () => {
  const clock = new ManualClock();
  const expectations = new Expectations(clock);
  expectations.expect('a/x', 1);
  clock.advance(5 * 60_000);
  expect(expectations.satisfied('a/x')).toBe(false);
  clock.advance(1);
  expect(expectations.satisfied('a/x')).toBe(true);
});

test('what is forgotten is not waited for', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.expect('a/x', 1);
  expectations.forget('a/x');
  expect(expectations.satisfied('a/x')).toBe(true);
});
