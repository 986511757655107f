import type { Code as GrpcCode } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';

/**
 * Every error that a client can see: etcd's code and text, word for word (rpctypes/error.go), because client libraries
 * match on them.
 */
const table = {
  emptyKey: [Code.InvalidArgument, 'etcdserver: key is not provided'],
  keyNotFound: [Code.InvalidArgument, 'etcdserver: key not found'],
  valueProvided: [Code.InvalidArgument, 'etcdserver: value is provided'],
  leaseProvided: [Code.InvalidArgument, 'etcdserver: lease is provided'],
  tooManyOps: [Code.InvalidArgument, 'etcdserver: too many operations in txn request'],
  duplicateKey: [Code.InvalidArgument, 'etcdserver: duplicate key given in txn request'],
  invalidSortOption: [Code.InvalidArgument, 'etcdserver: invalid sort option'],
  compacted: [Code.OutOfRange, 'etcdserver: mvcc: required revision has been compacted'],
  futureRev: [Code.OutOfRange, 'etcdserver: mvcc: required revision is a future revision'],
  noSpace: [Code.ResourceExhausted, 'etcdserver: mvcc: database space exceeded'],

  leaseNotFound: [Code.NotFound, 'etcdserver: requested lease not found'],
  leaseExist: [Code.FailedPrecondition, 'etcdserver: lease already exists'],
  leaseTtlTooLarge: [Code.OutOfRange, 'etcdserver: too large lease TTL'],

  watchCanceled: [Code.Cancelled, 'etcdserver: watch canceled'],

  memberExist: [Code.FailedPrecondition, 'etcdserver: member ID already exist'],
  peerUrlExist: [Code.FailedPrecondition, 'etcdserver: Peer URLs already exists'],
  // These two leave etcd without a code of their own.
  memberNotEnoughStarted: [
    Code.Unknown,
    'etcdserver: re-configuration failed due to not enough started members',
  ],
  memberBadUrls: [Code.InvalidArgument, 'etcdserver: given member URLs are invalid'],
  memberNotFound: [Code.NotFound, 'etcdserver: member not found'],
  memberNotLearner: [Code.FailedPrecondition, 'etcdserver: can only promote a learner member'],
  learnerNotReady: [
    Code.FailedPrecondition,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ],
  tooManyLearners: [Code.FailedPrecondition, 'etcdserver: too many learner members in cluster'],
  // Between members.
  memberRemoved: [
    Code.FailedPrecondition,
    'the member has been permanently removed from the cluster',
  ],
  notPrimary: [Code.FailedPrecondition, 'etcdserver: not primary lessor'],
  clusterIdMismatch: [Code.FailedPrecondition, 'etcdserver: cluster ID mismatch'],

  requestTooLarge: [Code.InvalidArgument, 'etcdserver: request is too large'],
  tooManyRequests: [Code.Unknown, 'etcdserver: too many requests'],

  rootUserNotExist: [Code.FailedPrecondition, 'etcdserver: root user does not exist'],
  rootRoleNotExist: [Code.FailedPrecondition, 'etcdserver: root user does not have root role'],
  userAlreadyExist: [Code.FailedPrecondition, 'etcdserver: user name already exists'],
  userEmpty: [Code.InvalidArgument, 'etcdserver: user name is empty'],
  userNotFound: [Code.FailedPrecondition, 'etcdserver: user name not found'],
  roleAlreadyExist: [Code.FailedPrecondition, 'etcdserver: role name already exists'],
  roleNotFound: [Code.FailedPrecondition, 'etcdserver: role name not found'],
  roleEmpty: [Code.InvalidArgument, 'etcdserver: role name is empty'],
  authFailed: [
    Code.InvalidArgument,
    'etcdserver: authentication failed, invalid user ID or password',
  ],
  noPasswordUser: [
    Code.Unknown,
    'auth: authentication failed, password was given for no password user',
  ],
  permissionNotGiven: [Code.InvalidArgument, 'etcdserver: permission not given'],
  permissionDenied: [Code.PermissionDenied, 'etcdserver: permission denied'],
  roleNotGranted: [Code.FailedPrecondition, 'etcdserver: role is not granted to the user'],
  permissionNotGranted: [
    Code.FailedPrecondition,
    'etcdserver: permission is not granted to the role',
  ],
  authNotEnabled: [Code.FailedPrecondition, 'etcdserver: authentication is not enabled'],
  invalidAuthToken: [Code.Unauthenticated, 'etcdserver: invalid auth token'],
  invalidAuthMgmt: [Code.InvalidArgument, 'etcdserver: invalid auth management'],
  authOldRevision: [Code.InvalidArgument, 'etcdserver: revision of auth store is old'],

  noLeader: [Code.Unavailable, 'etcdserver: no leader'],
  notLeader: [Code.FailedPrecondition, 'etcdserver: not leader'],
  leaderChanged: [Code.Unavailable, 'etcdserver: leader changed'],
  badLeaderTransferee: [Code.FailedPrecondition, 'etcdserver: bad leader transferee'],
  notCapable: [Code.FailedPrecondition, 'etcdserver: not capable'],
  stopped: [Code.Unavailable, 'etcdserver: server stopped'],
  timeout: [Code.Unavailable, 'etcdserver: request timed out'],
  timeoutDueToLeaderFail: [
    Code.Unavailable,
    'etcdserver: request timed out, possibly due to previous leader failure',
  ],
  timeoutDueToConnectionLost: [
    Code.Unavailable,
    'etcdserver: request timed out, possibly due to connection lost',
  ],
  unhealthy: [Code.Unavailable, 'etcdserver: unhealthy cluster'],
  corrupt: [Code.DataLoss, 'etcdserver: corrupt cluster'],
  notSupportedForLearner: [Code.Unavailable, 'etcdserver: rpc not supported for learner'],

  clusterVersionUnavailable: [
    Code.FailedPrecondition,
    'etcdserver: cluster version not found during downgrade',
  ],
  wrongDowngradeVersionFormat: [
    Code.InvalidArgument,
    'etcdserver: wrong downgrade target version format',
  ],
  invalidDowngradeTargetVersion: [
    Code.InvalidArgument,
    'etcdserver: invalid downgrade target version',
  ],
  downgradeInProcess: [
    Code.FailedPrecondition,
    'etcdserver: cluster has a downgrade job in progress',
  ],
  unknownMethod: [Code.Unknown, 'etcdserver: unknown method'],
  noInflightDowngrade: [Code.FailedPrecondition, 'etcdserver: no inflight downgrade job'],
} as const satisfies Readonly<Record<string, readonly [GrpcCode, string]>>;

