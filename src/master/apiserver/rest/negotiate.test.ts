import { describe, expect, test } from '@jest/globals';
import type { Offer } from './negotiate.js';
import { availableTypes, negotiate } from './negotiate.js';

/** The format in short. */
function chosen(accept: string, offer?: Offer): string {
  const { type, as, asVersion } = negotiate(accept, offer);
  return as === undefined ? type : `${type} ${as} ${asVersion}`;
}

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

describe('the format of an answer', () => {
  test('no table is made of what is never stored: a review of access', () => {
    // test/e2e/apimachinery/table_conversion.go: 406 for a backend which does not implement metadata.
    const offer = { protobuf: true, table: false };
    expect(() => chosen(table, offer)).toThrow('only the following media types are accepted');
    expect(chosen(`${table},application/json`, offer)).toBe('json');
  });

  test.each([
    ['', 'json'],
    ['*/*', 'json'],
    ['application/*', 'json'],
    ['application/json', 'json'],
    ['APPLICATION/JSON', 'json'],
    ['application/yaml', 'yaml'],
    [' application/yaml ; q=0.5', 'yaml'],
    ['text/html, application/yaml', 'yaml'],
    ['application/vnd.kubernetes.protobuf, application/json', 'json'],
    // By quality, then the type that is named before the pattern, then in order.
    ['application/json;q=0.5, application/yaml;q=0.9', 'yaml'],
    ['application/json, application/yaml', 'json'],
    ['application/yaml, application/json', 'yaml'],
    ['*/*, application/yaml', 'yaml'],
    ['*/*, application/*, application/yaml;q=0.1', 'json'],
    ['application/yaml;q=none, application/json;q=0.1', 'json'],
    [table, 'json Table v1'],
    [`${table},application/json`, 'json Table v1'],
    ['application/yaml; as=Table; v=v1beta1; g=meta.k8s.io', 'yaml Table v1beta1'],
    [
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      'json PartialObjectMetadata v1',
    ],
    // What cannot be done is passed over.
    ['application/json;as=Table;v=v2;g=meta.k8s.io,application/yaml', 'yaml'],
    ['application/json;as=Table;v=v1;g=example.com,application/yaml', 'yaml'],
    ['application/json;as=Chair;v=v1;g=meta.k8s.io,application/yaml', 'yaml'],
    ['application/json;charset=utf-8', 'json'],
  ])('%s: %s', (accept, format) => {
    expect(chosen(accept)).toBe(format);
  });

  const protobuf = 'application/vnd.kubernetes.protobuf';
  test.each<[string, Offer, string]>([
    [protobuf, { protobuf: true }, 'protobuf'],
    [`${protobuf},application/json`, { protobuf: true }, 'protobuf'],
    [`${protobuf},application/json`, { protobuf: false }, 'json'],
    // No protobuf holds a table.
    [`${protobuf};as=Table;v=v1;g=meta.k8s.io,${table}`, { protobuf: true }, 'json Table v1'],
    [`application/yaml,application/json`, { protobuf: true, stream: true }, 'json'],
    [protobuf, { protobuf: true, stream: true }, 'protobuf'],
  ])('%s of what there is, %j: %s', (accept, offer, format) => {
    expect(chosen(accept, offer)).toBe(format);
  });

  test.each<[string, Offer, string]>([
    ['text/html', { protobuf: true }, `application/json, application/yaml, ${protobuf}`],
    [
      'application/yaml',
      { protobuf: true, stream: true },
      `application/json;stream=watch, ${protobuf};stream=watch`,
    ],
  ])('%s is none of what there is: %j', (accept, offer, types) => {
    expect(() => negotiate(accept, offer)).toThrow(
      `only the following media types are accepted: ${types}`,
    );
  });

  test.each(['text/html', 'application/vnd.kubernetes.protobuf', 'application/json;as=Chair', ','])(
    'cannot be %s',
    (accept) => {
      expect(() => negotiate(accept === ',' ? 'a,b' : accept)).toThrow(
        expect.objectContaining({
          code: 406,
          reason: 'NotAcceptable',
          message:
            'only the following media types are accepted: application/json, application/yaml',
        }),
      );
    },
  );
});

describe('the types that a path has', () => {
  const one = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const many = `${one}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch`;
  test.each([
    ['', undefined],
    ['*/*', undefined],
    ['text/html, */*;q=0.1', undefined],
    ['application/vnd.kubernetes.protobuf', undefined],
    ['text/plain', one],
    ['application/*', one],
    ['text/*, application/xml', one],
  ])('%j', (accept, list) => {
    const problem = (which: keyof typeof availableTypes): string | undefined => {
      try {
        negotiate(accept, { protobuf: true, available: availableTypes[which] });
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const text = '406: Not Acceptable\n\nAvailable representations: ';
    expect(problem('one')).toBe(list === undefined ? undefined : text + list);
    expect(problem('many')).toBe(list === undefined ? undefined : text + many);
  });

  test('a type that is known in a form that is not is refused by its form', () => {
    const offer = { protobuf: true, available: availableTypes.one };
    expect(() => chosen('application/json;as=Chair', offer)).toThrow(
      'only the following media types',
    );
  });
});
