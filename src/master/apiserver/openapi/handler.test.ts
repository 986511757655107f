import { expect, test } from '@jest/globals';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { encodeDocument } from './gnostic.js';
import { chooseType } from './handler.js';

const json = 'application/json';
const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

test.each([
  ['', json],
  ['*/*', json],
  ['application/json', json],
  ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', protobuf],
  [protobuf, protobuf],
  [`${json};q=0.5, ${protobuf}`, protobuf],
])('Accept: %s', (accept, type) => {
  expect(chooseType(accept)).toBe(type);
});

test('an unknown type is refused', () => {
  expect(() => chooseType('text/html')).toThrow('only the following media types are accepted');
});

/** Field numbers and texts of a message, nested ones as their own lists; enough for what is written here. */
function fieldsOf(bytes: Uint8Array): [number, Buffer][] {
  const reader = new BinaryReader(bytes);
  const out: [number, Buffer][] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    out.push([
      field,
      Buffer.from(wire === WireType.LengthDelimited ? reader.bytes() : reader.skip(wire)),
    ]);
  }
  return out;
}

const only = (bytes: Uint8Array, field: number): Buffer => {
  const found = fieldsOf(bytes).find(([number]) => number === field);
  if (found === undefined) throw new Error(`no field ${field}`);
  return found[1];
};

test('a schema has the field numbers of gnostic', () => {
  const bytes = encodeDocument({
    swagger: '2.0',
    definitions: {
      'a.Thing': {
        type: 'object',
        description: 'A thing.',
        required: ['x'],
        properties: { x: { $ref: '#/definitions/b' } },
        additionalProperties: { type: 'string' },
        'x-kubernetes-group-version-kind': [{ group: 'a', kind: 'Thing', version: 'v1' }],
      },
    },
  });
  expect(only(bytes, 1).toString()).toBe('2.0');
  const pair = only(only(bytes, 9), 1);
  expect(only(pair, 1).toString()).toBe('a.Thing');
  const schema = only(pair, 2);
  expect(only(schema, 4).toString()).toBe('A thing.');
  expect(only(schema, 19).toString()).toBe('x');
  expect(only(only(schema, 22), 1).toString()).toBe('object');
  expect(only(only(only(only(schema, 21), 1), 22), 1).toString()).toBe('string');
  const property = only(only(schema, 25), 1);
  expect(only(only(property, 2), 1).toString()).toBe('#/definitions/b');
  const extension = only(schema, 31);
  expect(only(extension, 1).toString()).toBe('x-kubernetes-group-version-kind');
  expect(JSON.parse(only(only(extension, 2), 2).toString())).toEqual([
    { group: 'a', kind: 'Thing', version: 'v1' },
  ]);
});

test('parameters are told apart by where they stand', () => {
  const parameters = [
    { in: 'body', name: 'b', schema: { type: 'string' } },
    { in: 'query', name: 'q', type: 'string' },
    { in: 'path', name: 'p', type: 'string', required: true },
    { $ref: '#/parameters/r' },
  ];
  const bytes = encodeDocument({ paths: { '/x': { get: { parameters } } } });
  const operation = only(only(only(only(bytes, 8), 2), 2), 2);
  const items = fieldsOf(operation).map(([, item]) => item);
  expect(items.map((item) => fieldsOf(item)[0]?.[0])).toEqual([1, 1, 1, 2]);
  const [body, query, path] = items.map((item) => only(item, fieldsOf(item)[0]?.[0] ?? 0));
  expect(only(only(body ?? Buffer.of(), 1), 2).toString()).toBe('b');
  expect(only(only(only(query ?? Buffer.of(), 2), 3), 4).toString()).toBe('q');
  expect(only(only(only(path ?? Buffer.of(), 2), 4), 4).toString()).toBe('p');
});
