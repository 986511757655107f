import type { CallContext } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import type { EntryAuth } from '../apply/entry.js';
import type { AuthInfo, JwtTokens } from '../auth/tokens.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { SimpleTokens } from '../auth/tokens.js';

/** The member, as far as callers are concerned. */
export interface IdentityMember {
  readonly auth: Pick<AuthStore, 'enabled' | 'revision' | 'checkAdmin'>;
  /** Undefined where tokens are signed. */
  readonly tokens: Pick<SimpleTokens, 'usernameOf'> | undefined;
}

/** Finds out who calls: by token, or by the client certificate's common name. */
export class CallerIdentity {
  readonly #server: IdentityMember;
  readonly #jwt: JwtTokens | undefined;
  readonly #byCertificate: boolean;

  constructor(
    server: IdentityMember,
    options: { readonly jwt: JwtTokens | undefined; readonly byCertificate: boolean },
  ) {
    this.#server = server;
    this.#jwt = options.jwt;
    this.#byCertificate = options.byCertificate;
  }

  /**
   * Undefined while authentication is off, or for a caller without token and certificate; else who it is.
   * @throws invalidAuthToken
   */
  of(context: CallContext): AuthInfo | undefined | Promise<AuthInfo | undefined> {
    const { auth } = this.#server;
    if (!auth.enabled) return undefined;
    const token = context.metadata.get('token') ?? context.metadata.get('authorization');
    if (typeof token === 'string' && token !== '') return this.#byToken(token);
    const name = context.peerCertificate?.commonName;
    if (!this.#byCertificate || name === undefined || name === '') return undefined;
    // Requests of the JSON gateway come with the gateway's certificate, not with the user's.
    if (context.metadata.has('grpcgateway-accept')) return undefined;
    return { username: name, revision: auth.revision };
  }

  /** Finds out who calls, for calls that any user may make. @throws userEmpty, invalidAuthToken */
  async known(context: CallContext): Promise<AuthInfo | undefined> {
    const info = await this.of(context);
    if (info === undefined && this.#server.auth.enabled) throw etcdError('userEmpty');
    return info;
  }

  /** For calls that only the root role may make. @throws AuthError, invalidAuthToken */
  async admin(context: CallContext): Promise<AuthInfo | undefined> {
    const info = await this.of(context);
    this.#server.auth.checkAdmin(info);
    return info;
  }

  #byToken(token: string): AuthInfo | Promise<AuthInfo> {
    if (this.#jwt !== undefined) {
      return this.#jwt.verify(token).then((info) => {
        if (info === undefined) throw etcdError('invalidAuthToken');
        return info;
      });
    }
    const { tokens, auth } = this.#server;
    const username = tokens?.usernameOf(token);
    if (username === undefined) throw etcdError('invalidAuthToken');
    return { username, revision: auth.revision };
  }
}

/** The caller as it goes into the log. */
export function entryAuth(info: AuthInfo | undefined): EntryAuth | undefined {
  return info === undefined ? undefined : { username: info.username, authRevision: info.revision };
}
