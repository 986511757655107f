/** A revision below the compaction was asked for. Retrying cannot help. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly code = 'COMPACTED';
  readonly retryable = false;
  /** The compaction's revision: the oldest that can still be read. */
  readonly compactRevision: number;

  constructor(compactRevision: number) {
    super('etcdserver: mvcc: required revision has been compacted');
    this.compactRevision = compactRevision;
  }
}

/** A revision was asked for that does not exist yet. */
export class FutureRevError extends Error {
  override readonly name = 'FutureRevError';
  readonly code = 'FUTURE_REV';
  readonly retryable = false;

  constructor() {
    super('etcdserver: mvcc: required revision is a future revision');
  }
}

/** A delete would make more changes than one revision can hold. Nothing was changed. */
export class TooManyChangesError extends Error {
  override readonly name = 'TooManyChangesError';
  readonly code = 'TOO_MANY_CHANGES';
  readonly retryable = false;

  constructor() {
    super('etcdserver: too many operations in txn request');
  }
}
