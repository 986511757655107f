import { expect, test } from '@jest/globals';
import { renderGoTemplate } from './render.js';

const pod = {
  metadata: { name: 'web', labels: { app: 'web', tier: 'front' } },
  spec: {
    containers: [
      { name: 'a', image: 'i1' },
      { name: 'b', image: 'i2' },
    ],
    replicas: 3,
  },
  data: { key: 'aGk=' },
};

test.each([
  ['{{.metadata.name}}', 'web'],
  ['{{ .metadata.missing }}', '<no value>'],
  ['{{range .spec.containers}}{{.name}}={{.image}} {{end}}', 'a=i1 b=i2 '],
  ['{{range $i, $c := .spec.containers}}{{$i}}:{{$c.name}} {{end}}', '0:a 1:b '],
  ['{{range $k, $v := .metadata.labels}}{{$k}}={{$v}};{{end}}', 'app=web;tier=front;'],
  ['{{range .none}}x{{else}}nothing{{end}}', 'nothing'],
  ['{{if eq .spec.replicas 3}}three{{else if eq .spec.replicas 2}}two{{else}}?{{end}}', 'three'],
  ['{{if and .metadata.name (gt .spec.replicas 5)}}y{{else}}n{{end}}', 'n'],
  ['{{with .metadata}}{{.name}}{{end}}', 'web'],
  ['{{$x := .metadata.name}}{{if true}}{{$x = "other"}}{{end}}{{$x}}', 'other'],
  ['{{(index .spec.containers 1).name}}', 'b'],
  ['{{index .metadata.labels "app"}}', 'web'],
  ['{{len .spec.containers}} {{.metadata.name | len}}', '2 3'],
  ['{{printf "%-5s|%03d|%q" .metadata.name .spec.replicas "x"}}', 'web  |003|"x"'],
  ['{{.data.key | base64decode}}', 'hi'],
  ['a {{- "b" -}} c', 'abc'],
  ['{{/* nothing */}}x', 'x'],
  ['{{"\\n"}}', '\n'],
  ['{{.metadata.labels}}', 'map[app:web tier:front]'],
  ['{{range .spec.containers}}{{.name}}{{break}}{{end}}', 'a'],
  ['{{or .none "default"}}', 'default'],
  ['{{exists . "metadata" "name"}}', 'true'],
])('%s', (template, text) => {
  expect(renderGoTemplate(template, pod)).toBe(text);
});

test.each([
  ['{{.x', 'unclosed action'],
  ['{{if true}}', 'unexpected EOF'],
  ['{{end}}', 'unexpected {{end}}'],
  ['{{nothing 1}}', 'function "nothing" not defined'],
  ['{{.metadata.name.more}}', "can't evaluate field more in type interface {}"],
  ['{{$y}}', 'undefined variable: $y'],
])('%s is refused', (template, words) => {
  expect(() => renderGoTemplate(template, pod)).toThrow(words);
});

const odd = {
  big: 1_234_567,
  huge: Number('12345678901234567890'),
  share: 1.5,
  tiny: 0.00001,
  count: 3,
  zero: 0,
  yes: true,
  none: null,
  empty: '',
  text: 'héllo <w>&\'"',
  list: [1, 2, 3],
  nested: [[1, 2], [3]],
  labels: { app: 'web', constructor: 'no' },
  bad: '!!',
};

