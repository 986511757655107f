import { describe, expect, test } from '@jest/globals';
import { ObjectReader, parseWatched, withoutManagers } from './object-reader.js';

const opening = '{"kind":"Pod","apiVersion":"v1","metadata":{';
const list = String.raw`"managedFields":[{"manager":"a]\\","fieldsV1":{"k:{\"type\":\"x\"}":{"[":[{}]}}},{}]`;

function bytesOf(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}

describe('managed fields of what is watched', () => {
  test.each([
    ['alone', `${opening}${list}}}`, `${opening}}}`],
    ['first', `${opening}${list},"name":"x"},"spec":{}}`, `${opening}"name":"x"},"spec":{}}`],
    ['last', `${opening}"name":"x",${list}},"spec":{}}`, `${opening}"name":"x"},"spec":{}}`],
    [
      'between',
      `${opening}"labels":{"a":"b"},${list},"name":"x"},"status":{}}`,
      `${opening}"labels":{"a":"b"},"name":"x"},"status":{}}`,
    ],
    [
      'behind a text with their name',
      String.raw`${opening}"annotations":{"a":"{\"managedFields\":[1]}","managedFields":"y"},${list}}}`,
      String.raw`${opening}"annotations":{"a":"{\"managedFields\":[1]}","managedFields":"y"}}}`,
    ],
    ['empty', `${opening}"managedFields":[],"name":"x"}}`, `${opening}"name":"x"}}`],
  ])('%s', (_, text, expected) => {
    expect(withoutManagers(text)).toBe(expected);
    expect(JSON.parse(withoutManagers(text))).toEqual(JSON.parse(expected));
  });

  test.each([
    ['another field of an object', `${opening}"name":"x"},"spec":{${list}}}`],
    ['a field of a template', `${opening}"name":"x"},"spec":{"metadata":{${list}}}}`],
    ['the value of a label', `${opening}"labels":{"x":"managedFields"},"name":"x"}}`],
    ['no list', `${opening}"managedFields":null,"name":"x"},"spec":{}}`],
    ['text of another layout', `{"metadata":{${list}},"kind":"Pod"}`],
  ])('%s is left alone', (_, text) => {
    expect(JSON.parse(withoutManagers(text))).toEqual(JSON.parse(text));
  });

  test('the rest of an object is what it was', () => {
    const metadata = { name: 'ä"\\', generation: 3, finalizers: ['a', 'b'] };
    const object = { kind: 'Pod', apiVersion: 'v1', metadata, spec: { n: [1, { a: null }] } };
    const sent = { ...object, metadata: { ...metadata, managedFields: [{ manager: 'm' }] } };
    expect(parseWatched(bytesOf(sent))).toEqual(object);
  });
});

describe('a reader', () => {
  const pod = (name: string, text = ''): object => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, annotations: { text } },
  });

  test('gives one object for the same bytes', () => {
    const reader = new ObjectReader();
    const first = reader.read(bytesOf(pod('a')));
    expect(reader.read(bytesOf(pod('a')))).toBe(first);
    expect(reader.read(bytesOf(pod('b')))).toEqual(pod('b'));
    expect(reader.read(bytesOf(pod('a')))).toBe(first);
  });

  test('forgets what is long ago, and remembers nothing that is long', () => {
    const reader = new ObjectReader();
    const first = reader.read(bytesOf(pod('first')));
    const long = pod('long', 'x'.repeat(10_000));
    expect(reader.read(bytesOf(long))).not.toBe(reader.read(bytesOf(long)));
    for (let at = 0; at < 600; at++) reader.read(bytesOf(pod(`p${at}`)));
    const again = reader.read(bytesOf(pod('first')));
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});
