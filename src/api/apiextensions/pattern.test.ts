import { describe, expect, test } from '@jest/globals';
import { maxMatchSteps, matchesPattern, patternError } from './pattern.js';

const budget = (): { stepsLeft: number } => ({ stepsLeft: maxMatchSteps });

describe('patterns of schemas', () => {
  test.each([
    ['^a+$', 'aaa', true],
    ['b', 'abc', true],
    ['^(\\d+|\\*)(/\\d+)?$', '*/5', true],
    ['^[[:alpha:]]+\\z', 'abc', true],
    ['(?i)ABC', 'xabcx', true],
    ['^\\pL$', 'ä', true],
    ['^a$', 'b', false],
  ])('%s on %s: %s', (pattern, value, matches) => {
    expect(matchesPattern(pattern, value, budget())).toBe(matches);
  });

  test.each([
    ['(?!a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?!`'],
    ['[', 'error parsing regexp: missing closing ]: `[`'],
    ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
    ['(((a{100}){100}){100})', 'error parsing regexp: invalid repeat count: `{100}`'],
    ['\\1', 'error parsing regexp: invalid escape sequence: `\\1`'],
  ])('%s is none, in Go’s words', (pattern, text) => {
    expect(patternError(pattern)).toBe(text);
  });

  test('what takes a backtracking engine for ever is answered', () => {
    expect(matchesPattern('^(a+)+$', `${'a'.repeat(50_000)}!`, budget())).toBe(false);
  });

  test('an object has a budget for all its matches', () => {
    const small = { stepsLeft: 60_000 };
    expect(matchesPattern('^(a|b|c){1000}$', 'abc', small)).toBe(false);
    expect(matchesPattern('^(a|b|c){1000}$', 'abc'.repeat(100), small)).toBe('too long');
  });
});