// What kubectl 1.32 prints of this object.
test.each([
  ['{{.big}} {{.huge}} {{.share}} {{.tiny}}', '1234567 1.2345678901234567e+19 1.5 1e-05'],
  ['{{.none}} {{.missing}} {{.missing.more.yet}}', '<no value> <no value> <no value>'],
  ['{{print .none .missing}} {{printf "%v" .none}}', '<nil> <nil> <nil>'],
  ['{{.nested}} {{.labels}}', '[[1 2] [3]] map[app:web constructor:no]'],
  [
    '{{index .labels "constructor"}} {{index .labels "toString"}}{{.labels.toString}}',
    'no <no value><no value>',
  ],
  ['{{index .text 1}} {{slice .text 3 6}} {{len .text}}', '195 llo 13'],
  [
    '{{index .nested 0 1}} {{slice .list 1}} {{slice .list 3}} {{slice .list 0 1 2}}',
    '2 [2 3] [] [1]',
  ],
  ['{{js .text}}', 'héllo \\u003Cw\\u003E\\u0026\\\'\\"'],
  ['{{js "a\\n\\\\="}}', 'a\\u000A\\\\\\u003D'],
  ['{{html .text}}', 'héllo &lt;w&gt;&amp;&#39;&#34;'],
  ['{{urlquery .text}} {{urlquery "a b(*)"}}', 'h%C3%A9llo+%3Cw%3E%26%27%22 a+b%28%2A%29'],
  [
    '{{eq .count 3}} {{eq .none nil}} {{eq .missing ""}} {{eq 1 2 3 1}} {{ne .empty ""}}',
    'true true false true false',
  ],
  ['{{le 2 2}} {{ge 1 2}} {{gt .share 1.0}} {{lt "a" "b"}}', 'true false true true'],
  ['{{not .empty}} {{not 0.0}} {{not .list}}', 'true true false'],
  ['{{if .zero}}y{{else if .yes}}n{{end}}', 'n'],
  ['{{with .missing}}y{{else with .count}}{{.}}{{end}}', '3'],
  ['{{1}} {{-1}} {{0x10}} {{1_000}} {{0b11}} {{017}} {{0o17}}', '1 -1 16 1000 3 15 15'],
  ['{{1.5}} {{1e3}} {{1000000.0}} {{1e21}} {{.5}}', '1.5 1000 1e+06 1e+21 0.5'],
  ["{{'a'}} {{'\\n'}} {{'\\''}}", '97 10 39'],
  ['{{"q \\"x\\" \\t \\u00e9 \\x41 \\101 \\xc3\\xa9"}}', 'q "x" \t é A A é'],
  ['{{`raw "x" \\n`}}', 'raw "x" \\n'],
  ['{{print 1 2 "a" "b" 3 4}} {{println "a" 1}}', '1 2ab3 4 a 1\n'],
  ['{{define "t"}}T{{.}}{{$}}{{end}}{{template "t" .count}}', 'T33'],
  ['{{block "b" .labels}}{{.app}}{{end}}', 'web'],
  [
    '{{define "l"}}{{range .}}{{.}}{{end}}{{end}}{{range .nested}}[{{template "l" .}}]{{end}}',
    '[12][3]',
  ],
  ['{{$x := 1}}{{define "t"}}{{.}}{{end}}{{template "t" $x}}', '1'],
  ['{{$i := 9}}{{range $i, $e := .list}}{{$i}}{{end}}{{$i}}', '0129'],
  ['{{$i := 9}}{{$e := 9}}{{range $i, $e = .list}}{{end}}{{$i}}{{$e}}', '23'],
  ['{{range .list}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}', '13'],
  ['a{{/* c */}}b{{- /* c */ -}} c', 'abc'],
  ['{{.count | printf "%v-%v" 1 | len}}', '3'],
])('as kubectl prints it: %s', (template, text) => {
  expect(renderGoTemplate(template, odd)).toBe(text);
});

