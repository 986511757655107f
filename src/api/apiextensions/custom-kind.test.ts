import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from '../strategy.js';
import { kindsOfDefinition } from './custom-kind.js';
import type { FieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { checkStructure } from './structural-rules.js';
import type { CustomResourceDefinition } from './schemas.js';

const definition: CustomResourceDefinition = {
  metadata: { name: 'crontabs.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
          {
            name: 'Ready',
            type: 'string',
            jsonPath: '.status.conditions[?(@.type=="Ready")].status',
          },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['cronSpec'],
                properties: {
                  cronSpec: {
                    type: 'string',
                    pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$',
                  },
                  replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
                  image: { type: 'string' },
                  mode: { type: 'string', enum: ['a', 'b'] },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

const [kind] = kindsOfDefinition(definition);

function create(spec: object) {
  const { object, problems } = decodeObject(kind!, {
    apiVersion: 'stable.example.com/v1',
    kind: 'CronTab',
    metadata: { name: 'x', namespace: 'd' },
    spec,
  });
  applyDefaults(kind!, object);
  prepareCreate(kind!, object, { now: '2024-01-01T00:00:00Z' });
  return { object, problems, errors: validateCreate(kind!, object).map(formatFieldError) };
}

describe('custom kinds', () => {
  test('objects are defaulted and pruned', () => {
    const { object, problems, errors } = create({ cronSpec: '* * * * */5', other: 1 });
    expect([errors, problems]).toEqual([[], ['unknown field "spec.other"']]);
    expect(object).toEqual({
      apiVersion: 'stable.example.com/v1',
      kind: 'CronTab',
      metadata: { name: 'x', namespace: 'd', generation: 1 },
      spec: { cronSpec: '* * * * */5', replicas: 1 },
    });
  });

  test.each<[object, string[]]>([
    [{}, ['spec.cronSpec: Required value']],
    [
      { cronSpec: '* * * * *', replicas: 'x' },
      [
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64',
      ],
    ],
    [
      { cronSpec: '* * * * *', replicas: 20 },
      [
        'spec.replicas: Invalid value: 20: spec.replicas in body should be less than or equal to 10',
      ],
    ],
    [
      { cronSpec: '* * * * *', mode: 'z' },
      ['spec.mode: Unsupported value: "z": supported values: "a", "b"'],
    ],
  ])('%j is refused', (spec, expected) => {
    expect(create(spec).errors).toEqual(expected);
  });

  test('columns follow their paths', () => {
    const object = {
      metadata: { name: 'x', creationTimestamp: '2024-01-01T00:00:00Z' },
      spec: { cronSpec: '* * * * *' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    };
    const now = Date.parse('2024-01-01T00:00:42Z');
    expect(kind?.columns.map((column) => column.cell(object, now))).toEqual([
      'x',
      '* * * * *',
      'True',
      '42s',
    ]);
  });
});

test.each([
  ['', {}, 'type: Required value: must not be empty at the root'],
  ['', { type: 'string' }, 'type: Invalid value: "string": must be object at the root'],
  [
    'a field without a type',
    { type: 'object', properties: { spec: {} } },
    'properties[spec].type: Required value: must not be empty for specified object fields',
  ],
  [
    'items without a type',
    { type: 'object', properties: { spec: { type: 'array', items: {} } } },
    'properties[spec].items.type: Required value: must not be empty for specified array items',
  ],
  [
    'an array without items',
    { type: 'object', properties: { spec: { type: 'array' } } },
    'properties[spec].items: Required value: must be specified',
  ],
  [
    'a type in logic',
    { type: 'object', anyOf: [{ type: 'object' }] },
    'anyOf[0].type: Forbidden: must be empty to be structural',
  ],
])('a schema that is not structural: %s', (_name, schema, text) => {
  const found: FieldError[] = [];
  checkStructure(schema, 's', found);
  const errors = found.map(({ field, body }) => `${field}: ${body}`);
  expect(errors).toEqual([`s.${text}`]);
});

test('integers or strings, and values of any kind, need no type', () => {
  const properties = {
    port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    any: { 'x-kubernetes-preserve-unknown-fields': true },
  };
  const found: FieldError[] = [];
  checkStructure({ type: 'object', properties }, 's', found);
  expect(found).toEqual([]);
});

test('the schema of metadata restricts names', () => {
  const name = { type: 'string', pattern: '^[a-z]+$' };
  const schema = {
    type: 'object',
    properties: { metadata: { type: 'object', properties: { name } } },
  };
  const [kind] = kindsOfDefinition({
    ...definition,
    spec: {
      ...definition.spec,
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  });
  const errors = (given: string): string[] => {
    const object: KubeObject = { metadata: { name: given, labels: {} } };
    return (kind?.validate?.(object, undefined, []) ?? []).map(formatFieldError);
  };
  expect(errors('a')).toEqual([]);
  expect(errors('a1')).toEqual([
    `metadata.name: Invalid value: "a1": metadata.name in body should match '^[a-z]+$'`,
  ]);
});
