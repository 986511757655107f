import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import { ManualClock } from '../../lib/clock.js';
import { Expectations } from './expectations.js';

const pod = (uid: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  metadata: { name: uid, uid, ...metadata },
});

test('what was asked for is expected until it was seen', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.expect('owner', 2, ['gone']);
  expectations.saw('owner', 'add', pod('a'));
  expectations.saw('owner', 'update', pod('gone', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  expect(expectations.satisfied('owner')).toBe(false);
  expectations.saw('owner', 'add', pod('b'));
  expect(expectations.satisfied('owner')).toBe(true);
});

// Seed 58 of the simulated control plane: pods of a Job that was gone counted for the next one of its name, which made a pod too many.
test('what a former owner of the same name made does not count', () => {
  const expectations = new Expectations(new ManualClock());
  expectations.forgetGone({ type: 'delete', object: pod('first') });
  expectations.expect('second', 1);
  expectations.saw('first', 'add', pod('a'));
  expect(expectations.satisfied('second')).toBe(false);
  expectations.saw('second', 'add', pod('b'));
  expect(expectations.satisfied('second')).toBe(true);
});

test('a lost event delays and does not block', () => {
  const clock = new ManualClock();
  const expectations = new Expectations(clock);
  expectations.expect('owner', 1);
  clock.advance(5 * 60_000);
  expect(expectations.satisfied('owner')).toBe(false);
  clock.advance(1);
  expect(expectations.satisfied('owner')).toBe(true);
});
