/** Refusals and failures of requests, in kubectl's words. */
import { ApiError } from '../../client/types.js';

interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: unknown;
}

interface Details {
  readonly kind?: string;
  readonly name?: string;
  readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
}

/** No server could be asked. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** True when the request was surely not carried out. */
  readonly unsent: boolean;
  /** What went wrong, in few words. */
  readonly why: string;

  constructor(server: string, cause: NodeJS.ErrnoException, unsent: boolean) {
    super(connectionText(server, cause), { cause });
    this.unsent = unsent;
    this.why = cause.code ?? cause.message;
  }
}

function connectionText(server: string, error: NodeJS.ErrnoException): string {
  const { host } = new URL(server);
  if (error.code === 'ECONNREFUSED') {
    return `The connection to the server ${host} was refused - did you specify the right host or port?`;
  }
  return `Unable to connect to the server: ${error.message}`;
}

/** The error of an answer with a code from 400 on. */
export function refusalOf(code: number, body: Buffer): ApiError {
  const text = body.toString('utf8');
  let status: Status = {};
  try {
    const parsed = JSON.parse(text) as Status;
    if (parsed?.kind === 'Status') status = parsed;
  } catch {
    // No Status: the text itself is the message.
  }
  const { reason = '', details } = status;
  const message =
    status.message ?? (text.trim() === '' ? `the server answered ${code}` : text.trim());
  return new ApiError(status.code ?? code, reason, message, { details });
}

/**
 * What kubectl prints for a refusal.
 * @param prefix for example `error when creating "x.yaml": `
 */
export function refusalText(
  error: Pick<ApiError, 'code' | 'reason' | 'message' | 'details'>,
  prefix = '',
): string {
  if (error.reason === 'Invalid') return invalidText(error);
  if (error.reason === 'Unauthorized' || error.code === 401) {
    return `error: You must be logged in to the server (${error.message})`;
  }
  const reason = error.reason === '' ? '' : ` (${error.reason})`;
  return `Error from server${reason}: ${prefix}${error.message}`;
}

function invalidText(error: Pick<ApiError, 'message' | 'details'>): string {
  const details = error.details as Details | null | undefined;
  if (details === undefined || details === null) return `The request is invalid: ${error.message}`;
  const causes = details.causes ?? [];
  let text = 'The request is invalid';
  if ((details.kind ?? '') !== '' || (details.name ?? '') !== '') {
    text = `The ${details.kind ?? ''} "${details.name ?? ''}" is invalid`;
  } else if (causes.length === 0) text += `: ${error.message}`;
  const lines = causes.map(({ field = '', message = '' }) => `${field}: ${message}`);
  if (lines.length === 0) return text;
  if (lines.length === 1) return `${text}: ${lines[0] ?? ''}`;
  return `${text}: \n${lines.map((line) => `* ${line}`).join('\n')}`;
}
