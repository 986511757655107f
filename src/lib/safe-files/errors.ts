/** Why a path was refused. */
export type SafeFileErrorCode =
  /** The path leads out of its root. */
  | 'ESCAPES'
  /** A name that is no single component. */
  | 'BAD_NAME'
  /** Something is mounted inside a tree that is to be removed or walked. */
  | 'CROSSES_MOUNT'
  | 'TOO_DEEP'
  | 'NOT_A_DIRECTORY'
  | 'NOT_A_FILE'
  | 'NOT_FOUND'
  /** The tree is being written to while it is removed. */
  | 'KEEPS_GROWING';

/** The error of a file system that does not hold what was expected: definite, and not worth a retry by itself. */
export class SafeFileError extends Error {
  override readonly name = 'SafeFileError';
  readonly code: SafeFileErrorCode;

  constructor(code: SafeFileErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The code that the kernel gave, such as `ENOENT`; by form, since errors of another realm are no `Error` of ours. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
