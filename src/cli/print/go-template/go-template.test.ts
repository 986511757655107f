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
  ['{{.metadata.name.more}}', "can't evaluate field more in type string"],
  ['{{$y}}', 'undefined variable "$y"'],
])('%s is refused', (template, words) => {
  expect(() => renderGoTemplate(template, pod)).toThrow(words);
});
