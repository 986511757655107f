import type { PeerCertificate } from '../../../lib/grpc/index.js';
import type { Clock } from '../../../lib/clock.js';
import { addressKey } from '../../../lib/connection-gate.js';
import { FailureLimiter } from '../../../lib/failure-limiter.js';
import { failureLimits } from '../../../lib/net-limits.js';
import type { UserInfo } from '../registry/types.js';
import type { StatusError } from '../status.js';
import { tooManyRequests, unauthorized } from '../status.js';

/** Everything a request shows about its sender. */
export interface Credentials {
  readonly certificate: PeerCertificate | undefined;
  /** The `Authorization: Bearer` token, or empty. */
  readonly token: string;
  /** The sender's address, by which guesses are counted. @default they are not */
  readonly address?: string;
}

/** Knows one sort of token. */
export interface TokenAuthenticator {
  /** Undefined: not mine, or not valid. */
  authenticate(token: string): Promise<UserInfo | undefined>;
}

/** Names the credential that a user showed, among the user's further facts. */
export const credentialId = 'authentication.kubernetes.io/credential-id';

const authenticated = 'system:authenticated';

/** The user of a request without credentials. */
export const anonymous: UserInfo = {
  name: 'system:anonymous',
  groups: ['system:unauthenticated'],
};

/** Adds the group that every authenticated user is in. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticated)) return user;
  return { ...user, groups: [...user.groups, authenticated] };
}

/** Signed tokens have three parts; what they say cannot be guessed, and an expired one is nobody's guess. */
function isGuessable(token: string): boolean {
  return token.split('.', 4).length !== 3;
}

function tooManyGuesses(): StatusError {
  const seconds = Math.ceil(failureLimits.windowMs / 1000);
  return tooManyRequests('too many tokens that are not valid, please try again later', seconds);
}

const certified = new WeakMap<PeerCertificate, UserInfo>();

/** The user of a client certificate: one object for all requests of a connection. */
function userOf(certificate: PeerCertificate): UserInfo {
  let user = certified.get(certificate);
  if (user === undefined) {
    const { commonName: name, organizations: groups, sha256 } = certificate;
    const shown =
      sha256 === undefined ? {} : { extra: { [credentialId]: [`X509SHA256=${sha256}`] } };
    user = withAuthenticatedGroup({ name, groups, ...shown });
    certified.set(certificate, user);
  }
  return user;
}

/** Finds out who is asking: client certificate, then token, then anonymous. */
export class Authenticator {
  readonly #tokens: readonly TokenAuthenticator[];
  readonly #allowAnonymous: boolean;
  readonly #failures: FailureLimiter;
  readonly #onCertificate: (certificate: PeerCertificate) => void;

  constructor(options: {
    readonly tokens: readonly TokenAuthenticator[];
    readonly allowAnonymous: boolean;
    readonly clock: Pick<Clock, 'monotonicMs'>;
    /** Is told of each request that a client certificate authenticates. @default nobody is */
    readonly onCertificate?: (certificate: PeerCertificate) => void;
  }) {
    this.#onCertificate = options.onCertificate ?? (() => undefined);
    this.#failures = new FailureLimiter(options.clock);
    this.#tokens = options.tokens;
    this.#allowAnonymous = options.allowAnonymous;
  }

  /**
   * Answers at once where it can: a certificate was verified when its connection began.
   * @throws StatusError 401: a token that nobody knows is refused even where anonymous requests are allowed; 429: so
   * many guesses came from the address that no other is looked at
   */
  authenticate(credentials: Credentials): UserInfo | Promise<UserInfo> {
    const { certificate } = credentials;
    if (certificate !== undefined && certificate.commonName !== '') {
      this.#onCertificate(certificate);
      return userOf(certificate);
    }
    return this.#byToken(credentials);
  }

  async #byToken(credentials: Credentials): Promise<UserInfo> {
    const { token } = credentials;
    if (token !== '') {
      const guesser = isGuessable(token) ? addressKey(credentials.address) : '';
      if (guesser !== '' && !this.#failures.allows(guesser)) throw tooManyGuesses();
      for (const authenticator of this.#tokens) {
        const user = await authenticator.authenticate(token);
        if (user !== undefined) return withAuthenticatedGroup(user);
      }
      if (guesser !== '') this.#failures.failed(guesser);
      throw unauthorized();
    }
    if (this.#allowAnonymous) return anonymous;
    throw unauthorized();
  }
}

/** The token of an `Authorization` header. */
export function bearerToken(header: string): string {
  if (header === '') return '';
  const match = /^bearer\s+(\S+)\s*$/i.exec(header.trim());
  return match?.[1] ?? '';
}
