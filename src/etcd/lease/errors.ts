/** No lease has this id (any more). */
export class LeaseNotFoundError extends Error {
  override readonly name = 'LeaseNotFoundError';
  readonly code = 'LEASE_NOT_FOUND';
  readonly retryable = false;

  constructor() {
    super('etcdserver: requested lease not found');
  }
}

/** The id of a grant is taken. */
export class LeaseExistsError extends Error {
  override readonly name = 'LeaseExistsError';
  readonly code = 'LEASE_EXISTS';
  readonly retryable = false;

  constructor() {
    super('etcdserver: lease already exists');
  }
}

/** The TTL of a grant is above `leaseTtlSecondsMax`. */
export class LeaseTtlTooLargeError extends Error {
  override readonly name = 'LeaseTtlTooLargeError';
  readonly code = 'LEASE_TTL_TOO_LARGE';
  readonly retryable = false;

  constructor() {
    super('etcdserver: too large lease TTL');
  }
}

/** Only the leader's lessor counts time; ask the leader. */
export class NotPrimaryError extends Error {
  override readonly name = 'NotPrimaryError';
  readonly code = 'LEASE_NOT_PRIMARY';
  readonly retryable = true;

  constructor() {
    super('etcdserver: not primary lessor');
  }
}
