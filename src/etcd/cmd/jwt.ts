import { UsageError } from '../../lib/usage-error.js';
import { createPrivateKey, createPublicKey, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { JwtTokens } from '../auth/tokens.js';
import type { ServerConfig } from '../config.js';
import { parseDurationMs } from '../../lib/go-duration.js';

const jwtPrefix = 'jwt,';

/**
 * The tokens that `--auth-token jwt,pub-key=…,priv-key=…,sign-method=RS256,ttl=10m` asks for; undefined for simple
 * ones.
 * @throws UsageError
 */
export function loadJwt(config: ServerConfig): JwtTokens | undefined {
  const { authToken, clock } = config;
  if (authToken === 'simple' || authToken === '') return undefined;
  if (!authToken.startsWith(jwtPrefix)) {
    throw new UsageError(`unknown token provider in --auth-token "${authToken}"`);
  }
  const options = new Map<string, string>();
  for (const part of authToken.slice(jwtPrefix.length).split(',')) {
    const [name = '', value = ''] = part.split('=', 2);
    options.set(name, value);
  }
  const signMethod = options.get('sign-method');
  if (signMethod === undefined) throw new UsageError('--auth-token jwt needs sign-method');
  const ttlMs = parseDurationMs(options.get('ttl') ?? '5m');
  if (ttlMs === undefined) throw new UsageError('--auth-token jwt: bad ttl');
  const privatePath = options.get('priv-key');
  const publicPath = options.get('pub-key');
  const signKey =
    privatePath === undefined ? undefined : readKey(privatePath, signMethod, 'private');
  const verifyKey = verifyKeyOf(publicPath, signKey, signMethod);
  return new JwtTokens({
    clock,
    signMethod,
    verifyKey,
    ttlMs,
    ...(signKey === undefined ? {} : { signKey }),
  });
}

function verifyKeyOf(
  path: string | undefined,
  signKey: KeyObject | undefined,
  signMethod: string,
): KeyObject {
  if (path !== undefined) return readKey(path, signMethod, 'public');
  if (signKey === undefined) throw new UsageError('--auth-token jwt needs pub-key or priv-key');
  return signKey.type === 'secret' ? signKey : createPublicKey(signKey);
}

function readKey(path: string, signMethod: string, kind: 'private' | 'public'): KeyObject {
  try {
    const bytes = readFileSync(path);
    if (signMethod.startsWith('HS')) return createSecretKey(bytes);
    return kind === 'private' ? createPrivateKey(bytes) : createPublicKey(bytes);
  } catch (error) {
    throw new UsageError(`--auth-token: ${path}: ${String(error)}`);
  }
}
