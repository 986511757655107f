/** Rules and the defaults of schemas (apiextensions-apiserver pkg/apiserver/schema/defaulting/validation.go). */
import { expect, test } from '@jest/globals';
import { EffortError } from '../cel/effort.js';
import type { FieldError } from '../field-error.js';
import { formatFieldError } from '../field-error.js';
import { checkDefaults } from './default-rules.js';
import type { ValidationRule } from './rule.js';

const rules = (...all: readonly (Partial<ValidationRule> | string)[]): object => ({
  'x-kubernetes-validations': all.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});

function refusals(field: object): string[] {
  const errors: FieldError[] = [];
  checkDefaults({ type: 'object', properties: { field } }, 's', errors, undefined);
  return errors.map(formatFieldError);
}

const place = 's.properties[field].default';

test.each<[string, object, string[]]>([
  ['that holds', { type: 'integer', default: 5, ...rules('self > 4') }, []],
  ['without rules', { type: 'integer', default: 5 }, []],
  [
    'that does not hold',
    { type: 'integer', default: 5, ...rules({ rule: 'self > 5', message: 'too small' }) },
    [`${place}: Invalid value: "integer": too small`],
  ],
  [
    'below which one does not hold',
    {
      type: 'object',
      default: { items: ['ab', 'c'] },
      properties: {
        items: { type: 'array', items: { type: 'string', ...rules('self.size() > 1') } },
      },
    },
    [`${place}.items[1]: Invalid value: "string": failed rule: self.size() > 1`],
  ],
  [
    'that its schema refuses already',
    { type: 'integer', maximum: 4, default: 5, ...rules('self > 5') },
    [`${place}: Invalid value: 5:  in body should be less than or equal to 4`],
  ],
  ['as it was before', { type: 'integer', default: 5, ...rules('self == oldSelf') }, []],
  [
    'that changes, as a value that stays',
    { type: 'integer', default: 5, ...rules('self > oldSelf') },
    [`${place}: Invalid value: "integer": failed rule: self > oldSelf`],
  ],
  [
    'that may only come as a change, as a new value',
    {
      type: 'integer',
      default: 5,
      ...rules({ rule: 'oldSelf.hasValue()', optionalOldSelf: true }),
    },
    [`${place}: Invalid value: "integer": failed rule: oldSelf.hasValue()`],
  ],
  [
    'of an embedded resource, whose metadata rules may read',
    {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: {},
      default: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
      ...rules('self.metadata.name == "b"'),
    },
    [`${place}: Invalid value: "object": failed rule: self.metadata.name == "b"`],
  ],
  [
    'of an empty rule, which is refused elsewhere',
    { type: 'integer', default: 5, ...rules(' ') },
    [],
  ],
])('a default %s', (_, field, errors) => {
  expect(refusals(field)).toEqual(errors);
});

test('what rules take for defaults is bounded, for all of a schema and on the event loop', () => {
  const costly = {
    type: 'array',
    items: { type: 'integer' },
    default: Array.from({ length: 300 }, (_, n) => n),
    ...rules('self.all(x, self.all(y, x + y >= 0))'),
  };
  const names = Array.from({ length: 30 }, (_, n) => `f${n}`);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, costly])),
  };
  const errors: FieldError[] = [];
  checkDefaults(schema, 's', errors, undefined);
  expect(errors.map(({ body }) => body)).toEqual([
    'Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
  ]);
  expect(() => checkDefaults(schema, 's', [], { left: 1_000 })).toThrow(EffortError);
});
