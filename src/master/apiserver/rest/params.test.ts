import { expect, test } from '@jest/globals';
import { readNumber } from './params.js';

test.each([
  ['0', 0],
  ['-3', -3],
  ['9007199254740993', Number.MAX_SAFE_INTEGER],
  ['9223372036854775807', Number.MAX_SAFE_INTEGER],
  ['', undefined],
])('%s is read as %s', (text, expected) => {
  expect(readNumber(new URLSearchParams({ tailLines: text }), 'tailLines')).toBe(expected);
});

test.each([
  ['9223372036854775808', 'value out of range'],
  ['9'.repeat(400), 'value out of range'],
  ['1e3', 'invalid syntax'],
  ['0x1', 'invalid syntax'],
])('%s is a bad request', (text, fault) => {
  const query = new URLSearchParams({ tailLines: text });
  expect(() => readNumber(query, 'tailLines')).toThrow(
    expect.objectContaining({ code: 400, message: expect.stringContaining(fault) }),
  );
});
