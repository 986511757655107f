/** Makes anew what old keys have made: Secrets that are encrypted with them, and tokens that they have signed. */
import type { Secret } from '../../api/types/core.js';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import type { RotationPart } from '../../master/cluster/rotation.js';
import { rotationSecret } from '../../master/cluster/rotation-keys.js';

/** So many are read at a time. */
const pageSize = 200;

/** What was made anew. */
export interface Rewritten {
  readonly secrets: number;
  readonly tokens: number;
}

/**
 * Writes every Secret again, as it is: an API server encrypts it with the first key. Those of tokens lose the token
 * that the old key has signed, and the controllers put another there. Safe to repeat.
 */
export async function rewriteSecrets(
  api: ApiClient,
  parts: readonly RotationPart[],
): Promise<Rewritten> {
  const done = { secrets: 0, tokens: 0 };
  let from = '';
  do {
    const page = await api.list<Secret>(resources.secrets, { limit: pageSize, continue: from });
    for (const secret of page.items) {
      if (parts.includes('service-account') && (await renewToken(api, secret))) done.tokens += 1;
      else if (parts.includes('encryption') && (await writeAgain(api, secret))) done.secrets += 1;
    }
    from = page.continue;
  } while (from !== '');
  return done;
}

async function renewToken(api: ApiClient, secret: Secret): Promise<boolean> {
  if (secret.type !== 'kubernetes.io/service-account-token') return false;
  const type = 'application/merge-patch+json';
  return unlessGone(() =>
    api.patch(resources.secrets, secret.metadata, type, { data: { token: null } }),
  );
}

/** One that somebody else writes meanwhile is written with the new key already. */
async function writeAgain(api: ApiClient, secret: Secret): Promise<boolean> {
  const { namespace, name } = secret.metadata;
  if (namespace === rotationSecret.namespace && name === rotationSecret.name) return false;
  return unlessGone(() => api.update(resources.secrets, secret));
}

async function unlessGone(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return false;
    throw error;
  }
}
