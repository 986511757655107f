import { expect, test } from '@jest/globals';
import { mergeDifference } from './merge-difference.js';

test.each([
  ['nothing', { a: { b: 1 } }, { a: { b: 1 } }, undefined],
  ['a value', { a: { b: 1, c: 2 } }, { a: { b: 2, c: 2 } }, { a: { b: 2 } }],
  ['a field that is gone', { a: { b: 1, c: 2 } }, { a: { c: 2 } }, { a: { b: null } }],
  ['a map that is gone', { a: { b: 1 } }, {}, { a: null }],
  ['a field that is new', {}, { a: { b: [] } }, { a: { b: [] } }],
  ['an emptied map', { a: { b: 1 } }, { a: {} }, { a: { b: null } }],
  ['a list goes whole', { a: [1, 2, 3] }, { a: [1, 3] }, { a: [1, 3] }],
  ['a map in place of a list', { a: [1] }, { a: { 0: 1 } }, { a: { 0: 1 } }],
  ['null in place of a map', { a: { b: 1 } }, { a: null }, { a: null }],
  ['false in place of nothing', { a: {} }, { a: { b: false } }, { a: { b: false } }],
  ['a key of every object', {}, { constructor: 'x' }, { constructor: 'x' }],
])('%s', (_, before, after, patch) => {
  expect(mergeDifference(before, after)).toEqual(patch);
});
