/** Rules of custom objects cost in step with the expression and the object, and no rule takes more than its budget. */
import { describe, expect, test } from '@jest/globals';
import { kindsOfDefinition } from '../../src/api/apiextensions/custom-kind.js';
import type { CustomResourceDefinition } from '../../src/api/apiextensions/schemas.js';
import { compile } from '../../src/api/cel/environment.js';
import { types } from '../../src/api/cel/types.js';
import type { KubeObject } from '../../src/api/object.js';
import { growthOf, highestRatio } from './lib/growth.js';

const fields = {
  numbers: { type: 'array', items: { type: 'integer' } },
  texts: { type: 'array', items: { type: 'string' } },
  text: { type: 'string' },
  map: { type: 'object', additionalProperties: { type: 'string' } },
  set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
  raw: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};

/** Validates without the check of the definition: no estimate keeps a rule away. */
function validatorOf(rule: string): (spec: object, old?: object) => unknown {
  const validations = { 'x-kubernetes-validations': [{ rule }] };
  const spec = { type: 'object', properties: fields, ...validations };
  const schema = { type: 'object', properties: { spec } };
  const definition = {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  } as CustomResourceDefinition;
  const [kind] = kindsOfDefinition(definition);
  const object = (content: object) =>
    ({ metadata: { name: 'a' }, spec: content }) as unknown as KubeObject;
  return (content, old) =>
    kind?.validate?.(object(content), old === undefined ? undefined : object(old), []);
}

function specOf(size: number): object {
  const texts = Array.from({ length: size }, (_, index) => `text-${index}`);
  return {
    numbers: texts.map((_, index) => index),
    texts,
    text: 'a'.repeat(size * 8),
    map: Object.fromEntries(texts.map((text) => [text, text])),
    set: texts,
    raw: { texts },
  };
}

describe('the cost of rules', () => {
  test.each([
    'self.numbers.all(x, x >= 0)',
    'self.numbers.map(x, x * 2).filter(x, x > 3).size() > 0',
    'self.numbers.map(x, self.numbers + self.numbers).size() >= 0',
    'self.texts.exists(x, x == "none") || true',
    'self.map.all(k, self.map[k] == k)',
    'self.map.transformList(k, v, k + v).size() >= 0',
    'self.texts.join(",").size() >= 0',
    'self.text.matches("^(a|aa)+$")',
    'self.text.contains("aaab") || true',
    'self.text.replace("a", "bb").size() > 0',
    'self.text.split("").size() >= 0',
    'self.numbers.all(x, size(self.text) >= 0)',
    'self.numbers.all(x, size(self.map) >= 0)',
    'self.numbers.all(x, self.map.exists(k, true))',
    'self.set == oldSelf.set',
    'self.raw == oldSelf.raw && self.map == oldSelf.map',
    'self.set + oldSelf.set == self.set',
    'self.texts.isSorted() || true',
    '"%s".format([self.texts]).size() > 0',
  ])('%s', (rule) => {
    const validate = validatorOf(rule);
    const ratio = growthOf(1_000, (size) => {
      const [spec, old] = [specOf(size), specOf(size)];
      return () => validate(spec, old);
    });
    expect(ratio).toBeLessThan(highestRatio);
  });

  test.each([
    ['self.numbers.all(x, self.numbers.all(y, x + y >= 0))'],
    ['self.numbers.all(x, self.map == self.map)'],
    ['self.numbers.all(x, self.raw == self.raw)'],
    ['self.numbers.map(x, self.texts).all(l, l == self.texts)'],
    ['self.numbers.all(x, self.numbers.all(y, self.numbers.all(z, true)))'],
    ['self.numbers.all(x, "a".matches("a{500}" + string(x)) || true)'],
  ])('%s ends by its budget, whatever the size', (rule) => {
    const validate = validatorOf(rule);
    const spec = specOf(20_000);
    expect(JSON.stringify(validate(spec, spec))).toContain(
      'no further validation rules will be run',
    );
  });
});

describe('the cost of compiling', () => {
  const variables = new Map([['self', types.dyn]]);

  test.each<[string, (size: number) => string]>([
    ['a long chain', (size) => Array.from({ length: size }, () => 'self.a').join(' && ')],
    ['a long list', (size) => `[${Array.from({ length: size }, () => '1').join(',')}]`],
    ['a long text', (size) => `"${'a'.repeat(size * 5)}"`],
    ['many escapes', (size) => `"${'\\n'.repeat(size * 5)}"`],
    ['a quote that does not end', (size) => `"${'\\"'.repeat(size * 5)}`],
    ['many unknown names', (size) => Array.from({ length: size }, () => 'nope').join(' || ')],
    ['nested brackets', (size) => '('.repeat(size) + '1' + ')'.repeat(size)],
    ['nested lists', (size) => '['.repeat(size)],
    ['many minus signs', (size) => `${'-'.repeat(size)}self`],
    ['many calls', (size) => `self${'.a()'.repeat(size)}`],
    ['nested folds', (size) => `${'self.all(x, '.repeat(size)}true${')'.repeat(size)}`],
  ])('%s', (_name, make) => {
    const ratio = growthOf(1_000, (size) => {
      const source = make(size);
      return () => compile(source, { variables });
    });
    expect(ratio).toBeLessThan(highestRatio);
  });
});
