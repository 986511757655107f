/** Kubernetes `Status` errors, with the texts of apimachinery's `api/errors`. */
import type { FieldError } from '../../api/field-error.js';
import { invalidStatus } from '../../api/field-error.js';
import type { Status, StatusCause, StatusDetails } from '../../api/object.js';
import { qualifiedName } from '../../api/object.js';

/** A refused request. Thrown anywhere below the handlers; becomes the answer as it is. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;

  /** False for a refusal of authorization, whose answer tells browsers not to guess at its type. */
  readonly isSniffed: boolean;

  constructor(status: Status, options: { readonly isSniffed?: boolean } = {}) {
    super(status.message ?? '');
    this.status = status;
    this.isSniffed = options.isSniffed ?? true;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** True for a {@link StatusError}, of `reason` when one is given. */
export function isStatusError(error: unknown, reason?: string): error is StatusError {
  return (
    error instanceof Error &&
    error.name === 'StatusError' &&
    (reason === undefined || (error as StatusError).reason === reason)
  );
}

/** Names the object of an error; `resource` is plural. */
export interface ErrorTarget {
  readonly group: string;
  readonly resource: string;
}

/** A failure with this code, reason and text. */
export function failure(
  code: number,
  reason: string,
  message: string,
  details?: StatusDetails,
): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === '' ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

function detailsOf(target: ErrorTarget, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(target.group === '' ? {} : { group: target.group }),
    kind: target.resource,
  };
}

function subject(target: ErrorTarget, name: string): string {
  return `${qualifiedName(target.group, target.resource)} "${name}"`;
}

/** 404 NotFound: `pods "a" not found`. */
export function notFound(target: ErrorTarget, name: string): StatusError {
  return failure(404, 'NotFound', `${subject(target, name)} not found`, detailsOf(target, name));
}

/** No such path below `/api` or `/apis`. */
export function noSuchResource(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** 409 AlreadyExists: `pods "a" already exists`. */
export function alreadyExists(target: ErrorTarget, name: string): StatusError {
  const message = `${subject(target, name)} already exists`;
  return failure(409, 'AlreadyExists', message, detailsOf(target, name));
}

/** The text of a lost update. */
export const modifiedText =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 409 Conflict: the object was changed by somebody else, or a condition of the request does not hold. */
export function conflict(
  target: ErrorTarget,
  name: string,
  text: string = modifiedText,
): StatusError {
  const message = `Operation cannot be fulfilled on ${subject(target, name)}: ${text}`;
  return failure(409, 'Conflict', message, detailsOf(target, name));
}

/** 403 Forbidden, of an authorizer or an admission plugin; `text` says why. */
export function forbidden(target: ErrorTarget, name: string, text: string): StatusError {
  const head = qualifiedName(target.group, target.resource);
  const message =
    name === '' ? `${head} is forbidden: ${text}` : `${head} "${name}" is forbidden: ${text}`;
  return failure(403, 'Forbidden', message, detailsOf(target, name));
}

/** 400 BadRequest. */
export function badRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

/** 401 Unauthorized, with the same text whatever was wrong with the credentials. */
export function unauthorized(): StatusError {
  return failure(401, 'Unauthorized', 'Unauthorized');
}

/** 405 MethodNotAllowed. */
export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return failure(405, 'MethodNotAllowed', message, {});
}

/** 406 NotAcceptable: the client takes none of the types that there are. */
export function notAcceptable(accepted: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`;
  return failure(406, 'NotAcceptable', message);
}

/** 406 NotAcceptable: the path has none of the types that the client names, whatever else it wants of them. */
export function notAvailable(available: readonly string[]): StatusError {
  const list = available.join(', ');
  const message = `406: Not Acceptable\n\nAvailable representations: ${list}`;
  return failure(406, 'NotAcceptable', message, {});
}

/** 415 UnsupportedMediaType: the body's type is none of those accepted. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message =
    'the body of the request was in an unknown format - accepted media types include: ' +
    accepted.join(', ');
  return failure(415, 'UnsupportedMediaType', message);
}

/** 415 UnsupportedMediaType, in the words of go-restful: no route takes bodies of the type. */
export function noRouteForType(): StatusError {
  return failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

/** 413 RequestEntityTooLarge; the limit is in bytes. */
export function tooLarge(limitBytes: number): StatusError {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return failure(413, 'RequestEntityTooLarge', message);
}

/** 400 BadRequest: an object without a name, where its path has one. */
export function undeterminable(name: string): StatusError {
  const text = `the name of the object (${name} based on URL) was undeterminable`;
  return badRequest(`${text}: name must be provided`);
}

/** 429 TooManyRequests; the client comes back after that many seconds. */
export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return failure(
    429,
    'TooManyRequests',
    message,
    retryAfterSeconds > 0 ? { retryAfterSeconds } : {},
  );
}

/** The words for a request that finds all slots taken (apiserver's `filters.tooManyRequests`). */
export const tooManyText = 'Too many requests, please try again later.';

/** More requests are under way than the server takes; over HTTP it is said in plain text, as kube-apiserver does. */
export function tooManyInFlight(): StatusError {
  return tooManyRequests(tooManyText, 1);
}

/** 410 Expired: history before the asked revision has been compacted. */
export function expired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

/** A watch or list asked for a revision that this server has not reached. */
export function tooLargeResourceVersion(wanted: number, current: number): StatusError {
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  const causes: StatusCause[] = [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ];
  return failure(504, 'Timeout', `Timeout: ${message}`, { causes, retryAfterSeconds: 1 });
}

/** 504 Timeout: the outcome of the request is unknown. */
export function timeout(message: string): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, {});
}

/** 500 InternalError. */
export function internal(message: string): StatusError {
  return failure(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });
}

/** 503 ServiceUnavailable: nothing was done; the client may try again. */
export function unavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

/** 422 with one cause per field; `kind` is the object's kind. */
export function invalidObject(
  target: { readonly group: string; readonly kind: string; readonly name: string },
  errors: readonly FieldError[],
): StatusError {
  return new StatusError(invalidStatus(target, errors));
}

/** The answer to a DELETE that removed the object at once. */
export function deletedStatus(target: ErrorTarget, name: string, uid: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(target, name), uid },
    code: 200,
  };
}