/** The name of an error in the table. */
export type EtcdErrorName = keyof typeof table;

/** Errors after which nobody knows whether the request took effect. */
const indefinite: ReadonlySet<EtcdErrorName> = new Set<EtcdErrorName>([
  'timeout',
  'timeoutDueToLeaderFail',
  'timeoutDueToConnectionLost',
  'leaderChanged',
  'stopped',
]);

/** A new error by its name. */
export function etcdError(name: EtcdErrorName): GrpcError {
  const [code, text] = table[name];
  return new GrpcError(code, text, { definite: !indefinite.has(name) });
}

/**
 * What a caller without the right gets from the calls that etcd guards outside its table of errors (Defragment, Hash, HashKV,
 * Snapshot): the auth store's own text, without a code.
 */
export function rawAuthError(error: unknown): unknown {
  const known = clientError(error);
  if (known === undefined) return error;
  return new GrpcError(Code.Unknown, known.message.replace(/^etcdserver: /, 'auth: '));
}

/** Domain errors carry their text already; only the code has to be found. */
const nameByText: ReadonlyMap<string, EtcdErrorName> = new Map(
  Object.entries(table).map(([name, [, text]]) => [text, name as EtcdErrorName]),
);

/**
 * What the layers below threw, as the client sees it. They use etcd's texts, which the table turns into codes.
 * @returns undefined for an error that is not theirs: a bug, or a disk that failed
 */
export function clientError(error: unknown): GrpcError | undefined {
  if (error instanceof GrpcError) return error;
  if (!(error instanceof Error)) return undefined;
  const name = nameByText.get(error.message);
  return name === undefined ? undefined : etcdError(name);
}
