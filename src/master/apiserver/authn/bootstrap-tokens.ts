import { timingSafeEqual } from 'node:crypto';
import type { KubeObject } from '../../../api/object.js';
import type { Clock } from '../../../lib/clock.js';
import type { Mirror } from '../cache/mirror.js';
import type { UserInfo } from '../registry/types.js';
import type { TokenAuthenticator } from './authenticator.js';

interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

/** Tokens in Secrets of type `bootstrap.kubernetes.io/token` in kube-system, for machines that join. */
export class BootstrapTokens implements TokenAuthenticator {
  readonly #mirror: Mirror;
  readonly #clock: Clock;

  constructor(mirror: Mirror, clock: Clock) {
    this.#mirror = mirror;
    this.#clock = clock;
  }

  authenticate(token: string): Promise<UserInfo | undefined> {
    return Promise.resolve(this.#find(token));
  }

  #find(token: string): UserInfo | undefined {
    const match = pattern.exec(token);
    if (match === null) return undefined;
    const [, id = '', secretPart = ''] = match;
    const entry = this.#mirror.cache('secrets').get(`kube-system/bootstrap-token-${id}`);
    const secret: Secret | undefined = entry?.parse();
    if (secret?.type !== 'bootstrap.kubernetes.io/token') return undefined;
    if (secret.metadata.deletionTimestamp !== undefined) return undefined;
    const field = (name: string): string =>
      Buffer.from(secret.data?.[name] ?? '', 'base64').toString();
    if (field('token-id') !== id || !sameText(field('token-secret'), secretPart)) return undefined;
    const expiration = field('expiration');
    if (expiration !== '' && Date.parse(expiration) <= this.#clock.nowMs()) return undefined;
    if (field('usage-bootstrap-authentication') !== 'true') return undefined;
    const extra = field('auth-extra-groups')
      .split(',')
      .filter((name) => name !== '');
    return {
      name: `system:bootstrap:${id}`,
      groups: ['system:bootstrappers', ...extra.map((name) => name.trim())],
    };
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
