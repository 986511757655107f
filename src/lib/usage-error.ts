/**
 * The command line is wrong: the text is for the operator, the exit code 2. Compared by its name, so that nobody loads
 * a parser for it.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

/** True for a {@link UsageError}, of whichever realm. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === 'UsageError';
}
