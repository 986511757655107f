import { describe, expect, test } from '@jest/globals';
import {
  compileSelector,
  formatRequirements,
  matchesRequirements,
  parseLabelSelector,
} from './label-selector.js';

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '5' };
  test.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app!=web', false],
    ['other!=web', true],
    ['app in (web, db)', true],
    ['app notin (web)', false],
    ['app notin (db),tier', true],
    ['!missing', true],
    ['!app', false],
    ['n>4', true],
    ['n<4', false],
    ['missing=', false],
  ])('%s', (text, expected) => {
    expect(matchesRequirements(parseLabelSelector(text), labels)).toBe(expected);
  });

  test.each([
    ['x in (b,a),y!=1,!z,w', 'w,x in (a,b),y!=1,!z'],
    ['a==1', 'a=1'],
  ])('%s prints as %s', (text, canonical) => {
    expect(formatRequirements(parseLabelSelector(text))).toBe(canonical);
  });

  test.each([
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['=x', "unable to parse requirement: found '=', expected: identifier"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a foo b', "unable to parse requirement: found 'foo', expected: in, notin, =, ==, !=, gt, lt"],
  ])('%s is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  test('objects', () => {
    const matches = compileSelector({
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }],
    });
    expect([matches(labels), matches({ app: 'web' })]).toEqual([true, false]);
    expect([compileSelector({})({}), compileSelector(undefined)({})]).toEqual([true, false]);
  });
});
