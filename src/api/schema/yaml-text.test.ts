import { describe, expect, test } from '@jest/globals';
import { maxYamlNodes, parseYamlBody } from './yaml-text.js';

/** The values that Kubernetes 1.20 and later store for a field of a custom resource, by its text in YAML. */
const scalars: readonly (readonly [string, unknown])[] = [
  ['y', true],
  ['n', false],
  ['Off', false],
  ['0b11', 3],
  ['0o17', 15],
  ['017', 15],
  ['08', 8],
  ['0x1F', 31],
  ['0o8', '0o8'],
  ['0b', '0b'],
  ['1:30', '1:30'],
  ['1_000', 1000],
  ['1_', 1],
  ['_1', '_1'],
  ['1e3', 1000],
  ['1e', '1e'],
  ['.5', 0.5],
  ['+5', 5],
  ['-1', -1],
  ['1.0', 1],
  ['0.10', 0.1],
  ['1e400', '1e400'],
  ['12345678901234567890', 12345678901234567000],
  ['0xFFFFFFFFFFFFFFFFF', '0xFFFFFFFFFFFFFFFFF'],
  ['2001-01-01T00:00:00Z', '2001-01-01T00:00:00Z'],
  ['~', null],
  ['=', '='],
  ['!!str 5', '5'],
  ['!!int "5"', 5],
  ['!!binary aGk=', 'hi'],
  ['! 5', '5'],
  ['!foo x', 'x'],
  ['{1: b, true: c, 1.5: d}', { '1': 'b', true: 'c', '1.5': 'd' }],
];

const refused: readonly (readonly [string, string])[] = [
  ['a: .nan', 'json: unsupported value: NaN'],
  ['a: +.inf', 'json: unsupported value: +Inf'],
  ['a: *x', 'yaml: unidentified alias "x"'],
  ['"', 'yaml: found unexpected end of stream'],
  ['a: 1\nb: "y', 'yaml: line 2: found unexpected end of stream'],
  ['a: b: c', 'yaml: bad indentation of a mapping entry'],
];

describe('YAML bodies', () => {
  test.each(scalars)('%s', (text, value) => {
    expect(parseYamlBody(`a: ${text}\n`)).toEqual({ value: { a: value }, duplicates: [] });
  });

  test.each(refused)('%j is refused', (text, message) => {
    expect(() => parseYamlBody(text)).toThrow(message);
  });

  test('the first document counts, and an empty text is null', () => {
    expect(parseYamlBody('---\na: 1\n---\nb: 2\n').value).toEqual({ a: 1 });
    expect(parseYamlBody('').value ?? null).toBeNull();
  });

  test('duplicate keys are named with their lines, the last one counts', () => {
    expect(parseYamlBody('a: 1\nb: {c: 1, c: 2}\na: 3\n')).toEqual({
      value: { a: 3, b: { c: 2 } },
      duplicates: ['line 2: key "c" already set in map', 'line 3: key "a" already set in map'],
    });
    expect(parseYamlBody('{"a": 1,\n"a": 2}').duplicates).toEqual([
      'line 2: key "a" already set in map',
    ]);
  });

  test('merged keys give way to own ones', () => {
    expect(parseYamlBody('one: &x {a: 1, b: 2}\ntwo: {<<: *x, b: 3}\n').value).toEqual({
      one: { a: 1, b: 2 },
      two: { a: 1, b: 3 },
    });
  });

  test('__proto__ is a key like others', () => {
    const value = parseYamlBody('__proto__: {a: 1}\nb: &b {__proto__: 1}\nc: *b\n').value as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'b', 'c']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test('aliases that grow beyond all bounds are refused, modest ones are not', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i += 1) {
      const list = Array.from({ length: 10 }, () => `*a${i - 1}`);
      lines.push(`a${i}: &a${i} [${list.join(', ')}]`);
    }
    expect(() => parseYamlBody(lines.join('\n'))).toThrow('document contains excessive aliasing');
    const { value } = parseYamlBody(lines.slice(0, 3).join('\n'));
    expect(JSON.stringify(value)).toContain('"a2":[[["x",');
    expect(() => parseYamlBody('a: &a [*a]')).toThrow('yaml: ');
  });

  test('nesting, nodes and merged keys are bounded', () => {
    expect(() => parseYamlBody('[x,'.repeat(5_000))).toThrow('yaml: nesting exceeded');
    expect(() => parseYamlBody('- 1\n'.repeat(maxYamlNodes + 1))).toThrow('too many nodes');
    const keys = Array.from({ length: 500 }, (_, i) => `k${i}: 1`).join(', ');
    const merges = Array.from({ length: 100 }, (_, i) => `m${i}: {<<: *a}\n`).join('');
    expect(() => parseYamlBody(`a: &a {${keys}}\n${merges}`)).toThrow('merge keys');
  });
});
