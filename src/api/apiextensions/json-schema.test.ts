import { expect, test } from '@jest/globals';
import { readJsonSchema } from './json-schema.js';

test('zero values of fields that are no pointers in Go are omitted, at every depth', () => {
  const plain = {
    description: '',
    nullable: false,
    'x-kubernetes-embedded-resource': false,
    'x-kubernetes-int-or-string': false,
    required: [],
    properties: {},
  };
  expect(
    readJsonSchema({
      ...plain,
      type: 'object',
      properties: { spec: { ...plain, type: 'array', items: { ...plain, type: 'string' } } },
      'x-kubernetes-validations': [{ rule: 'true', message: '', fieldPath: '' }],
    }),
  ).toEqual({
    type: 'object',
    properties: { spec: { type: 'array', items: { type: 'string' } } },
    'x-kubernetes-validations': [{ rule: 'true' }],
  });
});

test('those of pointers are kept', () => {
  const schema = {
    type: 'string',
    default: '',
    maxLength: 0,
    minimum: 0,
    not: {},
    'x-kubernetes-preserve-unknown-fields': false,
  };
  expect(readJsonSchema(schema)).toEqual(schema);
});
