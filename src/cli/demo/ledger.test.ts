import { expect, test } from '@jest/globals';
import { isSound, Ledger, verdictLines } from './ledger.js';

function ledger(): Ledger {
  const kept = new Ledger();
  kept.began(0);
  kept.ended('a', 'acknowledged', 10);
  kept.ended('b', 'acknowledged', 20);
  kept.ended('c', 'unknown', 30);
  kept.ended('d', 'unknown', 40);
  kept.ended('e', 'refused', 50);
  return kept;
}

test('what was acknowledged is there, what was refused is not, the rest may be either', () => {
  const verdict = ledger().verdict(new Set(['a', 'b', 'c']));
  expect(verdict).toEqual({
    acknowledged: 2,
    lost: [],
    refused: 1,
    undead: [],
    unknownDone: 1,
    unknownNotDone: 1,
  });
  expect(isSound(verdict)).toBe(true);
  expect(verdictLines(verdict)[0]).toBe(
    '2 writes were acknowledged, and every one of them was read back: none is lost.',
  );
});

test.each([
  { what: 'a lost one', found: ['a'], says: 'LOST: 1 of 2 acknowledged writes are not there: b.' },
  {
    what: 'a refused one that is there',
    found: ['a', 'b', 'e'],
    says: 'WRONG: 1 of 1 refused writes were done: e.',
  },
])('$what is said', ({ found, says }) => {
  const verdict = ledger().verdict(new Set(found));
  expect(isSound(verdict)).toBe(false);
  expect(verdictLines(verdict)).toContain(says);
});

test('the longest time without an acknowledgement counts from the last one, and anew in each scene', () => {
  const kept = new Ledger();
  expect(kept.takeLongestGapMs(5)).toBe(0);
  kept.began(100);
  kept.ended('a', 'acknowledged', 130);
  kept.began(140);
  kept.ended('b', 'unknown', 900);
  kept.began(910);
  kept.ended('c', 'acknowledged', 930);
  expect(kept.takeLongestGapMs(940)).toBe(800);
  kept.ended('d', 'acknowledged', 950);
  expect(kept.takeLongestGapMs(1000)).toBe(50);
});
