/** The errors of authentication and authorization, with etcd's texts. */
const texts = {
  ROOT_USER_NOT_EXIST: 'etcdserver: root user does not exist',
  ROOT_ROLE_NOT_EXIST: 'etcdserver: root user does not have root role',
  USER_ALREADY_EXIST: 'etcdserver: user name already exists',
  USER_EMPTY: 'etcdserver: user name is empty',
  USER_NOT_FOUND: 'etcdserver: user name not found',
  ROLE_ALREADY_EXIST: 'etcdserver: role name already exists',
  ROLE_NOT_FOUND: 'etcdserver: role name not found',
  ROLE_EMPTY: 'etcdserver: role name is empty',
  AUTH_FAILED: 'etcdserver: authentication failed, invalid user ID or password',
  NO_PASSWORD_USER: 'auth: authentication failed, password was given for no password user',
  PERMISSION_NOT_GIVEN: 'etcdserver: permission not given',
  PERMISSION_DENIED: 'etcdserver: permission denied',
  ROLE_NOT_GRANTED: 'etcdserver: role is not granted to the user',
  PERMISSION_NOT_GRANTED: 'etcdserver: permission is not granted to the role',
  AUTH_NOT_ENABLED: 'etcdserver: authentication is not enabled',
  INVALID_AUTH_TOKEN: 'etcdserver: invalid auth token',
  INVALID_AUTH_MGMT: 'etcdserver: invalid auth management',
  AUTH_OLD_REVISION: 'etcdserver: revision of auth store is old',
} as const;

/** The condition, to compare by. */
export type AuthErrorCode = keyof typeof texts;

/** A refused request; nothing was changed. Only `AUTH_OLD_REVISION` is worth a retry (with a fresh token). */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly code: AuthErrorCode;
  readonly retryable: boolean;

  constructor(code: AuthErrorCode) {
    super(texts[code]);
    this.code = code;
    this.retryable = code === 'AUTH_OLD_REVISION';
  }
}
