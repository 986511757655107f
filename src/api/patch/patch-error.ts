/** A patch that cannot be read (`BadRequest`, 400) or applied (`Invalid`, 422). Definite. */
export class PatchError extends Error {
  readonly code = 'PATCH_FAILED';
  readonly reason: 'BadRequest' | 'Invalid';

  constructor(reason: 'BadRequest' | 'Invalid', message: string) {
    super(message);
    this.reason = reason;
  }
}
