import { expect, test } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { toError, errorMessage } from './errors.js';

test('the message of what was thrown', () => {
  const foreign: unknown = runInNewContext('new RangeError("elsewhere")');
  const refused = new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]);
  const told = new AggregateError([new Error('one')], 'both failed');
  expect(
    [new TypeError('bad'), foreign, refused, told, 'text', 7, undefined].map(errorMessage),
  ).toEqual([
    'bad',
    'elsewhere',
    '::1 refused; 127.0.0.1 refused',
    'both failed',
    'text',
    '7',
    'undefined',
  ]);
});

test('what was thrown, as an error', () => {
  const error = new TypeError('bad');
  expect(toError(error)).toBe(error);
  expect(toError('text')).toEqual(new Error('text'));
  const foreign: unknown = runInNewContext('new RangeError("elsewhere")');
  const made = toError(foreign);
  expect([made instanceof Error, made.message, made.cause]).toEqual([true, 'elsewhere', foreign]);
});
