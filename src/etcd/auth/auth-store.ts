import { Role, User } from '../../gen/etcd/auth.js';
import type { Permission } from '../../gen/etcd/auth.js';
import type { Backend } from '../backend/types.js';
import { AuthError } from './errors.js';
import { isGranted, isValidRange, mergePermissions } from './permissions.js';
import type { Access, AskedRange, RangePermissions } from './permissions.js';
import type { AuthInfo } from './tokens.js';

/** The user and the role that may do everything. */
export const rootName = 'root';

/** A user as stored. */
export interface UserRecord {
  readonly name: string;
  /** As `hashPassword` made it; empty for a user without a password. */
  readonly hashedPassword: string;
  readonly noPassword: boolean;
  /** Sorted. */
  readonly roles: readonly string[];
}

/** Is told when tokens of a user, or all of them, lose their worth. */
export interface TokenInvalidation {
  invalidateUser(username: string): void;
  clear(): void;
}

/**
 * Users, roles and what they may do, persisted in the backend. Methods that change something are called by apply, in
 * log order; each change raises the auth revision by one. Passwords come hashed: hashing and checking are slow and
 * belong outside.
 */
export class AuthStore {
  #backend: Backend;
  readonly #tokens: TokenInvalidation | undefined;
  #enabled = false;
  #revision = 0;
  readonly #users = new Map<string, UserRecord>();
  readonly #roles = new Map<string, Role>();
  /** Merged permissions by user; emptied by every change. */
  readonly #permissions = new Map<string, RangePermissions>();

