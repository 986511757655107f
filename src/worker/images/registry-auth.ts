/** Finds the credentials for a registry in a pod's pull secrets. */
import type { Secret } from '../../api/types/core.js';
import type { RegistryAuth } from '../../runtime/types.js';

interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
}

/** The entry of the image's registry whose path fits best; undefined: none fits. */
export function registryAuth(image: string, secrets: readonly Secret[]): RegistryAuth | undefined {
  const wanted = withRegistry(image);
  let best: { readonly length: number; readonly auth: RegistryAuth } | undefined;
  for (const secret of secrets) {
    for (const [registry, entry] of Object.entries(entriesOf(secret))) {
      const prefix = normalized(registry);
      const auth = credentials(entry);
      const fits = wanted === prefix || wanted.startsWith(`${prefix}/`);
      if (auth === undefined || !fits || (best !== undefined && best.length >= prefix.length))
        continue;
      best = { length: prefix.length, auth };
    }
  }
  return best?.auth;
}

function withRegistry(image: string): string {
  const [first = ''] = image.split('/');
  const named = image.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return named ? image : `docker.io/${image}`;
}

function normalized(registry: string): string {
  const bare = registry.replace(/^https?:\/\//, '').replace(/\/(?:v1|v2)?\/?$/, '');
  return bare === 'index.docker.io' ? 'docker.io' : bare;
}

function entriesOf(secret: Secret): Readonly<Record<string, AuthEntry>> {
  const modern = secret.data?.['.dockerconfigjson'];
  const old = secret.data?.['.dockercfg'];
  try {
    if (modern !== undefined) {
      const config = parse(modern) as { auths?: Record<string, AuthEntry> };
      return config.auths ?? {};
    }
    return old === undefined ? {} : (parse(old) as Record<string, AuthEntry>);
  } catch {
    // A secret that cannot be read gives nothing, as with kubelet; the pull then says that it was refused.
    return {};
  }
}

function parse(base64: string): unknown {
  return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
}

function credentials(entry: AuthEntry): RegistryAuth | undefined {
  if (entry.username !== undefined && entry.password !== undefined) {
    return { username: entry.username, password: entry.password };
  }
  const text = Buffer.from(entry.auth ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
