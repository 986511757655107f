import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import { ManualClock } from '../../lib/clock.js';
import { Expectations } from './expectations.js';

const pod = (uid: string): KubeObject => ({ metadata: { name: uid, uid } });

test('a controller waits for what it has asked for', () => {
  const expectations = new Expectations(new ManualClock());
  const states: boolean[] = [expectations.satisfied('a/x')];
  const then = (): void => void states.push(expectations.satisfied('a/x'));
  expectations.expect('a/x', 2, ['uid-1']);
  then();
  expectations.failed('a/x', 2);
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

// Seed 58 of the simulated control plane: pods of a Job that was gone counted for the next one of its name.
test('what a former owner of the same name made does not count', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.expect('second', 1);
  expectations.made('second', pod('b'));
  expectations.saw('first', 'add', pod('a'));
  expect(expectations.satisfied('second')).toBe(false);
  expectations.saw('second', 'add', pod('b'));
  expect(expectations.satisfied('second')).toBe(true);
});

// Seed 1145: a creation whose answer was lost counted twice, as failed and as seen, and hid one that had not been seen.
test('an object whose creation was not answered does not stand for another', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.expect('owner', 2);
  expectations.saw('owner', 'add', pod('lost'));
  expectations.made('owner', pod('known'));
  expectations.failed('owner');
  expect(expectations.satisfied('owner')).toBe(false);
  expectations.saw('owner', 'add', pod('known'));
  expect(expectations.satisfied('owner')).toBe(true);
});

test('what is seen before its creation is answered is not waited for', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.expect('owner', 1);
  expectations.saw('owner', 'add', pod('a'));
  expect(expectations.satisfied('owner')).toBe(false);
  expectations.made('owner', pod('a'));
  expect(expectations.satisfied('owner')).toBe(true);
});
