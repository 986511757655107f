import { resources } from '../../client/resources.js';
import type { Secret } from '../../api/types/core.js';
import { randomBytes } from 'node:crypto';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import type { TokenUsage } from './stored-token.js';
import { groupOf, tokenSecretName, tokenSecretType } from './stored-token.js';
import { tokenUser } from '../apiserver/authn/bootstrap-tokens.js';

/** A bootstrap token: `id` is public and names its Secret, `secret` is not. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A random token; 16 characters of 36 are some 82 bits. */
export function generateToken(): BootstrapToken {
  return { id: randomText(6), secret: randomText(16) };
}

/** Rejection keeps each character equally likely. */
function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < alphabet.length * 7 && text.length < length) {
        text += alphabet[byte % alphabet.length] ?? '';
      }
    }
  }
  return text;
}

/** Reads `id.secret`; undefined for anything else. */
export function parseToken(text: string): BootstrapToken | undefined {
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text);
  return match === null ? undefined : { id: match[1] ?? '', secret: match[2] ?? '' };
}

/** Stores a token, valid for `ttlMs`. @returns when it expires, RFC 3339 */
export async function storeToken(options: {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly token: BootstrapToken;
  readonly usages: readonly TokenUsage[];
  readonly ttlMs: number;
}): Promise<string> {
  const { token } = options;
  const expires = new Date(options.clock.nowMs() + options.ttlMs).toISOString();
  const fields: Record<string, string> = {
    'token-id': token.id,
    'token-secret': token.secret,
    expiration: expires,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': options.usages.map((usage) => groupOf[usage]).join(','),
  };
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: tokenSecretName(token.id), namespace: 'kube-system' },
    type: tokenSecretType,
    data: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
  };
  await options.client.create(resources.secrets, secret);
  return expires;
}

/** True when the token is known, alive and may be used so. */
export async function tokenAllows(options: {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly token: BootstrapToken;
  readonly usage: TokenUsage;
}): Promise<boolean> {
  const { client, clock, token, usage } = options;
  let secret: Secret;
  try {
    const name = tokenSecretName(token.id);
    secret = await client.get<Secret>(resources.secrets, { namespace: 'kube-system', name });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
  const user = tokenUser(secret, token, clock.nowMs());
  return user?.groups.includes(groupOf[usage]) === true;
}
