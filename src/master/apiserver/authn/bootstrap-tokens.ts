import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../../api/types/core.js';
import type { Clock } from '../../../lib/clock.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { UserInfo } from '../registry/types.js';
import type { TokenAuthenticator } from './authenticator.js';

const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
/** Groups that a token may give beside `system:bootstrappers` (cluster-bootstrap `BootstrapGroupPattern`). */
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Tokens in Secrets of type `bootstrap.kubernetes.io/token` in kube-system, for machines that join. */
export class BootstrapTokens implements TokenAuthenticator {
  readonly #watchCache: Pick<WatchCache, 'cache'>;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(watchCache: Pick<WatchCache, 'cache'>, clock: Pick<Clock, 'nowMs'>) {
    this.#watchCache = watchCache;
    this.#clock = clock;
  }

  authenticate(token: string): Promise<UserInfo | undefined> {
    return Promise.resolve(this.#find(token));
  }

  #find(token: string): UserInfo | undefined {
    const match = pattern.exec(token);
    if (match === null) return undefined;
    const [, id = '', secretPart = ''] = match;
    const entry = this.#watchCache.cache('secrets').get(`kube-system/bootstrap-token-${id}`);
    const secret: Secret | undefined = entry?.parse();
    if (secret === undefined) return undefined;
    return tokenUser(secret, { id, secret: secretPart }, this.#clock.nowMs());
  }
}

/** Returns the user of a token that its Secret says is valid now. An unreadable Secret makes none valid. */
export function tokenUser(
  secret: Secret,
  token: { readonly id: string; readonly secret: string },
  nowMs: number,
): UserInfo | undefined {
  if (secret.type !== 'bootstrap.kubernetes.io/token') return undefined;
  if (secret.metadata.deletionTimestamp !== undefined) return undefined;
  const field = (name: string): string =>
    Buffer.from(secret.data?.[name] ?? '', 'base64').toString();
  if (!sameText(field('token-secret'), token.secret) || field('token-id') !== token.id) {
    return undefined;
  }
  if (hasExpired(field('expiration'), nowMs)) return undefined;
  if (field('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = field('auth-extra-groups')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  // A bad group invalidates the whole token: nobody guesses which group was meant.
  if (!extra.every((name) => groupPattern.test(name))) return undefined;
  const groups = ['system:bootstrappers', ...extra];
  return { name: `system:bootstrap:${token.id}`, groups: [...new Set(groups)].sort() };
}

const rfc3339 = /^(\d{4}-\d{2}-)(\d{2})[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** A time that is no RFC 3339 has passed, and so has one on a day that its month does not have. */
function hasExpired(expiration: string, nowMs: number): boolean {
  if (expiration === '') return false;
  const match = rfc3339.exec(expiration);
  if (match === null) return true;
  const [, month = '', day = ''] = match;
  // Date.parse takes February 31st for March 3rd.
  if (new Date(`${month}${day}T00:00:00Z`).getUTCDate() !== Number(day)) return true;
  return !(Date.parse(expiration) > nowMs);
}

/** Compares in a time that says nothing about where the texts differ, nor how long they are. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
