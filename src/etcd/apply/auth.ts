/** Applies the changes to users, roles and the switch of authentication. */
import {
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
} from '../../gen/etcd/rpc.js';
import { assertNever } from '../../lib/assert.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { AuthInfo, SimpleTokens } from '../auth/tokens.js';
import type { EntryKind } from './entry.js';
import { etcdError } from './errors.js';

/** The kinds that end up here. */
export type AuthEntryKind = Extract<EntryKind, `auth${string}`>;

/** One entry for `applyAuth`. */
export interface AuthStep {
  readonly kind: AuthEntryKind;
  readonly payload: Buffer;
  readonly info: AuthInfo | undefined;
  /** The entry's log index: part of a simple token. */
  readonly index: number;
}

/**
 * Payload of an `authenticate` entry: the password was checked at this revision; the token's first half was drawn then.
 */
export interface AuthenticateEntry {
  readonly username: string;
  readonly prefix: string;
  readonly authRevision: number;
}

/**
 * @returns the token for `authenticate`, else nothing
 * @throws AuthError, with nothing changed
 */
export function applyAuth(
  state: { readonly auth: AuthStore; readonly tokens: SimpleTokens | undefined },
  step: AuthStep,
): string | undefined {
  const { auth } = state;
  if (step.kind === 'authenticate') return assignToken(state, step);
  auth.checkAdmin(step.info);
  const { payload } = step;
  switch (step.kind) {
    case 'authEnable':
      auth.enable();
      return undefined;
    case 'authDisable':
      auth.disable();
      return undefined;
    case 'authUserAdd': {
      const { name, hashedPassword, options } = AuthUserAddRequest.decode(payload);
      auth.addUser(name, hashedPassword, { noPassword: options?.noPassword ?? false });
      return undefined;
    }
    case 'authUserDelete':
      auth.deleteUser(AuthUserDeleteRequest.decode(payload).name);
      return undefined;
    case 'authUserChangePassword': {
      const { name, hashedPassword } = AuthUserChangePasswordRequest.decode(payload);
      auth.changePassword(name, hashedPassword);
      return undefined;
    }
    case 'authUserGrantRole': {
      const { user, role } = AuthUserGrantRoleRequest.decode(payload);
      auth.grantRole(user, role);
      return undefined;
    }
    case 'authUserRevokeRole': {
      const { name, role } = AuthUserRevokeRoleRequest.decode(payload);
      auth.revokeRole(name, role);
      return undefined;
    }
    case 'authRoleAdd':
      auth.addRole(AuthRoleAddRequest.decode(payload).name);
      return undefined;
    case 'authRoleDelete':
      auth.deleteRole(AuthRoleDeleteRequest.decode(payload).role);
      return undefined;
    case 'authRoleGrantPermission': {
      const { name, perm } = AuthRoleGrantPermissionRequest.decode(payload);
      auth.grantPermission(name, perm);
      return undefined;
    }
    case 'authRoleRevokePermission': {
      const { role, key, rangeEnd } = AuthRoleRevokePermissionRequest.decode(payload);
      auth.revokePermission(role, { key, rangeEnd });
      return undefined;
    }
    default:
      return assertNever(step.kind, 'auth entry');
  }
}

function assignToken(
  { auth, tokens }: { readonly auth: AuthStore; readonly tokens: SimpleTokens | undefined },
  step: AuthStep,
): string {
  const { username, prefix, authRevision } = JSON.parse(
    step.payload.toString(),
  ) as AuthenticateEntry;
  // The password may have changed between its check and here.
  if (authRevision !== auth.revision) throw etcdError('authOldRevision');
  auth.userToAuthenticate(username);
  const token = `${prefix}.${step.index}`;
  tokens?.assign(token, username);
  return token;
}
