/** Before the tests of each file. */
import { expect } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';

// Bytes are compared as bytes. Jest walks over them one by one, a thousand times slower.
expect.addEqualityTesters([
  (a: unknown, b: unknown): boolean | undefined =>
    a instanceof Uint8Array && b instanceof Uint8Array && a.constructor === b.constructor
      ? Buffer.compare(a, b) === 0
      : undefined,
]);

const lean = Symbol.for('trireme.test.lean');
type Run = AsyncLocalStorage<unknown>['run'] & { [lean]?: true };
const storage = AsyncLocalStorage.prototype as { run: Run };

/**
 * Jest runs each test in an AsyncLocalStorage, to know whose error nobody has caught. From the first on, every promise
 * of the worker calls four hooks. Without it such an error is the file's and not the test's: the file fails.
 */
if (storage.run[lean] === undefined) {
  const run = storage.run;
  const runLean = function (
    this: AsyncLocalStorage<unknown>,
    store: unknown,
    callback: (...words: unknown[]) => unknown,
    ...words: unknown[]
  ): unknown {
    const ofJest =
      typeof store === 'object' && store !== null && ('test' in store || 'hook' in store);
    return ofJest ? callback(...words) : run.call(this, store, callback, ...words);
  };
  storage.run = Object.assign(runLean as Run, { [lean]: true as const });
}
