/** Rules of custom kinds: what a definition may say, and what they refuse. */
import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { kindsOfDefinition } from './custom-kind.js';
import { validateDefinition } from './definition-rules.js';
import type { ValidationRule } from './rule.js';
import type { CustomResourceDefinition } from './schemas.js';

const fields = {
  replicas: { type: 'integer' },
  min: { type: 'integer' },
  name: { type: 'string', maxLength: 20 },
  list: { type: 'array', items: { type: 'string' } },
  small: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 10 } },
  port: { 'x-kubernetes-int-or-string': true },
  'a-b': { type: 'string' },
  namespace: { type: 'string' },
  counts: { type: 'object', additionalProperties: { type: 'integer' } },
  when: { type: 'string', format: 'date-time' },
  raw: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
};

function definitionOf(spec: object): CustomResourceDefinition {
  const schema = { type: 'object', properties: { spec } };
  return {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
    status: { storedVersions: ['v1'] },
  };
}

function withRules(...rules: readonly (Partial<ValidationRule> | string)[]): object {
  const list = rules.map((rule) => (typeof rule === 'string' ? { rule } : rule));
  return { type: 'object', properties: fields, 'x-kubernetes-validations': list };
}

function refusals(spec: object): string[] {
  return validateDefinition(definitionOf(spec)).map(formatFieldError);
}

const place = 'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]';
const hint =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

function goRule(rule: string): string {
  return (
    `apiextensions.ValidationRule{Rule:${JSON.stringify(rule)}, Message:"", MessageExpression:"", ` +
    'Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:"", OptionalOldSelf:(*bool)(nil)}'
  );
}

describe('definitions', () => {
  test.each([
    'self.replicas >= self.min',
    'self.small.all(x, self.small.exists(y, x == y))',
    'self.name == oldSelf.name',
    'self.a__dash__b == "x" && self.__namespace__ == "y"',
    'type(self.port) == int ? self.port > 0 : self.port.endsWith("%")',
    'has(self.name) && self.when < timestamp("2020-01-01T00:00:00Z")',
    'self.counts.all(k, self.counts[k] > 0)',
    '(has(self.small) ? self.small : []).exists(k, k.contains("/"))',
    'self.?name.orValue("a").startsWith("a")',
  ])('%s may be a rule', (rule) => {
    expect(refusals(withRules(rule))).toEqual([]);
  });

  test.each([
    [
      'self.foo',
      "compilation failed: ERROR: <input>:1:5: undefined field 'foo'\n | self.foo\n | ....^",
    ],
    [
      'self.raw.foo == 1',
      "compilation failed: ERROR: <input>:1:9: undefined field 'foo'\n | self.raw.foo == 1\n | ........^",
    ],
    ['self.replicas', 'cel expression must evaluate to a bool'],
  ])('%s may not', (rule, detail) => {
    expect(refusals(withRules(rule))).toEqual([
      `${place}.rule: Invalid value: ${goRule(rule)}: ${detail}`,
    ]);
  });

  test('what a rule may cost is bounded by maxItems and maxLength', () => {
    expect(refusals(withRules('self.list.all(x, self.list.exists(y, x == y))'))).toEqual([
      `${place}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
      `${place}.rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${hint}`,
    ]);
  });

  test.each<[Partial<ValidationRule>, string]>([
    [{ rule: ' ' }, `${place}.rule: Required value: rule is not specified`],
    [
      { rule: 'true', message: ' ' },
      `${place}.message: Invalid value: " ": message must be non-empty if specified`,
    ],
    [
      { rule: 'true', message: 'a\nb' },
      `${place}.message: Invalid value: "a\\nb": message must not contain line breaks`,
    ],
    [
      { rule: 'true\n&& true' },
      `${place}.message: Required value: message must be specified if rule contains line breaks`,
    ],
    [
      { rule: 'true', reason: 'Bad' },
      `${place}.reason: Unsupported value: "Bad": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
    ],
    [
      { rule: 'true', fieldPath: '.nope' },
      `${place}.fieldPath: Invalid value: ".nope": fieldPath must be a valid path`,
    ],
    [
      { rule: 'self.replicas > 1', optionalOldSelf: true },
      `${place}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
    ],
    [
      { rule: 'true', messageExpression: ' ' },
      `${place}.messageExpression: Required value: messageExpression must be non-empty if specified`,
    ],
  ])('%j is refused', (rule, text) => {
    expect(refusals(withRules(rule))).toEqual([text]);
  });

  test('oldSelf needs lists whose items can be told apart', () => {
    const items = {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', maxLength: 5 }, x: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.x == oldSelf.x' }],
    };
    const list = { type: 'array', maxItems: 10, items };
    const spec = (extra: object) => ({
      type: 'object',
      properties: { list: { ...list, ...extra } },
    });
    const path = 'spec.validation.openAPIV3Schema.properties[spec].properties[list]';
    expect(refusals(spec({}))).toEqual([
      `${path}.items.x-kubernetes-validations[0].rule: Invalid value: "self.x == oldSelf.x": ` +
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${path}`,
    ]);
    const map = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
    expect(refusals(spec(map))).toEqual([]);
  });
});

