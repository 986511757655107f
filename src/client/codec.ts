import type { GrpcError } from '../lib/grpc/index.js';
import { Code, isGrpcError } from '../lib/grpc/index.js';
import type { ResourceRef } from '../gen/apiserver.js';
import type { ResourceId } from './types.js';
import { ApiError } from './types.js';
import { formatJson, parseJson } from '../lib/json.js';

/** The trailer in which the API server sends the JSON of a Kubernetes `Status`. */
export const statusTrailer = 'status-bin';

/** Reads the bytes that the API server sent for an object. */
export function parseObject<T>(bytes: Uint8Array): T {
  return parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as T;
}

/** The bytes of an object on its way to the API server. */
export function formatObject(object: unknown): Buffer {
  return Buffer.from(formatJson(object), 'utf8');
}

/** The wire's name for a resource, and for an object in it. */
export function resourceRef(
  resource: ResourceId,
  key: { readonly namespace?: string; readonly name?: string } = {},
  subresource = '',
): ResourceRef {
  return {
    group: resource.group,
    version: resource.version ?? '',
    resource: resource.resource,
    namespace: key.namespace ?? '',
    name: key.name ?? '',
    subresource,
  };
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: unknown;
}

/** The error of a `Status` object. */
export function errorFromStatus(status: Status, definite = true, cause?: unknown): ApiError {
  return new ApiError(status.code ?? 500, status.reason ?? '', status.message ?? 'unknown error', {
    definite,
    details: status.details,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Turns the error of a failed call into an {@link ApiError}: the server's own `Status` if it sent one, else the
 * transport's state.
 */
export function toApiError(error: unknown): unknown {
  if (!isGrpcError(error)) return error;
  const bytes = error.metadata.get(statusTrailer);
  if (Buffer.isBuffer(bytes)) {
    return errorFromStatus(parseObject<Status>(bytes), error.definite, error);
  }
  return errorFromStatus(
    { ...statusOfCode(error), message: error.message },
    error.definite && error.code !== Code.Unknown,
    error,
  );
}

function statusOfCode(error: GrpcError): { code: number; reason: string } {
  switch (error.code) {
    case Code.Unavailable:
      return { code: 503, reason: 'ServiceUnavailable' };
    case Code.DeadlineExceeded:
      return { code: 504, reason: 'Timeout' };
    case Code.Cancelled:
      return { code: 499, reason: 'Cancelled' };
    case Code.Unauthenticated:
      return { code: 401, reason: 'Unauthorized' };
    case Code.PermissionDenied:
      return { code: 403, reason: 'Forbidden' };
    case Code.ResourceExhausted:
      return { code: 429, reason: 'TooManyRequests' };
    default:
      return { code: 500, reason: 'InternalError' };
  }
}