test.each([
  ['{{index .list 9}}', 'error calling index: index out of range: 9'],
  ['{{index .list -1}}', 'error calling index: index out of range: -1'],
  ['{{index .list "a"}}', 'error calling index: cannot index slice/array with type string'],
  ['{{index .labels 1}}', 'error calling index: value has type int64; should be string'],
  ['{{index .none 1}}', 'error calling index: index of untyped nil'],
  ['{{index .labels "x" "y"}}', 'error calling index: index of nil pointer'],
  ['{{index .count 1}}', "error calling index: can't index item of type int64"],
  ['{{len .count}}', 'error calling len: len of type int64'],
  ['{{len .none}}', 'error calling len: len of nil pointer'],
  ['{{slice .list 2 1}}', 'error calling slice: invalid slice index: 2 > 1'],
  ['{{slice .list 9}}', 'error calling slice: index out of range: 9'],
  ['{{slice .text 1 2 3}}', 'error calling slice: cannot 3-index slice a string'],
  ['{{slice .list 1 1 1 1}}', 'error calling slice: too many slice indexes: 4'],
  ['{{eq .count 3.0}}', 'error calling eq: incompatible types for comparison'],
  ['{{eq .count "3"}}', 'error calling eq: incompatible types for comparison'],
  ['{{eq 1}}', 'error calling eq: missing argument for comparison'],
  ['{{eq .list .list}}', 'error calling eq: non-comparable type [1 2 3]: []interface {}'],
  ['{{gt true false}}', 'error calling gt: invalid type for comparison'],
  ['{{lt 1 "a"}}', 'error calling lt: incompatible types for comparison'],
  ['{{not}}', 'wrong number of args for not: want 1 got 0'],
  ['{{and}}', 'wrong number of args for and: want at least 1 got 0'],
  ['{{printf}}', 'wrong number of args for printf: want at least 1 got 0'],
  ['{{printf 1}}', 'expected string; found 1'],
  [
    '{{.bad | base64decode}}',
    'error calling base64decode: base64 decode failed: illegal base64 data at input byte 0',
  ],
  [
    '{{"YWJjZA" | base64decode}}',
    'error calling base64decode: base64 decode failed: illegal base64 data at input byte 4',
  ],
  ['{{.none.foo}}', 'nil pointer evaluating interface {}.foo'],
  ['{{.list.foo}}', "can't evaluate field foo in type interface {}"],
  ['{{(printf "a").b}}', "can't evaluate field b in type string"],
  ['{{.text 1}}', 'text is not a method but has arguments'],
  ['{{"a" "b"}}', 'can\'t give argument to non-function "a"'],
  ['{{nil}}', 'nil is not a command'],
  ['{{$x = 1}}', 'undefined variable: $x'],
  ['{{range .text}}{{end}}', "range can't iterate over héllo <w>&'\""],
  ['{{range .share}}{{end}}', "range can't iterate over 1.5"],
  ['{{template "nope"}}', 'template "nope" not defined'],
  [
    '{{define "t"}}{{template "t"}}{{end}}{{template "t"}}',
    'exceeded maximum template depth (1000)',
  ],
])('%s cannot be carried out', (template, message) => {
  expect(() => renderGoTemplate(template, odd)).toThrow(
    expect.objectContaining({ name: 'GoTemplateRunError', message }),
  );
});

test.each([
  ['{{constructor .}}', 1, 'function "constructor" not defined'],
  ['x\n{{toString}}', 2, 'function "toString" not defined'],
  ['{{}}', 1, 'missing value for command'],
  ['{{if}}{{end}}', 1, 'missing value for if'],
  ['\n\n{{range}}{{end}}', 3, 'missing value for range'],
  ['{{break}}', 1, '{{break}} outside {{range}}'],
  ['{{range .a}}{{end}}{{continue}}', 1, '{{continue}} outside {{range}}'],
  ['{{1 | 2}}', 1, 'non executable command in pipeline stage 2'],
  ['{{ /* c */ }}', 1, 'unexpected "/" in command'],
  ['{{.spec.dash-key}}', 1, "bad character U+002D '-'"],
  ['{{1x}}', 1, 'bad number syntax: "1x"'],
  ['{{"\\q"}}', 1, 'invalid syntax'],
  ['{{"a}}', 1, 'unterminated quoted string'],
  ['{{if true}}\n{{else}}', 2, 'unexpected EOF'],
  ['{{define 1}}{{end}}', 1, 'unexpected value in define clause'],
])('%j cannot be read', (template, line, message) => {
  expect(() => renderGoTemplate(template, odd)).toThrow(
    expect.objectContaining({
      name: 'GoTemplateError',
      message: `template: output:${line}: ${message}`,
    }),
  );
});
