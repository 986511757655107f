import { expect, test } from '@jest/globals';
import { cloneJson } from './clone.js';

test('copies are equal and share no containers', () => {
  const source = { a: [1, { b: null }], c: { d: 'x', e: true }, f: undefined };
  const copied = cloneJson(source);
  expect(copied).toEqual(source);
  expect(copied.a).not.toBe(source.a);
  expect(copied.a[1]).not.toBe(source.a[1]);
  expect(copied.c).not.toBe(source.c);
});

test('a key named __proto__ stays a key', () => {
  const source: unknown = JSON.parse('{"__proto__":{"polluted":1}}');
  const copied = cloneJson(source);
  expect(JSON.stringify(copied)).toBe('{"__proto__":{"polluted":1}}');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