  constructor(backend: Backend, tokens?: TokenInvalidation) {
    this.#backend = backend;
    this.#tokens = tokens;
    this.#read();
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** 1 in a new store. */
  get revision(): number {
    return this.#revision;
  }

  /** @throws AuthError ROOT_USER_NOT_EXIST, ROOT_ROLE_NOT_EXIST */
  enable(): void {
    if (this.#enabled) return;
    const root = this.#users.get(rootName);
    if (root === undefined) throw new AuthError('ROOT_USER_NOT_EXIST');
    if (!root.roles.includes(rootName)) throw new AuthError('ROOT_ROLE_NOT_EXIST');
    this.#setEnabled(true);
  }

  disable(): void {
    if (!this.#enabled) return;
    this.#setEnabled(false);
    this.#changed();
    this.#tokens?.clear();
  }

  /**
   * The user whose password is to be checked (outside apply, by `verifyPassword`).
   * @throws AuthError AUTH_NOT_ENABLED; AUTH_FAILED for an unknown user, NO_PASSWORD_USER for one that has no password
   */
  userToAuthenticate(name: string): UserRecord {
    if (!this.#enabled) throw new AuthError('AUTH_NOT_ENABLED');
    const user = this.#users.get(name);
    if (user === undefined) throw new AuthError('AUTH_FAILED');
    if (user.noPassword) throw new AuthError('NO_PASSWORD_USER');
    return user;
  }

  /** @throws AuthError USER_EMPTY, USER_ALREADY_EXIST */
  addUser(name: string, hashedPassword: string, options: { readonly noPassword: boolean }): void {
    if (name === '') throw new AuthError('USER_EMPTY');
    if (this.#users.has(name)) throw new AuthError('USER_ALREADY_EXIST');
    const { noPassword } = options;
    this.#putUser({
      name,
      hashedPassword: noPassword ? '' : hashedPassword,
      noPassword,
      roles: [],
    });
    this.#changed();
  }

  /** @throws AuthError INVALID_AUTH_MGMT, USER_NOT_FOUND */
  deleteUser(name: string): void {
    if (this.#enabled && name === rootName) throw new AuthError('INVALID_AUTH_MGMT');
    this.user(name);
    this.#users.delete(name);
    this.#backend.delete('authUsers', utf8Key(name));
    this.#changed();
    this.#tokens?.invalidateUser(name);
  }

  /** @throws AuthError USER_NOT_FOUND */
  changePassword(name: string, hashedPassword: string): void {
    const user = this.user(name);
    this.#putUser({ ...user, hashedPassword: user.noPassword ? '' : hashedPassword });
    this.#changed();
    this.#tokens?.invalidateUser(name);
  }

  /** Granting a role twice changes nothing. @throws AuthError USER_NOT_FOUND, ROLE_NOT_FOUND */
  grantRole(name: string, role: string): void {
    const user = this.user(name);
    if (role !== rootName && !this.#roles.has(role)) throw new AuthError('ROLE_NOT_FOUND');
    if (user.roles.includes(role)) return;
    this.#putUser({ ...user, roles: [...user.roles, role].sort() });
    this.#changed();
  }

  /** @throws AuthError INVALID_AUTH_MGMT, USER_NOT_FOUND, ROLE_NOT_GRANTED */
  revokeRole(name: string, role: string): void {
    if (this.#enabled && name === rootName && role === rootName) {
      throw new AuthError('INVALID_AUTH_MGMT');
    }
    const user = this.user(name);
    if (!user.roles.includes(role)) throw new AuthError('ROLE_NOT_GRANTED');
    this.#putUser({ ...user, roles: user.roles.filter((one) => one !== role) });
    this.#changed();
  }

  /** @throws AuthError USER_NOT_FOUND */
  user(name: string): UserRecord {
    const user = this.#users.get(name);
    if (user === undefined) throw new AuthError('USER_NOT_FOUND');
    return user;
  }

  /** Names, sorted. */
  userNames(): string[] {
    return [...this.#users.keys()].sort();
  }

  /** @throws AuthError ROLE_EMPTY, ROLE_ALREADY_EXIST */
  addRole(name: string): void {
    if (name === '') throw new AuthError('ROLE_EMPTY');
    if (this.#roles.has(name)) throw new AuthError('ROLE_ALREADY_EXIST');
    this.#putRole({ name: Buffer.from(name), keyPermission: [] });
    this.#changed();
  }

  /** Takes the role from all users as well. @throws AuthError INVALID_AUTH_MGMT, ROLE_NOT_FOUND */
  deleteRole(name: string): void {
    if (this.#enabled && name === rootName) throw new AuthError('INVALID_AUTH_MGMT');
    if (!this.#roles.delete(name)) throw new AuthError('ROLE_NOT_FOUND');
    this.#backend.delete('authRoles', utf8Key(name));
    for (const user of this.#users.values()) {
      if (!user.roles.includes(name)) continue;
      // As in etcd, who is signed in stays so, with fewer rights.
      this.#putUser({ ...user, roles: user.roles.filter((one) => one !== name) });
    }
    this.#changed();
  }

  /** The permissions that were granted to a role; the root role needs none. @throws AuthError ROLE_NOT_FOUND */
  rolePermissions(name: string): readonly Permission[] {
    const role = this.#roles.get(name);
    if (role === undefined) throw new AuthError('ROLE_NOT_FOUND');
    return role.keyPermission;
  }

  /** Names, sorted. */
  roleNames(): string[] {
    return [...this.#roles.keys()].sort();
  }

  /**
   * Adds a permission, or changes the type of the one on the same range.
   * @throws AuthError PERMISSION_NOT_GIVEN, INVALID_AUTH_MGMT, ROLE_NOT_FOUND
   */
  grantPermission(name: string, permission: Permission | undefined): void {
    if (permission === undefined) throw new AuthError('PERMISSION_NOT_GIVEN');
    if (!isValidRange(permission)) throw new AuthError('INVALID_AUTH_MGMT');
    const role = this.#roles.get(name);
    if (role === undefined) throw new AuthError('ROLE_NOT_FOUND');
    const others = role.keyPermission.filter((one) => !sameRange(one, permission));
    // The request's buffers belong to its message.
    const kept = {
      permType: permission.permType,
      key: Buffer.from(permission.key),
      rangeEnd: Buffer.from(permission.rangeEnd),
    };
    const keyPermission = [...others, kept].sort((a, b) => Buffer.compare(a.key, b.key));
    this.#putRole({ name: role.name, keyPermission });
    this.#changed();
  }

  /** @throws AuthError ROLE_NOT_FOUND, PERMISSION_NOT_GRANTED */
  revokePermission(name: string, range: { readonly key: Buffer; readonly rangeEnd: Buffer }): void {
    const role = this.#roles.get(name);
    if (role === undefined) throw new AuthError('ROLE_NOT_FOUND');
    const keyPermission = role.keyPermission.filter((one) => !sameRange(one, range));
    if (keyPermission.length === role.keyPermission.length) {
      throw new AuthError('PERMISSION_NOT_GRANTED');
    }
    this.#putRole({ name: role.name, keyPermission });
    this.#changed();
  }

  /**
   * Checks one operation, in apply too. Does nothing while auth is off.
   * @param info undefined: the request came without a token or certificate.
   * @param range latin1 key and end, as for the store's `range`.
   * @throws AuthError USER_EMPTY, AUTH_OLD_REVISION, PERMISSION_DENIED
   */
  checkRange(info: AuthInfo | undefined, access: Access, range: AskedRange): void {
    if (!this.#enabled) return;
    if (info === undefined || info.username === '') throw new AuthError('USER_EMPTY');
    if (info.revision < this.#revision) throw new AuthError('AUTH_OLD_REVISION');
    const user = this.#users.get(info.username);
    if (user === undefined) throw new AuthError('PERMISSION_DENIED');
    if (user.roles.includes(rootName)) return;
    if (!isGranted(this.#permissionsOf(user), access, range)) {
      throw new AuthError('PERMISSION_DENIED');
    }
  }

  /** Checks that the sender has the root role. @throws AuthError USER_EMPTY, PERMISSION_DENIED */
  checkAdmin(info: AuthInfo | undefined): void {
    if (!this.#enabled) return;
    if (info === undefined || info.username === '') throw new AuthError('USER_EMPTY');
    if (!this.hasRole(info.username, rootName)) throw new AuthError('PERMISSION_DENIED');
  }

  hasRole(username: string, role: string): boolean {
    return this.#users.get(username)?.roles.includes(role) ?? false;
  }

  /** Goes on with another backend content (a snapshot was installed). */
  restore(backend: Backend): void {
    this.#backend = backend;
    this.#read();
    this.#tokens?.clear();
  }

  #permissionsOf(user: UserRecord): RangePermissions {
    let found = this.#permissions.get(user.name);
    if (found === undefined) {
      const roles = user.roles.flatMap((name) => this.#roles.get(name) ?? []);
      found = mergePermissions(roles);
      this.#permissions.set(user.name, found);
    }
    return found;
  }

  #changed(): void {
    this.#permissions.clear();
    this.#revision += 1;
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(BigInt(this.#revision), 0);
    this.#backend.put('auth', 'authRevision', bytes);
  }

  #setEnabled(enabled: boolean): void {
    this.#enabled = enabled;
    this.#backend.put('auth', 'authEnabled', Buffer.from([enabled ? 1 : 0]));
  }

  #putUser(user: UserRecord): void {
    this.#users.set(user.name, user);
    const message: User = {
      name: Buffer.from(user.name),
      password: Buffer.from(user.hashedPassword),
      roles: [...user.roles],
      options: { noPassword: user.noPassword },
    };
    const bytes = Buffer.from(User.encode(message).finish());
    this.#backend.put('authUsers', utf8Key(user.name), bytes);
  }

  #putRole(role: Role): void {
    const name = role.name.toString();
    this.#roles.set(name, role);
    this.#backend.put('authRoles', utf8Key(name), Buffer.from(Role.encode(role).finish()));
  }

  #read(): void {
    this.#users.clear();
    this.#roles.clear();
    this.#permissions.clear();
    for (const [, bytes] of this.#backend.entries('authUsers')) {
      const { name, password, roles, options } = User.decode(bytes);
      this.#users.set(name.toString(), {
        name: name.toString(),
        hashedPassword: password.toString(),
        noPassword: options?.noPassword ?? false,
        roles,
      });
    }
    for (const [, bytes] of this.#backend.entries('authRoles')) {
      const role = Role.decode(bytes);
      this.#roles.set(role.name.toString(), role);
    }
    this.#enabled = this.#backend.get('auth', 'authEnabled')?.[0] === 1;
    const revision = this.#backend.get('auth', 'authRevision');
    this.#revision = revision === undefined ? 1 : Number(revision.readBigUInt64BE(0));
  }
}

function sameRange(
  a: { readonly key: Buffer; readonly rangeEnd: Buffer },
  b: { readonly key: Buffer; readonly rangeEnd: Buffer },
): boolean {
  return a.key.equals(b.key) && a.rangeEnd.equals(b.rangeEnd);
}

/** Names are UTF-8 text; bucket keys are latin1 strings of bytes. */
function utf8Key(name: string): string {
  return Buffer.from(name).toString('latin1');
}
