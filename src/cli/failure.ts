/** Says why a command failed: loaded when one has. */
import { errorMessage, toError } from '../lib/errors.js';
import { isUsageError } from '../lib/usage-error.js';
import { serverErrorText } from './server-error.js';

/** The words for the person at the terminal, and the exit code. */
export interface Failure {
  readonly text: string;
  readonly code: 1 | 2;
}

/** Describes the error of a command. @param name the command's */
export function failureOf(name: string, error: unknown): Failure {
  if (isUsageError(error)) return { text: `trireme ${name}: ${error.message}\n`, code: 2 };
  const stack = process.env['TRIREME_DEBUG'] === undefined ? '' : `${toError(error).stack ?? ''}\n`;
  return { text: `${messageOf(error)}\n${stack}`, code: 1 };
}

/** As kubectl. An API error is known by its name, since few commands need a client. */
function messageOf(error: unknown): string {
  if (error instanceof Error && error.name === 'ApiError' && 'reason' in error) {
    return serverErrorText({ reason: String(error.reason), message: error.message });
  }
  return `error: ${errorMessage(error)}`;
}
