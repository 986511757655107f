/**
 * Before the tests of each file: bytes are compared as bytes. Jest walks over them one by one, a thousand times slower.
 */
import { expect } from '@jest/globals';

expect.addEqualityTesters([
  (a: unknown, b: unknown): boolean | undefined =>
    a instanceof Uint8Array && b instanceof Uint8Array && a.constructor === b.constructor
      ? Buffer.compare(a, b) === 0
      : undefined,
]);
