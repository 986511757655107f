import { afterEach, expect, test } from '@jest/globals';
import { UsageError } from '../lib/usage-error.js';
import { failureOf } from './failure.js';

afterEach(() => {
  delete process.env['TRIREME_DEBUG'];
});

test.each([
  [new UsageError('-o takes wide'), { text: 'trireme get: -o takes wide\n', code: 2 }],
  [
    Object.assign(new Error('pods "x" not found'), { name: 'ApiError', reason: 'NotFound' }),
    { text: 'Error from server (NotFound): pods "x" not found\n', code: 1 },
  ],
  [new Error('no route'), { text: 'error: no route\n', code: 1 }],
  ['thrown text', { text: 'error: thrown text\n', code: 1 }],
])('%p', (error, failure) => {
  expect(failureOf('get', error)).toEqual(failure);
});

test('shows the stack where the environment asks for it', () => {
  process.env['TRIREME_DEBUG'] = '1';
  const { text } = failureOf('get', new Error('no route'));
  expect(text).toMatch(/^error: no route\nError: no route\n +at /);
});
