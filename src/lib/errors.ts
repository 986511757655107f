/** The message and the error of a thrown value, whose type TypeScript does not know. */
import { types } from 'node:util';

/** True for errors, those of another realm (a vm context of Jest) as well. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown);
}

/**
 * The text of a thrown value: an error's message, anything else as a string. Node gives no message to the error of a
 * connection that failed at several addresses; then it is the messages of the errors in it.
 */
export function errorMessage(thrown: unknown): string {
  if (!isError(thrown)) return String(thrown);
  if (thrown.message !== '' || !(thrown instanceof AggregateError)) return thrown.message;
  return thrown.errors.map(errorMessage).join('; ');
}

/** The thrown value as an error that is an `Error` here: itself, or one with its text. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(errorMessage(thrown), { cause: thrown });
}
