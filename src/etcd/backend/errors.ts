/** The database file is damaged. The member must not serve from it. */
export class BackendCorruptError extends Error {
  override readonly name = 'BackendCorruptError';
  readonly code = 'BACKEND_CORRUPT';
  readonly retryable = false;
  readonly path: string;
  /** The damage that was found, without the path. */
  readonly detail: string;

  constructor(path: string, detail: string, cause?: unknown) {
    super(`database file ${path} is damaged: ${detail}`, { cause });
    this.path = path;
    this.detail = detail;
  }
}

/** The disk is full; the batch was not committed and stays in memory. Retry when there is space. */
export class BackendNoSpaceError extends Error {
  override readonly name = 'BackendNoSpaceError';
  readonly code = 'BACKEND_NO_SPACE';
  readonly retryable = true;
  readonly path: string;

  constructor(path: string, cause: unknown) {
    super(`no space left for database file ${path}`, { cause });
    this.path = path;
  }
}

/** Turns what SQLite threw into a typed error, or gives it back unchanged. */
export function convertSqliteError(path: string, error: unknown): unknown {
  // Not `instanceof Error`: SQLite's errors may be of another realm.
  if (typeof error !== 'object' || error === null || !('code' in error)) return error;
  const code = String(error.code);
  const message = 'message' in error ? String(error.message) : code;
  if (error instanceof BackendCorruptError) return error;
  if (code === 'BACKEND_CORRUPT') {
    // From another thread: only code and text have come over.
    return new BackendCorruptError(path, message.slice(message.indexOf(': ') + 2), error);
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new BackendCorruptError(path, message, error);
  }
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_WRITE') {
    return new BackendNoSpaceError(path, error);
  }
  return error;
}

/**
 * The same while a file is opened: our statements are right, so one that SQLite cannot carry out means a file that is
 * none of ours.
 */
export function convertOpenError(path: string, error: unknown): unknown {
  const converted = convertSqliteError(path, error);
  if (converted !== error || typeof error !== 'object' || error === null) return converted;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return code === 'SQLITE_ERROR' ? new BackendCorruptError(path, String(message), error) : error;
}
