import { expect, test } from '@jest/globals';
import { ValueSplitter } from './value-splitter.js';

const objects = ['{"a":{"b":"}{"}}', ' {"name":"größe \\" \\\\"}', '\n{}', '{"x":[{},{"y":1}]}'];
const body = Buffer.from(`${objects.join('')}  {"not":"whole`);

test('objects come out whole, wherever the stream is cut', () => {
  for (let size = 1; size <= body.length; size++) {
    const splitter = new ValueSplitter();
    const values: string[] = [];
    for (let at = 0; at < body.length; at += size) {
      values.push(...splitter.push(body.subarray(at, at + size)));
    }
    expect(values).toEqual(objects);
    expect(splitter.sizeBytes).toBe('  {"not":"whole'.length);
    expect(splitter.rest()).toBe('  {"not":"whole');
    expect(splitter.rest()).toBe('');
  }
});

test('an end without a beginning ends nothing', () => {
  const splitter = new ValueSplitter();
  expect(splitter.push(Buffer.from('}} {"a":1}'))).toEqual(['}} {"a":1}']);
});
