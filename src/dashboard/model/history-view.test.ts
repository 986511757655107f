import { expect, test } from '@jest/globals';
import { indexOfRevision } from './history-view.js';

const entries = ['30', '20', '7'].map((revision) => ({ revision, who: [], changes: [] }));

test.each([
  [undefined, 0],
  ['31', 0],
  ['30', 0],
  ['29', 1],
  ['20', 1],
  ['19', 2],
  ['7', 2],
  ['6', 2],
])('at revision %s it is version %d', (at, index) => {
  expect(indexOfRevision(entries, at)).toBe(index);
});

test('of no versions there is none', () => {
  expect(indexOfRevision([], '5')).toBe(0);
});
