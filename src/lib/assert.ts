/** A broken invariant: a bug in this program and never a user's mistake. It is not caught; the process ends. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Holds in production too. One condition a call; the message says what should have been true.
 * @throws InvariantError
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends a `switch` over a union: it compiles only while every member has its case. */
export function assertNever(value: never, what = 'value'): never {
  throw new InvariantError(`unexpected ${what}: ${String(value)}`);
}

/** The value, asserted present. */
export function mustExist<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new InvariantError(`${what} is missing`);
  return value;
}

/** True where costly checks run as well: in tests, by `VERIFY=1`. */
export const verifying = process.env['VERIFY'] === '1';

/** The value, which must not change from now on: where costly checks run, whoever tries is stopped by a TypeError. */
export function unchanging<T>(value: T): T {
  if (verifying) freeze(value);
  return value;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  const parts = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (typeof part === 'object') freeze(part);
  }
}
