/** Values of custom objects, and defaults in their schemas, at a running API server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';

let doors: TwoDoors;
let admin: Identity;

const text = { type: 'string' };
const open = { 'x-kubernetes-preserve-unknown-fields': true };
const items = { type: 'object', required: ['k'], properties: { k: text, v: text } };
const map = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
const spec = {
  set: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
  map: { type: 'array', ...map, items },
  day: { ...text, format: 'date' },
  time: { ...text, format: 'date-time' },
  size: { type: 'integer', format: 'int32' },
  embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, ...open },
  plain: text,
  nullable: { ...text, nullable: true },
  filled: { ...text, default: 'x' },
  object: { type: 'object', properties: { a: text } },
  labels: { type: 'object', additionalProperties: text },
  list: { type: 'array', items: text },
};
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const values = '/apis/example.com/v1/namespaces/default/values';

const definition = (plural: string, properties: object, columns?: object[]): object => ({
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    names: { plural, kind: plural.charAt(0).toUpperCase() + plural.slice(1) },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
        },
        ...(columns === undefined ? {} : { additionalPrinterColumns: columns }),
      },
    ],
  },
});

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
  const columns = [{ name: 'Time', type: 'date', jsonPath: '.spec.time' }];
  const made = await doors.rest(admin, 'POST', definitions, {
    body: definition('values', spec, columns),
  });
  expect([made.code, made.message]).toEqual([201, '']);
  for (let code = 404; code !== 200;) ({ code } = await doors.rest(admin, 'GET', values));
}, 60_000);

afterAll(() => doors.stop());

const make = (given: object, name = 'a', query = '?dryRun=All'): Promise<DoorAnswer> =>
  doors.rest(admin, 'POST', `${values}${query}`, {
    body: { apiVersion: 'example.com/v1', kind: 'Values', metadata: { name }, spec: given },
  });
const head = 'Values.example.com "a" is invalid: ';
const pod = { apiVersion: 'v1', kind: 'Pod' };

test.each([
  [{ set: ['a', 'b', 'a'] }, 'spec.set[2]: Duplicate value: "a"'],
  [
    { map: [{ k: 'a' }, { k: 'a', v: 'x' }] },
    'spec.map[1]: Duplicate value: map[string]interface {}{"k":"a"}',
  ],
  [{ day: 'x' }, 'spec.day: Invalid value: "x": spec.day in body must be of type date: "x"'],
  [
    { time: '2024-01-01' },
    'spec.time: Invalid value: "2024-01-01": spec.time in body must be of type date-time: "2024-01-01"',
  ],
  [{ embedded: { kind: 'Pod' } }, 'spec.embedded.apiVersion: Required value: must not be empty'],
  [{ embedded: { apiVersion: 'v1' } }, 'spec.embedded.kind: Required value: must not be empty'],
  [
    { embedded: { ...pod, apiVersion: 'a/b/c' } },
    'spec.embedded.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ],
  [
    { embedded: { ...pod, metadata: { labels: { 'a b': 'c' } } } },
    'spec.embedded.metadata.labels: Invalid value: "a b": ',
  ],
  [
    { list: [null] },
    'spec.list[0]: Invalid value: "null": spec.list[0] in body must be of type string: "null"',
  ],
])('%j is refused', async (given, message) => {
  const answer = await make(given);
  expect(answer.code).toBe(422);
  expect(answer.message.slice(0, head.length + message.length)).toBe(head + message);
});

test.each([
  [{ set: ['a', 'b'], map: [{ k: 'a' }, { k: 'b' }], size: 2 ** 40 }, {}],
  [{ embedded: { ...pod, metadata: { labels: { a: 'b' } }, spec: { any: 1 } } }, {}],
  // A null that may not be says nothing: every manifest with an empty key has one.
  [
    { plain: null, nullable: null, filled: null, object: null, labels: { a: null, b: 'c' } },
    { plain: undefined, object: undefined, filled: 'x', labels: { b: 'c' } },
  ],
])('%j is taken', async (given, changed) => {
  const answer = await make(given);
  expect([answer.code, answer.message]).toEqual([201, '']);
  const { spec: stored } = JSON.parse(answer.text) as { spec: object };
  const wanted = { filled: 'x', ...given, ...changed };
  expect(stored).toEqual(JSON.parse(JSON.stringify(wanted)));
});

test('dates have a column of their own type', async () => {
  expect((await make({ time: '2020-01-01T00:00:00Z' }, 'dated', '')).code).toBe(201);
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = await doors.rest(admin, 'GET', `${values}/dated`, { headers: { accept } });
  expect(JSON.parse(table.text)).toMatchObject({
    columnDefinitions: [
      { name: 'Name', type: 'string' },
      { name: 'Time', type: 'date' },
    ],
  });
});

test.each([
  [{ p: { type: 'integer', minimum: 3, default: 1 } }, 'properties[p].default: Invalid value: 1: '],
  [{ p: { ...text, default: 1 } }, 'properties[p].default: Invalid value: "integer": '],
  [
    { p: { type: 'object', properties: { a: text }, default: { b: 'x' } } },
    'properties[p].default: Invalid value: map[string]interface {}{"b":"x"}: must not have unknown fields',
  ],
  [{ p: { ...text, enum: ['a'], default: 'b' } }, 'properties[p].default: Unsupported value: "b"'],
])(
  'a default that its schema does not take makes the definition invalid: %j',
  async (properties, message) => {
    const answer = await doors.rest(admin, 'POST', definitions, {
      body: definition('bad', properties),
    });
    expect(answer.code).toBe(422);
    expect(answer.message).toContain(`openAPIV3Schema.properties[spec].${message}`);
  },
);
