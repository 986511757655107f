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
  try {
    const status = JSON.parse(body) as StatusDocument;
    if (status.kind === 'Status') {
      return new ApiFailure(code, status.reason ?? '', status.message ?? `the server says ${code}`);
    }
  } catch {
    // Not JSON: the text itself is the message.
  }
  return new ApiFailure(code, '', body.trim() === '' ? `the server says ${code}` : body.trim());
}

/** The words for a failure that a person sees. */
export function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
