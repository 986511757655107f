import {
  AuthDisableRequest,
  AuthEnableRequest,
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
import type {
  AuthDefinition,
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleListRequest,
  AuthRoleListResponse,
  AuthStatusRequest,
  AuthStatusResponse,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserListRequest,
  AuthUserListResponse,
  ResponseHeader,
} from '../../gen/etcd/rpc.js';
import { addressKey } from '../../lib/connection-gate.js';
import { FailureLimiter } from '../../lib/failure-limiter.js';
import type { CallContext, Handlers, MessageCodec } from '../../lib/grpc/types.js';
import type { AuthEntryKind, AuthenticateEntry } from '../apply/auth.js';
import { asEtcdError, etcdError } from '../apply/errors.js';
import { AuthError } from '../auth/errors.js';
import { hashPassword, maxPasswordBytes, readHash, verifyPassword } from '../auth/password.js';
import type { AuthInfo, JwtTokens } from '../auth/tokens.js';
import type { CallerIdentity } from './auth-info.js';
import { entryAuth } from './auth-info.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { SimpleTokens } from '../auth/tokens.js';
import type { Clock } from '../../lib/clock.js';
import type { RequestMember } from './member.js';

/** The member, as the auth service needs it. */
export interface AuthMember extends RequestMember {
  readonly config: { readonly clock: Clock; readonly bcryptCost: number };
  readonly auth: AuthStore;
  readonly tokens: Pick<SimpleTokens, 'newPrefix'> | undefined;
}

interface OnlyHeader {
  header: ResponseHeader | undefined;
}

/** The number of times that a password is checked when the auth tables change meanwhile. */
const authenticateAttempts = 5;

/** The auth service (etcdserverpb.Auth). Passwords are hashed here, once, before the request goes into the log. */
export class AuthService implements Handlers<typeof AuthDefinition> {
  readonly #server: AuthMember;
  readonly #identity: CallerIdentity;
  readonly #jwt: JwtTokens | undefined;
  readonly #failures: FailureLimiter;

  constructor(server: AuthMember, identity: CallerIdentity, jwt: JwtTokens | undefined) {
    this.#server = server;
    this.#identity = identity;
    this.#jwt = jwt;
    this.#failures = new FailureLimiter(server.config.clock);
  }

  authEnable(request: AuthEnableRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authEnable', AuthEnableRequest, request, context);
  }

  authDisable(request: AuthDisableRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authDisable', AuthDisableRequest, request, context);
  }

  async authStatus(_: AuthStatusRequest, context: CallContext): Promise<AuthStatusResponse> {
    const { auth } = this.#server;
    await this.#identity.admin(context);
    return this.#server.requests.linearizable(() => ({
      header: this.#server.header(),
      enabled: auth.enabled,
      authRevision: auth.revision,
    }));
  }

  async authenticate(
    request: AuthenticateRequest,
    context: CallContext,
  ): Promise<AuthenticateResponse> {
    const server = this.#server;
    // By name too: clients of one address wait for nobody else's mistakes.
    const guesser = `${addressKey(context.peer.replace(/:\d*$/, ''))} ${request.name}`;
    if (!this.#failures.allows(guesser)) throw etcdError('tooManyRequests');
    for (let attempt = 1; ; attempt++) {
      // This member may not have applied yet what the client has just changed through another one.
      const { user, revision } = await server.requests.linearizable(() => ({
        user: server.auth.userToAuthenticate(request.name),
        revision: server.auth.revision,
      }));
      if (!(await verifyPassword(request.password, user.hashedPassword))) {
        this.#failures.failed(guesser);
        throw etcdError('authFailed');
      }
      try {
        const token = await this.#makeToken(request.name, revision);
        return { header: server.header(), token };
      } catch (error) {
        const changed = asEtcdError(error)?.code === 'authOldRevision';
        if (!changed || attempt >= authenticateAttempts) throw error;
      }
    }
  }

  async #makeToken(username: string, authRevision: number): Promise<string> {
    if (this.#jwt !== undefined) {
      const token = await this.#jwt.sign({ username, revision: authRevision });
      if (token === undefined) throw etcdError('invalidAuthMgmt');
      return token;
    }
    const prefix = this.#server.tokens?.newPrefix() ?? '';
    const entry: AuthenticateEntry = { username, prefix, authRevision };
    const payload = Buffer.from(JSON.stringify(entry));
    return (await this.#server.requests.propose('authenticate', payload, entry)) as string;
  }

  async userAdd(request: AuthUserAddRequest, context: CallContext): Promise<OnlyHeader> {
    const noPassword = request.options?.noPassword ?? false;
    // As in etcd, a hash that the client sends counts for nothing.
    const hashedPassword = noPassword ? '' : await this.#hash(request.password, context);
    const hashed = { ...request, password: '', hashedPassword };
    return this.#propose('authUserAdd', AuthUserAddRequest, hashed, context);
  }

  async userGet(request: AuthUserGetRequest, context: CallContext): Promise<AuthUserGetResponse> {
    const info = await this.#identity.of(context);
    return this.#server.requests.linearizable(() => {
      const { auth } = this.#server;
      // Everybody may look at oneself.
      if ((info?.username ?? '') !== request.name) auth.checkAdmin(info);
      return { header: this.#server.header(), roles: [...auth.user(request.name).roles] };
    });
  }

  async userList(_: AuthUserListRequest, context: CallContext): Promise<AuthUserListResponse> {
    const info = await this.#identity.of(context);
    return this.#server.requests.linearizable(() => {
      this.#server.auth.checkAdmin(info);
      return { header: this.#server.header(), users: this.#server.auth.userNames() };
    });
  }

  userDelete(request: AuthUserDeleteRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authUserDelete', AuthUserDeleteRequest, request, context);
  }

  async userChangePassword(
    request: AuthUserChangePasswordRequest,
    context: CallContext,
  ): Promise<OnlyHeader> {
    const hashedPassword =
      request.password === ''
        ? await this.#givenHash(request, context)
        : await this.#hash(request.password, context);
    const hashed = { ...request, password: '', hashedPassword };
    return this.#propose('authUserChangePassword', AuthUserChangePasswordRequest, hashed, context);
  }

  /** Without a password etcd takes the hash that the client sends, in base64. @throws AuthError NO_PASSWORD_USER */
  async #givenHash(
    { name, hashedPassword }: AuthUserChangePasswordRequest,
    context: CallContext,
  ): Promise<string> {
    await this.#identity.admin(context);
    const hash = readHash(hashedPassword);
    if (hash !== undefined) return hash;
    const { auth, requests } = this.#server;
    const hasNone = await requests.linearizable(() => auth.user(name).noPassword);
    if (!hasNone) throw new AuthError('NO_PASSWORD_USER');
    return '';
  }

  /** For those alone who may change users: it takes a while. */
  async #hash(password: string, context: CallContext): Promise<string> {
    if (Buffer.byteLength(password) > maxPasswordBytes) throw etcdError('passwordTooLong');
    await this.#identity.admin(context);
    return hashPassword(password, this.#server.config.bcryptCost);
  }

  userGrantRole(request: AuthUserGrantRoleRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authUserGrantRole', AuthUserGrantRoleRequest, request, context);
  }

  userRevokeRole(request: AuthUserRevokeRoleRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authUserRevokeRole', AuthUserRevokeRoleRequest, request, context);
  }

  roleAdd(request: AuthRoleAddRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authRoleAdd', AuthRoleAddRequest, request, context);
  }

  async roleGet(request: AuthRoleGetRequest, context: CallContext): Promise<AuthRoleGetResponse> {
    const info = await this.#identity.of(context);
    return this.#server.requests.linearizable(() => {
      const { auth } = this.#server;
      if (info === undefined || !auth.hasRole(info.username, request.role)) auth.checkAdmin(info);
      return { header: this.#server.header(), perm: [...auth.rolePermissions(request.role)] };
    });
  }

  async roleList(_: AuthRoleListRequest, context: CallContext): Promise<AuthRoleListResponse> {
    const info = await this.#identity.of(context);
    return this.#server.requests.linearizable(() => {
      this.#server.auth.checkAdmin(info);
      return { header: this.#server.header(), roles: this.#server.auth.roleNames() };
    });
  }

  roleDelete(request: AuthRoleDeleteRequest, context: CallContext): Promise<OnlyHeader> {
    return this.#propose('authRoleDelete', AuthRoleDeleteRequest, request, context);
  }

  roleGrantPermission(
    request: AuthRoleGrantPermissionRequest,
    context: CallContext,
  ): Promise<OnlyHeader> {
    return this.#propose(
      'authRoleGrantPermission',
      AuthRoleGrantPermissionRequest,
      request,
      context,
    );
  }

  roleRevokePermission(
    request: AuthRoleRevokePermissionRequest,
    context: CallContext,
  ): Promise<OnlyHeader> {
    return this.#propose(
      'authRoleRevokePermission',
      AuthRoleRevokePermissionRequest,
      request,
      context,
    );
  }

  async #propose<T>(
    kind: AuthEntryKind,
    codec: MessageCodec<T>,
    request: T,
    context: CallContext,
  ): Promise<OnlyHeader> {
    const info: AuthInfo | undefined = await this.#identity.of(context);
    if (this.#server.auth.enabled && info === undefined) throw new AuthError('USER_EMPTY');
    this.#server.auth.checkAdmin(info);
    await this.#server.requests.propose(
      kind,
      codec.encode(request).finish(),
      request,
      entryAuth(info),
    );
    return { header: this.#server.header() };
  }
}
