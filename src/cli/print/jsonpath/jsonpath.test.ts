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
  ["{.items[*]['metadata.name','n']}", 'a b 1 20'],
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
  ['{.items[x]}', 'invalid array index x'],
])('%s is refused', (template, words) => {
  expect(() => renderJsonPath(template, pods)).toThrow(words);
});

const pod = {
  spec: {
    count: 3,
    big: 1_234_567,
    huge: Number('12345678901234567890'),
    share: 1.5,
    tiny: 0.00001,
    none: null,
    text: 'a b',
    list: [1, 2, 3],
    empty: [],
    nested: [[1, 2], [3]],
    containers: [
      { name: 'a', image: 'i1', ports: [{ p: 80 }, { p: 443 }] },
      { name: 'b', image: 'i2' },
      { name: 'c' },
    ],
  },
  labels: { app: 'web', constructor: 'no', 'a.b/c': 'd' },
};

// What kubectl 1.32 prints of this object.
test.each([
  ['{.spec.count} {.spec.big} {.spec.huge}', '3 1234567 1.2345678901234567e+19'],
  ['{.spec.share} {.spec.tiny}', '1.5 1e-05'],
  ['{.spec.none}[{.spec.missing}]', 'null[]'],
  ['{.labels.constructor}[{.labels.toString}{.toString}]', 'no[]'],
  ['{.spec.containers[*].image}', 'i1 i2'],
  ["{.spec.containers[*]['name','image']}", 'a b c i1 i2'],
  ['{.spec.containers[0,2].name}', 'a c'],
  ['{.spec.list[]}', '1'],
  ['{.spec.list[1:]} {.spec.list[:2]} {.spec.list[0:3:2]} {.spec.list[-2:]}', '2 3 1 2 1 3 2 3'],
  ['{.spec.list[1:1]}', ''],
  ['{.spec.nested[*][0]}', '1 3'],
  ['{.spec.nested[*]}', '[1,2] [3]'],
  ['{range .spec.list}x{end}', 'x'],
  ['{range .spec.list[*]}x{end}', 'xxx'],
  ['{range .spec.empty[*]}x{end}ok', 'ok'],
  ['{range .spec.missing[*]}x{end}ok', 'ok'],
  ['{range .spec.containers[*]}', ''],
  ['{.spec.containers[?(@.ports[0].p==80)].name}', 'a'],
  ['{.spec.containers[?(@.name!="b")].name}', 'a c'],
  ['{.spec.containers[?(@.nope=="x")].name}', ''],
  ['{.spec.containers[?(@.ports)].ports[?(@.p>100)].p}', '443'],
  ['{.spec.list[?(@>1)]}', '2 3'],
  ['{.spec.none[0]}{.spec.missing[5]}', ''],
  ['{1} {-1.5} {true}', '1 -1.5 true'],
  ['{.}', ''],
  ['{.labels.}', ''],
  ['{.spec.text} {.spec.count}{"\\t"}|', 'a b 3\t|'],
])('as kubectl prints it: %s', (template, text) => {
  expect(renderJsonPath(template, pod)).toBe(text);
});

test.each([
  ['{.spec.list[5]}', 'array index out of bounds: index 5, length 3'],
  ['{.spec.list[-5]}', 'array index out of bounds: index -2, length 3'],
  ['{.spec.list[0:9]}', 'array index out of bounds: index 8, length 3'],
  ['{.spec.list[7:9]}', 'array index out of bounds: index 7, length 3'],
  ['{.spec.list[2:1]}', 'starting index 2 is greater than ending index 1'],
  ['{.spec.list[0:3:0]}', 'step must be > 0'],
  ['{.spec.list[::-1]}', 'step must be > 0'],
  ['{.spec.empty[0]}', 'array index out of bounds: index 0, length 0'],
  ['{.spec.count[0]}', '3 is not array or slice'],
  ['{.spec.text[0:1]}', 'a b is not array or slice'],
  ['{.spec.count[?(@.a)]}', '3 is not array or slice and cannot be filtered'],
  ['{.spec.containers[?(@.ports[*].p==443)].name}', 'can only compare one element at a time'],
  ['{.spec.list[?(@=="2")]}', 'incompatible types for comparison'],
  ['{.spec.containers[?(@.ports==1)]}', 'invalid type for comparison'],
  ['{end}', 'not in range, nothing to end'],
])('%s cannot be carried out', (template, message) => {
  expect(() => renderJsonPath(template, pod)).toThrow(
    expect.objectContaining({ name: 'JsonPathRunError', message }),
  );
});

test.each([
  ['{metadata.name}', 'unrecognized identifier metadata'],
  ['{if}', 'unrecognized identifier if'],
  ['{{.metadata.name}}', "unrecognized character in action: U+007B '{'"],
  ['{.a[?(@.b=="c" && @.d==5)]}', "unrecognized character in action: U+0026 '&'"],
  ['{.a[?(@.name==b)].image}', 'unrecognized identifier b'],
  ['{.a[?(@.name=="b"}', 'unterminated filter'],
  ['{.a[0}', 'unterminated array'],
  ['{.a[x]}', 'invalid array index x'],
])('%s cannot be read', (template, message) => {
  expect(() => renderJsonPath(template, pod)).toThrow(
    expect.objectContaining({ name: 'JsonPathError', message }),
  );
});
