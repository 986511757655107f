import type { ApiError } from '../client/types.js';

/** A refused request in kubectl's words: `Error from server (NotFound): pods "x" not found`. */
export function serverErrorText(error: Pick<ApiError, 'reason' | 'message'>): string {
  const reason = error.reason === '' ? '' : ` (${error.reason})`;
  return `Error from server${reason}: ${error.message}`;
}
