import { describe, expect, test } from '@jest/globals';
import { moveLeadingFlags } from './leading-flags.js';
import { nearest } from './nearest.js';
import { parseLine } from './parse.js';
import type { Flags } from './flag-types.js';

const flags = {
  namespace: { type: 'text', short: 'n', help: '' },
  stdin: { type: 'bool', short: 'i', help: '' },
  tty: { type: 'bool', short: 't', help: '' },
  filename: { type: 'list', short: 'f', help: '' },
  columns: { type: 'list', short: 'L', commas: true, help: '' },
  tail: { type: 'int', default: -1, help: '' },
  'dry-run': { type: 'text', default: 'none', bare: 'unchanged', help: '' },
  cascade: { type: 'text', values: ['background', 'orphan'], default: 'background', help: '' },
} as const satisfies Flags;

const parse = (...argv: string[]): ReturnType<typeof parseLine> => parseLine(flags, argv);

describe('flags as pflag reads them', () => {
  test.each([
    [['-n', 'x'], 'namespace', 'x'],
    [['-nx'], 'namespace', 'x'],
    [['-n=x'], 'namespace', 'x'],
    [['--namespace', 'x'], 'namespace', 'x'],
    [['--namespace=a=b'], 'namespace', 'a=b'],
    [['--tail', '-5'], 'tail', -5],
    [['--dry-run'], 'dry-run', 'unchanged'],
    [['--dry-run=server'], 'dry-run', 'server'],
    [['--tail', '+3'], 'tail', 3],
    [['--tail', '0x10'], 'tail', 16],
    [['--tail', '010'], 'tail', 8],
    [['--tail', '0b11'], 'tail', 3],
    [['--tail', '1_000'], 'tail', 1000],
    [['--stdin=false'], 'stdin', false],
    [['-f', 'a', '--filename=b'], 'filename', ['a', 'b']],
    [['-L', 'a,b', '-L', 'c'], 'columns', ['a', 'b', 'c']],
    [['-L', '"a,b",c'], 'columns', ['a,b', 'c']],
    [['-L', '"a""b"'], 'columns', ['a"b']],
    [['-L', 'a, b'], 'columns', ['a', ' b']],
    [['-L', ','], 'columns', ['', '']],
    [['-L', 'a\nb'], 'columns', ['a']],
    [['-L', '', '-L', 'c'], 'columns', ['c']],
  ])('%j', (argv, name, value) => {
    expect(parse(...argv).values[name]).toEqual(value);
  });

  test('letters stand together, words anywhere, and all after -- are words', () => {
    const line = parse('exec', '-it', 'web', '-nx', '--', 'sh', '-c', 'ls');
    expect(line.args).toEqual(['exec', 'web', 'sh', '-c', 'ls']);
    expect(line.dash).toBe(2);
    expect(line.values).toMatchObject({ stdin: true, tty: true, namespace: 'x' });
    expect([...line.given].sort()).toEqual(['namespace', 'stdin', 'tty']);
  });

  test('a value that may be left out does not take the next word', () => {
    expect(parse('--dry-run', 'server').args).toEqual(['server']);
  });

  test.each([
    [['--no'], 'unknown flag: --no'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['--namespace'], 'flag needs an argument: --namespace'],
    [['-n'], "flag needs an argument: 'n' in -n"],
    [
      ['--tail', 'x'],
      'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      ['--tail', '99999999999999999999'],
      'invalid argument "99999999999999999999" for "--tail" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ],
    [
      ['--tail', '08'],
      'invalid argument "08" for "--tail" flag: strconv.ParseInt: parsing "08": invalid syntax',
    ],
    [
      ['--stdin=per"haps'],
      'invalid argument "per\\"haps" for "-i, --stdin" flag: strconv.ParseBool: parsing "per\\"haps": invalid syntax',
    ],
    [
      ['-L', 'a"b'],
      'invalid argument "a\\"b" for "-L, --columns" flag: parse error on line 1, column 2: bare " in non-quoted-field',
    ],
    [
      ['--columns="a'],
      'invalid argument "\\"a" for "-L, --columns" flag: parse error on line 1, column 3: extraneous or missing " in quoted-field',
    ],
    [
      ['--columns="a"b'],
      'invalid argument "\\"a\\"b" for "-L, --columns" flag: parse error on line 1, column 3: extraneous or missing " in quoted-field',
    ],
    [
      ['--cascade', 'x'],
      `invalid argument "x" for "--cascade" flag: must be one of 'background', 'orphan'`,
    ],
  ])('%j is refused', (argv, words) => {
    expect(() => parse(...argv)).toThrow(words);
  });
});

test('names that are near a word', () => {
  expect(nearest('deploymnet', ['deployments', 'deployment', 'pods'])).toEqual(['deployment']);
  expect(nearest('dess', ['describe', 'delete'])).toEqual([]);
  expect(nearest('des', ['describe', 'delete'])).toEqual(['describe']);
});

test.each([
  [
    ['-n', 'jobs', 'get', 'pods'],
    ['get', '-n', 'jobs', 'pods'],
  ],
  [
    ['--context=x', '-njobs', 'get'],
    ['get', '--context=x', '-njobs'],
  ],
  [
    ['--insecure-skip-tls-verify', 'get'],
    ['get', '--insecure-skip-tls-verify'],
  ],
  [['--no-such'], ['--no-such']],
])('flags before the command: %j', (argv, moved) => {
  expect(moveLeadingFlags(argv)).toEqual(moved);
});
