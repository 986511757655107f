/**
 * A patch that cannot be read (`BadRequest`, 400), is too long (`TooLarge`, 413) or cannot be applied (`Invalid`, 422).
 * Definite.
 */
export class PatchError extends Error {
  readonly code = 'PATCH_FAILED';
  readonly reason: 'BadRequest' | 'TooLarge' | 'Invalid';

  constructor(reason: 'BadRequest' | 'TooLarge' | 'Invalid', message: string) {
    super(message);
    this.reason = reason;
  }
}
