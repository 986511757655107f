import { expect, test } from '@jest/globals';
import { evaluateJsonPath, renderJsonPath } from './evaluate.js';

const pods = {
  kind: 'List',
  items: [
    {
      metadata: { name: 'a', labels: { 'app.io/x': '1' } },
      n: 1,
      on: true,
      c: [{ i: 'x' }, { i: 'y' }],
    },
    { metadata: { name: 'b' }, n: 20, on: false, c: [{ i: 'z' }] },
  ],
};

test.each([
  ['{.kind}', 'List'],
  ['{$.kind}{"\\n"}', 'List\n'],
  ['kind: {.kind}', 'kind: List'],
  ['{.items[*].metadata.name}', 'a b'],
  ['{.items[0].metadata.name}', 'a'],
  ['{.items[-1].metadata.name}', 'b'],
  ['{.items[0:1].metadata.name}', 'a'],
  ['{.items[0,1].n}', '1 20'],
  ["{.items[*]['metadata.name','n']}", 'a 1 b 20'],
  ["{.items[0].metadata.labels['app.io/x']}", '1'],
  ['{.items[0].metadata.labels.app\\.io/x}', '1'],
  ['{..i}', 'x y z'],
  ['{.items[?(@.metadata.name=="b")].n}', '20'],
  ['{.items[?(@.n>5)].metadata.name}', 'b'],
  ['{.items[?(@.on==true)].metadata.name}', 'a'],
  ['{.items[?(@.metadata.labels)].metadata.name}', 'a'],
  ['{range .items[*]}{.metadata.name}={.n}{"\\t"}{end}', 'a=1\tb=20\t'],
  ['{range .items[*]}{range .c[*]}{.i}{end};{end}', 'xy;z;'],
  ['{.items[0].c}', '[{"i":"x"},{"i":"y"}]'],
  ['{.nothing.there}', ''],
  ['{.items[*].n} {.kind}', '1 20 List'],
])('%s', (template, text) => {
  expect(renderJsonPath(template, pods)).toBe(text);
});

test('as JSON', () => {
  expect(evaluateJsonPath('{.items[*].n}', pods)).toEqual([1, 20]);
});

test.each([
  ['{.kind', 'unclosed action'],
  ['{end}', 'not in range, nothing to end'],
  ['{range .items[*]}', 'unexpected end of range'],
  ['{.items[x]}', 'invalid array index x'],
  ['{.items[5]}', 'array index out of bounds: index 5, length 2'],
])('%s is refused', (template, words) => {
  expect(() => renderJsonPath(template, pods)).toThrow(words);
});
