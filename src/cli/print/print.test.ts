import { describe, expect, test } from '@jest/globals';
import { alignColumns } from './columns.js';
import { parseColumnsFile, parseCustomColumns, renderCustomColumns } from './custom-columns.js';
import { formatJson } from './json.js';
import { renderJsonPath } from './jsonpath/evaluate.js';
import { sortBy } from './sort.js';
import { formatYaml } from '../../api/print/yaml.js';

test('columns are six wide at least, and the last one has no blanks', () => {
  expect(
    alignColumns([
      ['NAME', 'A', 'AGE'],
      ['x', 'é', ''],
    ]),
  ).toBe('NAME   A     AGE\nx      é     \n');
});

test('JSON is sorted and escaped as by Go', () => {
  expect(formatJson({ b: '<&>', a: [1, { d: null, c: undefined }] }, 1)).toBe(
    '{\n "a": [\n  1,\n  {\n   "d": null\n  }\n ],\n "b": "\\u003c\\u0026\\u003e"\n}',
  );
});

describe('YAML is that of go-yaml', () => {
  test.each([
    [{ b: [], a: {}, c: null }, 'a: {}\nb: []\nc: null\n'],
    [{ list: [{ b: 1, a: [2] }, 'x'] }, 'list:\n- a:\n  - 2\n  b: 1\n- x\n'],
    [{ list: [[1, 2], []] }, 'list:\n- - 1\n  - 2\n- []\n'],
    [
      ['true', 'no', '1', '1.5', '0x1', '1e3', 'y', '', '~', '2026-01-01T00:00:00Z', '12:30'].map(
        (v) => v,
      ),
      '- "true"\n- "no"\n- "1"\n- "1.5"\n- "0x1"\n- "1e3"\n- "y"\n- ""\n- "~"\n- "2026-01-01T00:00:00Z"\n- "12:30"\n',
    ],
    [
      ['a: b', '*', '- x', 'x #y', "'q'", '@a', 'a:b', '-x', '#'],
      "- 'a: b'\n- '*'\n- '- x'\n- 'x #y'\n- '''q'''\n- '@a'\n- a:b\n- -x\n- '#'\n",
    ],
    [{ text: 'a\nb\n' }, 'text: |\n  a\n  b\n'],
    [{ text: 'a\n\nb' }, 'text: |-\n  a\n\n  b\n'],
    [{ text: ' a\nb\n\n' }, 'text: |2+\n   a\n  b\n\n'],
    [{ text: 'a \nb' }, 'text: "a \\nb"\n'],
    [{ text: 'a\tb' }, 'text: "a\\tb"\n'],
    [{ true: 1, '1': 2 }, '"1": 2\n"true": 1\n'],
  ])('%j', (value, text) => {
    expect(formatYaml(value)).toBe(text);
  });

  test('long text is folded at the first blank beyond column 80', () => {
    const words = Array.from({ length: 30 }, () => 'word').join(' ');
    const [first = '', second = ''] = formatYaml({ message: words }).split('\n');
    expect(first).toBe(`message: ${Array.from({ length: 15 }, () => 'word').join(' ')}`);
    expect(second.startsWith('  word')).toBe(true);
  });
});

describe('custom columns', () => {
  const objects = [
    { metadata: { name: 'a' }, spec: { list: [{ x: 1 }, { x: 2 }] } },
    { metadata: { name: 'b' } },
  ];

  test('values, several values, and none', () => {
    const columns = parseCustomColumns('NAME:.metadata.name,X:{.spec.list[*].x}');
    expect(renderCustomColumns(columns, objects, true)).toBe(
      'NAME   X\na      1,2\nb      <none>\n',
    );
  });

  test('from a file', () => {
    expect(parseColumnsFile('A B\n.metadata.name .spec\n').map(({ head }) => head)).toEqual([
      'A',
      'B',
    ]);
    expect(() => parseColumnsFile('A B\n.x')).toThrow(
      'number of headers (2) and field specifications (1)',
    );
  });

  test('a column without a path is refused', () => {
    expect(() => parseCustomColumns('NAME')).toThrow('expected <header>:<json-path-expr>');
  });
});

test.each([
  ['{.n}', [{ n: 10 }, { n: 9 }], [{ n: 9 }, { n: 10 }]],
  ['.n', [{ n: 'a10' }, { n: 'a9' }], [{ n: 'a9' }, { n: 'a10' }]],
  ['n', [{ n: -5 }, { n: -(2n ** 63n) }, { n: 3 }], [{ n: -(2n ** 63n) }, { n: -5 }, { n: 3 }]],
  ['n', [{ n: '1Gi' }, { n: '1Mi' }, {}], [{}, { n: '1Mi' }, { n: '1Gi' }]],
])('sorted by %s', (path, items: readonly unknown[], order) => {
  expect(sortBy(path, items, (item) => item)).toEqual(order);
});

test('JSONPath compares whole numbers beyond a double with each other and with short ones', () => {
  const value = { of: [{ n: 2n ** 53n + 1n }, { n: 3 }, { n: -(2n ** 63n) }] };
  expect(renderJsonPath('{.of[?(@.n > 2)].n}', value)).toBe('9007199254740993 3');
  expect(renderJsonPath('{.of[?(@.n == 9007199254740993)].n}', value)).toBe('9007199254740993');
  expect(renderJsonPath('{.of[?(@.n == 9007199254740992)].n}', value)).toBe('');
});
