/** The edge between etcd's errors and gRPC: etcd's code for each error (rpctypes/error.go). */
import { Code, GrpcError, isGrpcError } from '../lib/grpc/types.js';
import type { Handlers, ServiceDefinition } from '../lib/grpc/types.js';
import { asEtcdError } from './apply/errors.js';
import type { EtcdErrorName } from './apply/errors.js';
import type { Compat } from './compat.js';

const codes: Readonly<Record<EtcdErrorName, Code>> = {
  emptyKey: Code.InvalidArgument,
  keyNotFound: Code.InvalidArgument,
  valueProvided: Code.InvalidArgument,
  leaseProvided: Code.InvalidArgument,
  tooManyOps: Code.InvalidArgument,
  duplicateKey: Code.InvalidArgument,
  invalidSortOption: Code.InvalidArgument,
  compacted: Code.OutOfRange,
  futureRev: Code.OutOfRange,
  noSpace: Code.ResourceExhausted,
  leaseNotFound: Code.NotFound,
  leaseExist: Code.FailedPrecondition,
  leaseTtlTooLarge: Code.OutOfRange,
  watchCanceled: Code.Cancelled,
  memberExist: Code.FailedPrecondition,
  peerUrlExist: Code.FailedPrecondition,
  memberNotEnoughStarted: Code.Unknown,
  memberBadUrls: Code.InvalidArgument,
  memberNotFound: Code.NotFound,
  memberNotLearner: Code.FailedPrecondition,
  learnerNotReady: Code.FailedPrecondition,
  tooManyLearners: Code.FailedPrecondition,
  memberRemoved: Code.FailedPrecondition,
  notPrimary: Code.FailedPrecondition,
  clusterIdMismatch: Code.FailedPrecondition,
  requestTooLarge: Code.InvalidArgument,
  tooManyRequests: Code.Unknown,
  rootUserNotExist: Code.FailedPrecondition,
  rootRoleNotExist: Code.FailedPrecondition,
  userAlreadyExist: Code.FailedPrecondition,
  userEmpty: Code.InvalidArgument,
  userNotFound: Code.FailedPrecondition,
  roleAlreadyExist: Code.FailedPrecondition,
  roleNotFound: Code.FailedPrecondition,
  roleEmpty: Code.InvalidArgument,
  authFailed: Code.InvalidArgument,
  noPasswordUser: Code.Unknown,
  passwordTooLong: Code.Unknown,
  permissionNotGiven: Code.InvalidArgument,
  permissionDenied: Code.PermissionDenied,
  roleNotGranted: Code.FailedPrecondition,
  permissionNotGranted: Code.FailedPrecondition,
  authNotEnabled: Code.FailedPrecondition,
  invalidAuthToken: Code.Unauthenticated,
  invalidAuthMgmt: Code.InvalidArgument,
  authOldRevision: Code.InvalidArgument,
  noLeader: Code.Unavailable,
  notLeader: Code.FailedPrecondition,
  leaderChanged: Code.Unavailable,
  badLeaderTransferee: Code.FailedPrecondition,
  notCapable: Code.FailedPrecondition,
  stopped: Code.Unavailable,
  timeout: Code.Unavailable,
  timeoutDueToLeaderFail: Code.Unavailable,
  timeoutDueToConnectionLost: Code.Unavailable,
  unhealthy: Code.Unavailable,
  corrupt: Code.DataLoss,
  notSupportedForLearner: Code.FailedPrecondition,
  clusterVersionUnavailable: Code.FailedPrecondition,
  wrongDowngradeVersionFormat: Code.InvalidArgument,
  invalidDowngradeTargetVersion: Code.InvalidArgument,
  downgradeInProcess: Code.FailedPrecondition,
  unknownMethod: Code.Unknown,
  noInflightDowngrade: Code.FailedPrecondition,
  diskFull: Code.Unavailable,
  peerUnreachable: Code.Unavailable,
  logVersionUnknown: Code.FailedPrecondition,
};

/**
 * Where 3.5 has another code than `codes`. Clients of 3.6 take an error for the one of its text only if the code fits,
 * and turn from a learner to the next endpoint only then.
 */
const codesOf35: Partial<Readonly<Record<EtcdErrorName, Code>>> = {
  notCapable: Code.Unavailable,
  notSupportedForLearner: Code.Unavailable,
  clusterVersionUnavailable: Code.Unavailable,
};

/**
 * The status of what a call threw, as the client sees it.
 * @param compat whose codes to use @default 3.5
 * @returns undefined for an error that is none of etcd's: a bug, or a disk that failed
 */
export function clientError(error: unknown, compat: Compat = '3.5'): GrpcError | undefined {
  if (isGrpcError(error)) return error;
  const known = asEtcdError(error);
  if (known === undefined) return undefined;
  const { code, message, definite, cause } = known;
  const own = compat === '3.5' ? codesOf35[code] : undefined;
  return new GrpcError(own ?? codes[code], message, { definite, cause });
}

/**
 * Answers a caller without the right in the calls that etcd guards outside its table of errors (Defragment, Hash,
 * HashKV, Snapshot): with the auth store's own text, without a code.
 */
export function rawAuthError(error: unknown): unknown {
  const known = clientError(error);
  if (known === undefined) return error;
  return new GrpcError(Code.Unknown, known.message.replace(/^etcdserver: /, 'auth: '));
}

type Handler = (...args: unknown[]) => unknown;

/** Wraps the handlers of a service: what they throw leaves as a status. */
export function withStatus<S extends ServiceDefinition>(
  definition: S,
  handlers: Handlers<S>,
): Handlers<S> {
  const methods = handlers as Readonly<Record<string, Handler>>;
  const wrapped: Record<string, Handler> = {};
  for (const key of Object.keys(definition.methods)) {
    const handler = methods[key];
    if (handler === undefined) continue;
    wrapped[key] = (...args) => {
      try {
        const result = handler.apply(handlers, args);
        if (!(result instanceof Promise)) return result;
        return result.catch((error: unknown) => {
          throw clientError(error) ?? error;
        });
      } catch (error) {
        throw clientError(error) ?? error;
      }
    };
  }
  return wrapped as Handlers<S>;
}
