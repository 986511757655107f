import { describe, expect, test } from '@jest/globals';
import type { LabelSelector } from '../types/core.js';
import { parseLabelSelector } from './selector-text.js';
import {
  compileSelector,
  formatRequirements,
  formatSelector,
  matchesExpression,
  matchesRequirements,
  selectorText,
} from './selectors.js';

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '5', empty: '' };
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
    ['empty in ()', true],
    ['missing in ()', false],
    ['missing notin ()', true],
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
    ['a in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a in (b!)', "unable to parse requirement: found '!', expected: ',' or ')'"],
    ['a in (b,', "unable to parse requirement: found '', expected: ',', or identifier"],
    ['a in (,!)', "unable to parse requirement: found '!', expected: ',', or identifier"],
    ['a foo b', "unable to parse requirement: found 'foo', expected: in, notin, =, ==, !=, gt, lt"],
  ])('%s is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });
});

describe('selectors of objects', () => {
  const labels = { app: 'web', tier: 'front' };
  const one = (operator: string, values?: string[]): LabelSelector => ({
    matchExpressions: [{ key: 'tier', operator, values }],
  });
  test.each<[string, LabelSelector | undefined, boolean, string, string]>([
    ['an absent one selects nothing', undefined, false, '<none>', ''],
    ['an empty one selects everything', {}, true, '<none>', ''],
    [
      'labels',
      { matchLabels: { tier: 'front', app: 'web' } },
      true,
      'app=web,tier=front',
      'app=web,tier=front',
    ],
    ['other labels', { matchLabels: { app: 'db' } }, false, 'app=db', 'app=db'],
    ['In', one('In', ['front', 'back']), true, 'tier in (back,front)', 'tier in (back,front)'],
    ['NotIn', one('NotIn', ['front']), false, 'tier notin (front)', 'tier notin (front)'],
    ['Exists', one('Exists'), true, 'tier', 'tier'],
    ['DoesNotExist', one('DoesNotExist'), false, '!tier', '!tier'],
    ['an operator that does not exist', one('Like', ['f']), false, '<error>', ''],
  ])('%s', (_, selector, selects, text, query) => {
    expect(compileSelector(selector)(labels)).toBe(selects);
    expect(formatSelector(selector)).toBe(text);
    expect(selectorText(selector)).toBe(query);
  });

  test('an object without labels has none', () => {
    expect(compileSelector(one('DoesNotExist'))(undefined)).toBe(true);
    expect(compileSelector(one('In', ['front']))(undefined)).toBe(false);
    // Names of every object's own properties are no labels.
    expect(
      compileSelector({ matchExpressions: [{ key: 'toString', operator: 'Exists' }] })({}),
    ).toBe(false);
  });
});

describe('requirements of nodes', () => {
  test.each<[string, string | undefined, string[], boolean]>([
    ['Gt', '5', ['4'], true],
    ['Gt', '5', ['5'], false],
    ['Lt', '-5', ['+4'], true],
    ['Gt', '5', ['four'], false],
    ['Gt', 'five', ['4'], false],
    ['Gt', undefined, ['4'], false],
    ['Gt', '5', [], false],
    ['Gt', '9223372036854775808', ['1'], false],
    ['In', 'a', ['a'], true],
    ['Unknown', 'a', ['a'], false],
  ])('%s: %s against %j', (operator, value, values, expected) => {
    const labels: Record<string, string> = value === undefined ? {} : { n: value };
    expect(matchesExpression({ key: 'n', operator, values }, labels)).toBe(expected);
  });
});
