import { describe, expect, test } from '@jest/globals';
import { checkWatches } from './watch-guarantees.js';
import type { WatchAnswer, WatchedEvent, WatchHistory } from './watch-guarantees.js';

const a2: WatchedEvent = { type: 'put', key: 'a', revision: 2, value: '1', version: 1 };
const b3: WatchedEvent = { type: 'put', key: 'b', revision: 3, value: '2', version: 1 };
const a4: WatchedEvent = { type: 'put', key: 'a', revision: 4, value: '3', version: 2 };
const b4: WatchedEvent = { type: 'put', key: 'b', revision: 4, value: '4', version: 2 };
const a5: WatchedEvent = { type: 'delete', key: 'a', revision: 5 };
const answer = (revision: number, ...events: WatchedEvent[]): WatchAnswer => ({ revision, events });
const whole: WatchHistory = {
  name: 'whole',
  key: 'a',
  rangeEnd: 'z',
  startRevision: 1,
  answers: [answer(2, a2), answer(3, b3), answer(4, a4, b4), answer(5, a5)],
};

function broken(other: Partial<WatchHistory>): string[] {
  const { violations } = checkWatches([whole, { ...whole, name: 'other', ...other }]);
  return [...new Set(violations.map((each) => each.guarantee))].toSorted();
}

describe('guarantees of watches', () => {
  test.each<[string, Partial<WatchHistory>, string[]]>([
    ['the whole', {}, []],
    ['one answer for all', { answers: [answer(5, a2, b3, a4, b4, a5)] }, []],
    ['a stream that ended early', { answers: [answer(2, a2)] }, []],
    ['a start in between', { startRevision: 4, answers: [answer(4, a4, b4)] }, []],
    ['one key', { key: 'b', rangeEnd: 'c', answers: [answer(3, b3), answer(4, b4)] }, []],
    ['no deletes', { noDelete: true, answers: [answer(4, a2, b3, a4, b4), answer(5)] }, []],
    ['out of order', { answers: [answer(3, b3), answer(3, a2)] }, ['ordered']],
    ['twice', { answers: [answer(3, a2, b3, b3)] }, ['unique']],
    ['twice after a resume', { answers: [answer(2, a2), answer(3, a2, b3)] }, ['atomic', 'unique']],
    [
      'a revision in two answers',
      { answers: [answer(3, a2, b3), answer(4, a4), answer(4, b4)] },
      ['atomic'],
    ],
    ['a gap', { answers: [answer(2, a2), answer(4, a4, b4)] }, ['reliable']],
    ['half a txn', { answers: [answer(3, a2, b3), answer(4, a4), answer(5, a5)] }, ['reliable']],
    ['a gap that a bookmark shows', { answers: [answer(2, a2), answer(3)] }, ['reliable']],
    ['a late start', { startRevision: 3, answers: [answer(4, a4, b4)] }, ['resumable']],
    ['an early start', { startRevision: 3, answers: [answer(3, a2, b3)] }, ['resumable']],
    ['an event under the bookmark', { answers: [answer(3), answer(3, a2, b3)] }, ['bookmarkable']],
    [
      'bookmarks that go back',
      { answers: [answer(3, a2, b3), answer(3), answer(2)] },
      ['bookmarkable'],
    ],
    ['another key', { key: 'b', rangeEnd: 'c', answers: [answer(3, a2, b3)] }, ['filter']],
    ['a filtered delete', { noDelete: true, answers: [answer(5, a2, b3, a4, b4, a5)] }, ['filter']],
    ['another value', { answers: [answer(2, { ...a2, value: 'x' })] }, ['agreement']],
    [
      'no previous',
      { withPrevious: true, startRevision: 4, answers: [answer(4, a4, b4)] },
      ['prev_kv'],
    ],
    [
      'the right previous',
      {
        withPrevious: true,
        startRevision: 5,
        answers: [answer(5, { ...a5, previous: { value: '3', modRevision: 4 } })],
      },
      [],
    ],
    [
      'an old previous',
      {
        withPrevious: true,
        startRevision: 5,
        answers: [answer(5, { ...a5, previous: { value: '1', modRevision: 2 } })],
      },
      ['prev_kv'],
    ],
  ])('%s', (_name, other, expected) => {
    expect(broken(other)).toEqual(expected);
  });

  test('a version that jumps means that all watchers missed a write', () => {
    const { violations } = checkWatches([{ ...whole, answers: [answer(4, b3, a4)] }]);
    expect(violations.map((each) => each.guarantee)).toEqual(['prev_kv']);
  });
});
