import { errorMessage } from '../../lib/errors.js';

/** A record before the end of the log is damaged. Nothing of this log may be served; replace the member. */
export class WalCorruptError extends Error {
  override readonly name = 'WalCorruptError';
  readonly code = 'WAL_CORRUPT';
  readonly retryable = false;
  readonly path: string;
  /** Byte offset of the damaged record in the file. */
  readonly offset: number;

  constructor(path: string, offset: number, detail: string) {
    super(`write-ahead log ${path} is damaged at byte ${offset}: ${detail}`);
    this.path = path;
    this.offset = offset;
  }
}

/** The disk is full. The pending records stay in memory in order; sync again once there is space. */
export class WalNoSpaceError extends Error {
  override readonly name = 'WalNoSpaceError';
  readonly code = 'WAL_NO_SPACE';
  readonly retryable = true;
  /** None of the pending records counts as durable. */
  readonly definite = true;
  readonly path: string;

  constructor(path: string, cause: unknown) {
    super(`no space left for write-ahead log ${path}`, { cause });
    this.path = path;
  }
}

/** A write or sync failed in a way after which the content of the disk is unknown: the member must stop. */
export class WalWriteError extends Error {
  override readonly name = 'WalWriteError';
  readonly code = 'WAL_WRITE';
  readonly retryable = false;
  readonly path: string;

  constructor(path: string, cause: unknown) {
    const detail = errorMessage(cause);
    super(`cannot write write-ahead log ${path}: ${detail}`, { cause });
    this.path = path;
  }
}

/** There is no log in the directory. */
export class WalNotFoundError extends Error {
  override readonly name = 'WalNotFoundError';
  readonly code = 'WAL_NOT_FOUND';
  readonly retryable = false;

  constructor(directory: string) {
    super(`no write-ahead log in ${directory}`);
  }
}
