import { expired, failure, internal, unavailable } from '../status.js';
import { StoreError } from '../storage/store.js';

/** Rethrows what the store could not do as a Kubernetes Status. */
export function mapStoreError(error: unknown): never {
  if (!(error instanceof StoreError)) throw error;
  switch (error.code) {
    case 'compacted':
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. ' +
          'You can start a new list without the continue parameter.',
      );
    case 'too-large':
      throw failure(500, '', error.message);
    case 'unavailable':
      throw error.definite
        ? unavailable(error.message)
        : failure(504, 'Timeout', `the outcome of the write is unknown: ${error.message}`);
    default:
      throw internal(error.message);
  }
}