function judge(
  schema: object,
  spec: object,
  old?: object,
): { errors: string[]; warnings: string[] } {
  const [kind] = kindsOfDefinition(definitionOf(schema));
  const object = (content: object) =>
    ({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'a' },
      spec: content,
    }) as unknown as KubeObject;
  const warnings: string[] = [];
  const before = old === undefined ? undefined : object(old);
  const errors = kind?.validate?.(object(spec), before, warnings) ?? [];
  return { errors: errors.map(formatFieldError), warnings };
}

const fine = { errors: [], warnings: [] };
const head = 'spec: Invalid value: "object": ';

describe('objects', () => {
  test.each<[string, object, string | undefined]>([
    ['self.replicas >= self.min', { replicas: 2, min: 2 }, undefined],
    [
      'self.replicas >= self.min',
      { replicas: 1, min: 2 },
      'failed rule: self.replicas >= self.min',
    ],
    [
      'self.replicas >= self.min',
      { replicas: 1 },
      'no such key: min evaluating rule: self.replicas >= self.min',
    ],
    [
      'self.port > 3',
      { port: 'x' },
      "'no such overload: _>_(string, int)': call arguments did not match a supported operator, function or macro signature for rule: self.port > 3",
    ],
    ['self.raw == self.raw', { raw: { a: [1] } }, undefined],
    ['self.when > timestamp("2020-01-01T00:00:00Z")', { when: '2021-01-01T00:00:00Z' }, undefined],
    ['self.tags == ["b", "a"]', { tags: ['b', 'a'] }, undefined],
  ])('%s for %j', (rule, spec, detail) => {
    expect(judge(withRules(rule), spec).errors).toEqual(
      detail === undefined ? [] : [head + detail],
    );
  });

  test('a transition rule is for updates only, unless its old value is optional', () => {
    const rule = 'self.name == oldSelf.name';
    expect(judge(withRules(rule), { name: 'b' })).toEqual(fine);
    expect(judge(withRules(rule), { name: 'b' }, { name: 'a' }).errors).toEqual([
      `${head}failed rule: ${rule}`,
    ]);
    const optional = {
      rule: 'oldSelf.hasValue() || self.replicas == 1',
      optionalOldSelf: true,
      message: 'must begin with 1',
    };
    expect(judge(withRules(optional), { replicas: 2 }).errors).toEqual([
      `${head}must begin with 1`,
    ]);
    expect(judge(withRules(optional), { replicas: 2 }, { replicas: 1 })).toEqual(fine);
  });

  test('what is kept without a schema is compared', () => {
    const rule = withRules('self.raw == oldSelf.raw');
    expect(judge(rule, { raw: { a: 1 } }, { raw: { a: 1 } })).toEqual(fine);
    expect(judge(rule, { raw: { a: 1 } }, { raw: { a: 2 } }).errors).toHaveLength(1);
  });

  test('sets are compared past their order', () => {
    const rule = withRules('self.tags == oldSelf.tags');
    expect(judge(rule, { tags: ['a', 'b'] }, { tags: ['b', 'a'] })).toEqual(fine);
  });

  test('message, messageExpression, reason and fieldPath', () => {
    const rule = {
      rule: 'self.replicas > 1',
      message: 'not shown',
      messageExpression: '"must be more than " + string(self.replicas)',
      fieldPath: '.replicas',
      reason: 'FieldValueForbidden',
    };
    expect(judge(withRules(rule), { replicas: 1 }).errors).toEqual([
      'spec.replicas: Forbidden: must be more than 1',
    ]);
    const failing = { ...rule, messageExpression: 'string(self.min)' };
    expect(judge(withRules(failing), { replicas: 1 }).errors).toEqual([
      'spec.replicas: Forbidden: not shown',
    ]);
  });

  test('what has not changed may stay as it was, with a warning', () => {
    const rule = withRules('self.replicas >= self.min');
    const bad = { replicas: 1, min: 2 };
    expect(judge(rule, bad, bad)).toEqual({
      errors: [],
      warnings: [`${head}failed rule: self.replicas >= self.min`],
    });
    expect(judge(rule, { ...bad, name: 'x' }, bad).errors).toHaveLength(1);
  });

  test('a field that the schema has come to refuse may stay until it is changed', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string', maxLength: 2 }, b: { type: 'integer' } },
    };
    expect(judge(schema, { a: 'long', b: 2 }, { a: 'long', b: 1 }).errors).toEqual([]);
    expect(judge(schema, { a: 'longer' }, { a: 'long' }).errors).toEqual([
      'spec.a: Too long: may not be more than 2 bytes',
    ]);
  });

  test('rules wait for the rest of the object to be fine', () => {
    const schema = { ...withRules('self.replicas > 1'), required: ['name'] };
    expect(judge(schema, { replicas: 1 }).errors).toEqual([
      'spec.name: Required value',
      '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]);
  });

  test('rules in branches of allOf are held as well', () => {
    const schema = {
      type: 'object',
      properties: fields,
      allOf: [{ 'x-kubernetes-validations': [{ rule: 'self.replicas == 3' }] }],
    };
    expect(judge(schema, { replicas: 2 }).errors).toEqual([
      `${head}failed rule: self.replicas == 3`,
    ]);
  });
});
