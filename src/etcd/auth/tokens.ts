import { randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../lib/clock.js';

/** The user of a request, and the revision of the auth store at which its token was made. */
export interface AuthInfo {
  readonly username: string;
  /** Auth revision that the token was made at; requests with an older one than the store's are refused. */
  readonly revision: number;
}

/** Etcd's default for `--auth-token-ttl`. */
const simpleTtlMsDefault = 300_000;
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const prefixLength = 16;
/** Verified JWTs that are remembered, so that a signature is checked once. */
const jwtCacheMax = 1000;

/**
 * Random tokens that every member remembers: `prefix.index`, where the proposing member makes the prefix and the index
 * is the log's. Each use starts the TTL anew on the member that was asked.
 */
export class SimpleTokens {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #tokens = new Map<string, { readonly username: string; expiryMs: number }>();
  #nextPurgeMs = 0;

  constructor(clock: Clock, ttlMs = simpleTtlMsDefault) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /** Sixteen random letters; put into the proposal. */
  newPrefix(): string {
    let prefix = '';
    while (prefix.length < prefixLength) {
      for (const byte of randomBytes(2 * prefixLength)) {
        // 208 = 4 * 52: no letter is likelier than another.
        if (byte < 208 && prefix.length < prefixLength) prefix += letters[byte % 52];
      }
    }
    return prefix;
  }

  /** In apply, on every member. */
  assign(token: string, username: string): void {
    this.#purge();
    this.#tokens.set(token, { username, expiryMs: this.#clock.monotonicMs() + this.#ttlMs });
  }

  /**
   * The log index that a token was made at, which must be applied before the token can be judged; undefined if
   * malformed.
   */
  indexOf(token: string): number | undefined {
    const match = /^[^.]+\.(\d+)$/.exec(token);
    return match === null ? undefined : Number(match[1]);
  }

  /** Returns the user of a token, and starts its TTL anew. */
  usernameOf(token: string): string | undefined {
    const found = this.#tokens.get(token);
    if (found === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (found.expiryMs <= nowMs) {
      this.#tokens.delete(token);
      return undefined;
    }
    found.expiryMs = nowMs + this.#ttlMs;
    return found.username;
  }

  /** The user was deleted or has a new password. */
  invalidateUser(username: string): void {
    for (const [token, found] of this.#tokens) {
      if (found.username === username) this.#tokens.delete(token);
    }
  }

  clear(): void {
    this.#tokens.clear();
  }

  #purge(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextPurgeMs) return;
    this.#nextPurgeMs = nowMs + this.#ttlMs;
    for (const [token, found] of this.#tokens) {
      if (found.expiryMs <= nowMs) this.#tokens.delete(token);
    }
  }
}

/** The settings of `--auth-token jwt,…`, with the keys read. */
export interface JwtOptions {
  readonly clock: Clock;
  /** `RS256`, `PS512`, `ES256`, `EdDSA`, `HS256`, … */
  readonly signMethod: string;
  /** Without it tokens can be verified but not made. */
  readonly signKey?: KeyObject;
  readonly verifyKey: KeyObject;
  /** @default 300 s */
  readonly ttlMs?: number;
}

/**
 * Signed tokens: nothing is remembered but what was already verified. Claims as etcd's: `username`, `revision`, `exp`.
 */
export class JwtTokens {
  readonly #options: JwtOptions;
  readonly #verified = new Map<string, { readonly info: AuthInfo; readonly expiryMs: number }>();

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  /** A token for the user, or undefined when there is no key to sign with. */
  async sign(info: AuthInfo): Promise<string | undefined> {
    const { signKey, signMethod, clock, ttlMs } = this.#options;
    if (signKey === undefined) return undefined;
    const { SignJWT } = await import('jose');
    const expirySeconds = Math.floor((clock.nowMs() + (ttlMs ?? simpleTtlMsDefault)) / 1000);
    return new SignJWT({ username: info.username, revision: info.revision })
      .setProtectedHeader({ alg: signMethod, typ: 'JWT' })
      .setExpirationTime(expirySeconds)
      .sign(signKey);
  }

  /** Returns the user and revision of a valid token; undefined for any other. */
  async verify(token: string): Promise<AuthInfo | undefined> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#verified.get(token);
    if (known !== undefined && known.expiryMs > nowMs) return known.info;
    try {
      const { jwtVerify } = await import('jose');
      const { payload } = await jwtVerify(token, this.#options.verifyKey, {
        algorithms: [this.#options.signMethod],
        currentDate: new Date(nowMs),
        requiredClaims: ['exp'],
      });
      const { username, revision } = payload;
      if (typeof username !== 'string' || typeof revision !== 'number') return undefined;
      const info = { username, revision };
      if (this.#verified.size >= jwtCacheMax) this.#verified.clear();
      this.#verified.set(token, { info, expiryMs: (payload.exp ?? 0) * 1000 });
      return info;
    } catch {
      // The caller learns that the token is invalid, not why.
      return undefined;
    }
  }
}
