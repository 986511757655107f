import { Code, GrpcError } from '../../../lib/grpc/index.js';
import type { StatusError } from '../status.js';
import { internal, isStatusError } from '../status.js';

const codes: Readonly<Record<string, Code>> = {
  NotFound: Code.NotFound,
  AlreadyExists: Code.AlreadyExists,
  Conflict: Code.Aborted,
  Invalid: Code.InvalidArgument,
  BadRequest: Code.InvalidArgument,
  Forbidden: Code.PermissionDenied,
  Unauthorized: Code.Unauthenticated,
  Expired: Code.OutOfRange,
  TooManyRequests: Code.ResourceExhausted,
  RequestEntityTooLarge: Code.ResourceExhausted,
  Timeout: Code.DeadlineExceeded,
  ServiceUnavailable: Code.Unavailable,
  MethodNotAllowed: Code.Unimplemented,
  UnsupportedMediaType: Code.InvalidArgument,
};

/** A Kubernetes Status as a gRPC error: the JSON travels in the trailer `status-bin`. */
export function toGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const failed: StatusError = isStatusError(error) ? error : internal(String(error));
  const body = Buffer.from(JSON.stringify(failed.status));
  return new GrpcError(codes[failed.reason] ?? Code.Internal, failed.message, {
    metadata: new Map([['status-bin', body]]),
    cause: error,
  });
}
