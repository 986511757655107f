/** An answer of the API that says no, or no answer at all. */
export class ApiFailure extends Error {
  /** The status of HTTP; 0 where the server did not answer. */
  readonly code: number;
  /** As Kubernetes' Status names it: `Forbidden`, `Conflict`, `Expired`. */
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.code = code;
    this.reason = reason;
  }
}

interface StatusDocument {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Reads the body of an answer with an error's code; text that is no Status is taken as the message. */
export function failureOf(code: number, body: string): ApiFailure {
  const status = statusOf(body);
  if (status === undefined) {
    return new ApiFailure(code, '', body.trim() === '' ? `the server says ${code}` : body.trim());
  }
  return new ApiFailure(code, status.reason ?? '', status.message ?? `the server says ${code}`);
}

/** A Status as JSON, or as the server's YAML, to those who asked for that. */
function statusOf(body: string): StatusDocument | undefined {
  if (/^kind: Status$/m.test(body)) {
    const field = (name: string): string =>
      unquoted(new RegExp(`^${name}: (.*)$`, 'm').exec(body)?.[1] ?? '');
    return { reason: field('reason'), message: field('message') };
  }
  try {
    const status = JSON.parse(body) as StatusDocument;
    return status.kind === 'Status' ? status : undefined;
  } catch {
    return undefined;
  }
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}

/** The words for a failure that a person sees. */
export function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
