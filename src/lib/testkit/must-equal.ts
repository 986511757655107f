import { expect } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';

/**
 * Expects equal values in loops of thousands of rounds. `expect` costs some 50 µs a call, often more than the code
 * under test, so it is called only to report a difference.
 */
export function mustEqual(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
