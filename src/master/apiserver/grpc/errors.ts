import { Code, GrpcError } from '../../../lib/grpc/index.js';
import { internal, isStatusError, StatusError } from '../status.js';

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

/**
 * The longest Status that goes into a trailer as it is. It takes four thirds of that there, and its message beside it
 * up to three times its length: together less than a header block may have. With more the client ends the connection.
 */
const statusBytesMax = 12 * 1024;
/** Characters of the message that is left of a longer one. */
const cutCharacters = 1_000;

/** A Status that fits; a longer one without its details, which repeat what a request held, and with a cut message. */
function fitting(failed: StatusError): StatusError {
  const { message = '', details, ...status } = failed.status;
  if (Buffer.byteLength(JSON.stringify(failed.status)) <= statusBytesMax) return failed;
  const { group, kind, retryAfterSeconds } = details ?? {};
  const kept = Object.entries({ group, kind, retryAfterSeconds }).filter(([, part]) => part);
  const text = `${message.slice(0, cutCharacters)} ... (${message.length} characters)`;
  return new StatusError({ ...status, message: text, details: Object.fromEntries(kept) });
}

/** A Kubernetes Status as a gRPC error: the JSON travels in the trailer `status-bin`. */
export function toGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const failed = fitting(isStatusError(error) ? error : internal(String(error)));
  const body = Buffer.from(JSON.stringify(failed.status));
  return new GrpcError(codes[failed.reason] ?? Code.Internal, failed.message, {
    metadata: new Map([['status-bin', body]]),
    cause: error,
  });
}
