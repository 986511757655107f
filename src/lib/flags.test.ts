import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { oneOf, parseFlags, repeatable, wholeNumber } from './flags.js';
import { isUsageError, UsageError } from './usage-error.js';

const declare = (): Command =>
  new Command('try')
    .argument('[names...]')
    .option('--count <n>', 'how many', '3')
    .option('--tag <tag>', 'again and again', repeatable);

interface Flags {
  readonly count: string;
  readonly tag?: readonly string[];
}

describe('flags', () => {
  test('are parsed, beside the words that are none', () => {
    const words = ['a', '--tag=x', '--count=4', '--tag', 'y', 'b'];
    expect(parseFlags<Flags>(declare(), words)).toEqual({
      help: false,
      options: { count: '4', tag: ['x', 'y'], args: ['a', 'b'] },
    });
    expect(parseFlags<Flags>(declare(), [])).toEqual({
      help: false,
      options: { count: '3', args: [] },
    });
  });

  test('print help where they are told to, the same at every terminal', () => {
    let text = '';
    const parsed = parseFlags<Flags>(declare(), ['--help'], (part) => {
      text += part;
    });
    expect(parsed).toEqual({ help: true });
    expect(text).toBe(`Usage: try [options] [names...]

Options:
  --count <n>  how many (default: "3")
  --tag <tag>  again and again
  -h, --help   display help for command
`);
  });

  test.each([
    [['--no-such-flag'], "unknown option '--no-such-flag'"],
    [['--count'], "option '--count <n>' argument missing"],
  ])('%j are wrong usage', (words, message) => {
    const parse = (): unknown => parseFlags(declare(), words);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });

  test('alone take no other words', () => {
    expect(() => parseFlags(new Command('try'), ['word'])).toThrow('too many arguments');
  });
});

test.each([
  ['0', 0],
  ['007', 7],
  ['9', 9],
])('%s is a whole number', (text, value) => {
  expect(wholeNumber('--n', text, 0, 9)).toBe(value);
});

test.each(['', '-1', '10', '1.5', '1e1', 'x', ' 1'])('%j is none from 0 to 9', (text) => {
  expect(() => wholeNumber('--n', text, 0, 9)).toThrow(
    `--n takes a whole number from 0 to 9, not "${text}"`,
  );
});

test('one of some words', () => {
  expect(oneOf('-o', 'yaml', ['json', 'yaml'])).toBe('yaml');
  expect(() => oneOf('-o', 'xml', ['json', 'yaml'])).toThrow('-o takes json, yaml, not "xml"');
});

test('wrong usage is known by its name, in whichever realm it was made', () => {
  expect(isUsageError(new UsageError('no'))).toBe(true);
  expect(isUsageError(Object.assign(new Error('no'), { name: 'UsageError' }))).toBe(true);
  expect(isUsageError(new Error('no'))).toBe(false);
  expect(isUsageError('UsageError')).toBe(false);
});
