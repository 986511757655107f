import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import { encodeStored } from '../storage/codec.js';
import { Entry } from '../cache/entry.js';
import type { Format } from './negotiate.js';
import { plainJson } from './negotiate.js';
import type { PresentOptions } from './present-options.js';
import { presentList, presentObject } from './present.js';

const kind = builtInRegistry().byKind('', 'v1', 'ConfigMap');
if (kind === undefined) throw new Error('no ConfigMap');
const nowMs = Date.parse('2026-01-01T01:00:00Z');

function entry(name: string, revision: number): Entry {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'ns', creationTimestamp: '2026-01-01T00:00:00Z' },
    data: { a: 'b' },
  };
  return Entry.fromStored(`ns/${name}`, encodeStored(object), revision);
}

const table: Format = { type: 'json', as: 'Table', asVersion: 'v1' };
const options = (format: Format, includeObject = 'Metadata'): PresentOptions => ({
  kind,
  format,
  includeObject,
  nowMs,
});
const meta = { resourceVersion: '9', continue: '', remainingItemCount: undefined };
const metadata = {
  name: 'm',
  namespace: 'ns',
  creationTimestamp: '2026-01-01T00:00:00Z',
  resourceVersion: '5',
};
const parse = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

describe('a table', () => {
  test('has the columns of its kind, and a row an object', () => {
    const bytes = presentList([entry('m', 5), entry('n', 6)], meta, options(table));
    expect(parse(bytes)).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '9' },
      columnDefinitions: [
        { name: 'Name', type: 'string', format: 'name', priority: 0 },
        { name: 'Data', type: 'string' },
        { name: 'Age', type: 'string' },
      ],
      rows: [
        {
          cells: ['m', 1, '60m'],
          object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata },
        },
        { cells: ['n', 1, '60m'] },
      ],
    });
  });

  test('of one object has its version', () => {
    const bytes = presentObject(entry('m', 5), options({ ...table, asVersion: 'v1beta1' }));
    expect(parse(bytes)).toMatchObject({
      apiVersion: 'meta.k8s.io/v1beta1',
      metadata: { resourceVersion: '5' },
      rows: [{ object: { apiVersion: 'meta.k8s.io/v1beta1' } }],
    });
  });

  test.each<[string, unknown]>([
    ['None', null],
    ['Object', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } }],
    ['Metadata', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }],
  ])('holds of its objects: %s', (includeObject, object) => {
    const bytes = presentList([entry('m', 5)], meta, options(table, includeObject));
    expect(parse(bytes)).toMatchObject({ rows: [{ object }] });
  });
});

describe('a list', () => {
  const rest = { ...meta, continue: 'token', remainingItemCount: 3 };
  // Their kind is said once, by the list.
  const item = { metadata, data: { a: 'b' } };

  test('holds its objects, and where it goes on', () => {
    expect(parse(presentList([entry('m', 5)], rest, options(plainJson)))).toEqual({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '9', continue: 'token', remainingItemCount: 3 },
      items: [item],
    });
    expect(parse(presentList([], meta, options(plainJson)))).toEqual({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '9' },
      items: [],
    });
  });

  test('may hold metadata alone', () => {
    const format: Format = { type: 'json', as: 'PartialObjectMetadataList', asVersion: 'v1' };
    const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    expect(parse(presentList([entry('m', 5)], meta, options(format)))).toEqual({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '9' },
      items: [partial],
    });
    const one: Format = { ...format, as: 'PartialObjectMetadata' };
    expect(parse(presentObject(entry('m', 5), options(one)))).toEqual(partial);
  });
});
