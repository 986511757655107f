/**
 * A patch that cannot be read (`BadRequest`, 400), is too long (`TooLarge`, 413), cannot be applied (`Invalid`, 422) or
 * meets what apiserver has no name for (`Unknown`, 500). Definite.
 */
export class PatchError extends Error {
  readonly code = 'PATCH_FAILED';
  readonly reason: 'BadRequest' | 'TooLarge' | 'Invalid' | 'Unknown';

  constructor(reason: 'BadRequest' | 'TooLarge' | 'Invalid' | 'Unknown', message: string) {
    super(message);
    this.reason = reason;
  }
}
