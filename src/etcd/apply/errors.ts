/** Etcd's errors by name, without a protocol: `src/etcd/grpc-status.ts` gives each its gRPC code at the edge. */

/** Etcd's texts, word for word (rpctypes/error.go), because client libraries match on them. */
const texts = {
  emptyKey: 'etcdserver: key is not provided',
  keyNotFound: 'etcdserver: key not found',
  valueProvided: 'etcdserver: value is provided',
  leaseProvided: 'etcdserver: lease is provided',
  tooManyOps: 'etcdserver: too many operations in txn request',
  duplicateKey: 'etcdserver: duplicate key given in txn request',
  invalidSortOption: 'etcdserver: invalid sort option',
  compacted: 'etcdserver: mvcc: required revision has been compacted',
  futureRev: 'etcdserver: mvcc: required revision is a future revision',
  noSpace: 'etcdserver: mvcc: database space exceeded',

  leaseNotFound: 'etcdserver: requested lease not found',
  leaseExist: 'etcdserver: lease already exists',
  leaseTtlTooLarge: 'etcdserver: too large lease TTL',

  watchCanceled: 'etcdserver: watch canceled',

  memberExist: 'etcdserver: member ID already exist',
  peerUrlExist: 'etcdserver: Peer URLs already exists',
  memberNotEnoughStarted: 'etcdserver: re-configuration failed due to not enough started members',
  memberBadUrls: 'etcdserver: given member URLs are invalid',
  memberNotFound: 'etcdserver: member not found',
  memberNotLearner: 'etcdserver: can only promote a learner member',
  learnerNotReady: 'etcdserver: can only promote a learner member which is in sync with leader',
  tooManyLearners: 'etcdserver: too many learner members in cluster',
  // Between members.
  memberRemoved: 'the member has been permanently removed from the cluster',
  notPrimary: 'etcdserver: not primary lessor',
  clusterIdMismatch: 'etcdserver: cluster ID mismatch',

  requestTooLarge: 'etcdserver: request is too large',
  tooManyRequests: 'etcdserver: too many requests',

  rootUserNotExist: 'etcdserver: root user does not exist',
  rootRoleNotExist: 'etcdserver: root user does not have root role',
  userAlreadyExist: 'etcdserver: user name already exists',
  userEmpty: 'etcdserver: user name is empty',
  userNotFound: 'etcdserver: user name not found',
  roleAlreadyExist: 'etcdserver: role name already exists',
  roleNotFound: 'etcdserver: role name not found',
  roleEmpty: 'etcdserver: role name is empty',
  authFailed: 'etcdserver: authentication failed, invalid user ID or password',
  noPasswordUser: 'auth: authentication failed, password was given for no password user',
  passwordTooLong: 'bcrypt: password length exceeds 72 bytes',
  permissionNotGiven: 'etcdserver: permission not given',
  permissionDenied: 'etcdserver: permission denied',
  roleNotGranted: 'etcdserver: role is not granted to the user',
  permissionNotGranted: 'etcdserver: permission is not granted to the role',
  authNotEnabled: 'etcdserver: authentication is not enabled',
  invalidAuthToken: 'etcdserver: invalid auth token',
  invalidAuthMgmt: 'etcdserver: invalid auth management',
  authOldRevision: 'etcdserver: revision of auth store is old',

  noLeader: 'etcdserver: no leader',
  notLeader: 'etcdserver: not leader',
  leaderChanged: 'etcdserver: leader changed',
  badLeaderTransferee: 'etcdserver: bad leader transferee',
  notCapable: 'etcdserver: not capable',
  stopped: 'etcdserver: server stopped',
  timeout: 'etcdserver: request timed out',
  timeoutDueToLeaderFail: 'etcdserver: request timed out, possibly due to previous leader failure',
  timeoutDueToConnectionLost: 'etcdserver: request timed out, possibly due to connection lost',
  unhealthy: 'etcdserver: unhealthy cluster',
  corrupt: 'etcdserver: corrupt cluster',
  notSupportedForLearner: 'etcdserver: rpc not supported for learner',

  clusterVersionUnavailable: 'etcdserver: cluster version not found during downgrade',
  wrongDowngradeVersionFormat: 'etcdserver: wrong downgrade target version format',
  invalidDowngradeTargetVersion: 'etcdserver: invalid downgrade target version',
  downgradeInProcess: 'etcdserver: cluster has a downgrade job in progress',
  unknownMethod: 'etcdserver: unknown method',
  noInflightDowngrade: 'etcdserver: no inflight downgrade job',

  // Not etcd's: a full disk, a peer that could not be asked, a member of an older build.
  diskFull: 'etcdserver: no space left on the disk of this member',
  peerUnreachable: 'etcdserver: a member cannot be reached',
  logVersionUnknown:
    'etcdserver: this member does not know the log version of the cluster: start a newer build',
} as const;

/** The name of an error. */
export type EtcdErrorName = keyof typeof texts;

/** Errors after which nobody knows whether the request took effect. */
const indefinite: ReadonlySet<EtcdErrorName> = new Set<EtcdErrorName>([
  'timeout',
  'timeoutDueToLeaderFail',
  'timeoutDueToConnectionLost',
  'leaderChanged',
  'stopped',
]);

/** An error that a client may see. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: EtcdErrorName;
  /** False where the request may have taken effect all the same. */
  readonly definite: boolean;

  constructor(
    code: EtcdErrorName,
    options: { readonly text?: string; readonly definite?: boolean; readonly cause?: unknown } = {},
  ) {
    super(
      options.text ?? texts[code],
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.definite = options.definite ?? !indefinite.has(code);
  }
}

/** A new error by its name. */
export function etcdError(code: EtcdErrorName): EtcdError {
  return new EtcdError(code);
}

/** The error of a member that cannot write a file. @param path a directory or file on the full disk */
export function diskFullError(path: string): EtcdError {
  return new EtcdError('diskFull', { text: `${texts.diskFull}: ${path}` });
}

const nameByText: ReadonlyMap<string, EtcdErrorName> = new Map(
  Object.entries(texts).map(([name, text]) => [text, name as EtcdErrorName]),
);

/**
 * Names what a layer below threw: store, lessor and auth tables use etcd's texts.
 * @returns undefined for an error that is not theirs: a bug, or a disk that failed
 */
export function asEtcdError(error: unknown): EtcdError | undefined {
  if (error instanceof EtcdError) return error;
  if (!(error instanceof Error)) return undefined;
  const name = nameByText.get(error.message);
  return name === undefined ? undefined : etcdError(name);
}
