import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { EventJournal } from './event-journal.js';
import { shellEvent } from './member-events.js';

function journal(capacity: number, events: number): EventJournal {
  const made = new EventJournal(new ManualClock(1000), capacity);
  for (let n = 0; n < events; n++) made.record(shellEvent({ kind: 'started' }, n));
  return made;
}

test.each([
  { what: 'all that is kept', after: 0, limit: 10, missed: 0, told: [1, 2, 3] },
  { what: 'what is newer', after: 2, limit: 10, missed: 0, told: [3] },
  { what: 'nothing to who knows all', after: 3, limit: 10, missed: 0, told: [] },
  { what: 'no more than asked for, oldest first', after: 0, limit: 2, missed: 0, told: [1, 2] },
])('tells $what', ({ after, limit, missed, told }) => {
  const answer = journal(4, 3).after(after, limit);
  expect(answer.missed).toBe(missed);
  expect(answer.events.map(({ sequence }) => sequence)).toEqual(told);
});

test('tells a slow reader how many events are gone', () => {
  const full = journal(4, 10);
  expect(full.last).toBe(10);
  const answer = full.after(3, 2);
  expect(answer.missed).toBe(3);
  expect(answer.events.map(({ sequence, term }) => [sequence, term])).toEqual([
    [7, 6],
    [8, 7],
  ]);
});

test('calls who listens after each event, until that ends', () => {
  const made = journal(4, 0);
  let calls = 0;
  const stop = made.onEvent(() => calls++);
  made.record(shellEvent({ kind: 'started' }, 1));
  stop();
  made.record(shellEvent({ kind: 'stopping' }, 1));
  expect(calls).toBe(1);
});
