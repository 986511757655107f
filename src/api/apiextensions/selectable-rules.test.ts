import { expect, test } from '@jest/globals';
import type { FieldError } from '../field-error.js';
import { formatFieldError } from '../field-error.js';
import { validateDefinition } from './definition-rules.js';
import type { CustomResourceDefinition } from './schemas.js';
import { checkSelectableFields } from './selectable-rules.js';

const text = { type: 'string' };
const spec = {
  type: 'object',
  properties: {
    color: { type: 'string', enum: ['red'] },
    when: { type: 'string', format: 'date-time' },
    count: { type: 'integer' },
    on: { type: 'boolean' },
    ratio: { type: 'number' },
    list: { type: 'array', items: text },
    map: { type: 'object', additionalProperties: text },
    port: { 'x-kubernetes-int-or-string': true },
  },
};
const schema = {
  type: 'object',
  properties: { spec, metadata: { type: 'object', properties: { name: text } } },
};
const wrongType =
  'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';

function refusals(...paths: readonly string[]): string[] {
  const errors: FieldError[] = [];
  const fields = paths.map((jsonPath) => ({ jsonPath }));
  checkSelectableFields(fields, schema, 'f', errors);
  return errors.map(formatFieldError);
}

// apiextensions-apiserver pkg/apis/apiextensions/validation, ValidateCustomResourceSelectableFields.
test.each<[string, string | undefined]>([
  ['.spec.color', undefined],
  ['.spec.when', undefined],
  ['.spec.count', undefined],
  ['.spec.on', undefined],
  ['.spec.map.a', undefined],
  ['', 'Required value'],
  ['.spec.ratio', `Invalid value: ".spec.ratio": ${wrongType}`],
  ['.spec.list', `Invalid value: ".spec.list": ${wrongType}`],
  ['.spec.port', `Invalid value: ".spec.port": ${wrongType}`],
  ['.spec', `Invalid value: ".spec": ${wrongType}`],
  ['.metadata.name', 'Invalid value: ".metadata.name": must not point to fields in metadata'],
  [
    '.spec.none',
    'Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
  ],
  ['spec.color', 'Invalid value: "spec.color": is an invalid path: expected [ or . but got: spec'],
  ["['spec']", `Invalid value: "['spec']": is an invalid path: array notation is not allowed`],
  ['.spec.', 'Invalid value: ".spec.": is an invalid path: unexpected end of JSON path'],
])('%j', (path, problem) => {
  expect(refusals(path)).toEqual(problem === undefined ? [] : [`f[0].jsonPath: ${problem}`]);
});

test('a field stands once, and there are eight at most', () => {
  expect(refusals('.spec.color', '.spec.color')).toEqual([
    'f[1].jsonPath: Duplicate value: ".spec.color"',
  ]);
  const many = Array.from({ length: 9 }, (_, n) => `.spec.map.k${n}`);
  expect(refusals(...many)).toEqual(['f: Too many: 9: must have at most 8 items']);
});

test('the fields that all versions have are named as the definition’s own', () => {
  const selectableFields = [{ jsonPath: '.spec.none' }];
  const version = (name: string, more: object = {}): object => ({
    name,
    served: true,
    storage: name === 'v1',
    schema: { openAPIV3Schema: schema },
    selectableFields,
    ...more,
  });
  const errorsOf = (...versions: readonly object[]): string[] =>
    validateDefinition({
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
        versions,
      },
      status: { storedVersions: ['v1'] },
    } as unknown as CustomResourceDefinition).map(({ field }) => field);
  expect(errorsOf(version('v1'), version('v2'))).toEqual(['spec.selectableFields[0].jsonPath']);
  expect(errorsOf(version('v1'), version('v2', { selectableFields: undefined }))).toEqual([
    'spec.versions[0].selectableFields[0].jsonPath',
  ]);
});
