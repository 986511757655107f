import type { PeerCertificate } from '../../../lib/grpc/index.js';
import type { UserInfo } from '../registry/types.js';
import { unauthorized } from '../status.js';

/** Everything a request shows about its sender. */
export interface Credentials {
  readonly certificate: PeerCertificate | undefined;
  /** The `Authorization: Bearer` token, or empty. */
  readonly token: string;
}

/** Knows one sort of token. */
export interface TokenAuthenticator {
  /** Undefined: not mine, or not valid. */
  authenticate(token: string): Promise<UserInfo | undefined>;
}

const authenticated = 'system:authenticated';

export const anonymous: UserInfo = {
  name: 'system:anonymous',
  groups: ['system:unauthenticated'],
};

/** Adds the group that every authenticated user is in. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticated)) return user;
  return { ...user, groups: [...user.groups, authenticated] };
}

/** Finds out who is asking: client certificate, then token, then anonymous. */
export class Authenticator {
  readonly #tokens: readonly TokenAuthenticator[];
  readonly #allowAnonymous: boolean;

  constructor(options: {
    readonly tokens: readonly TokenAuthenticator[];
    readonly allowAnonymous: boolean;
  }) {
    this.#tokens = options.tokens;
    this.#allowAnonymous = options.allowAnonymous;
  }

  /** @throws StatusError 401: a token that nobody knows is refused even where anonymous requests are allowed */
  async authenticate(credentials: Credentials): Promise<UserInfo> {
    const { certificate, token } = credentials;
    if (certificate !== undefined && certificate.commonName !== '') {
      return withAuthenticatedGroup({
        name: certificate.commonName,
        groups: certificate.organizations,
      });
    }
    if (token !== '') {
      for (const authenticator of this.#tokens) {
        const user = await authenticator.authenticate(token);
        if (user !== undefined) return withAuthenticatedGroup(user);
      }
      throw unauthorized();
    }
    if (this.#allowAnonymous) return anonymous;
    throw unauthorized();
  }
}

/** The token of an `Authorization` header. */
export function bearerToken(header: string): string {
  const match = /^bearer\s+(\S+)\s*$/i.exec(header.trim());
  return match?.[1] ?? '';
}
