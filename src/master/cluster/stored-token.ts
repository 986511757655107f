/** How a bootstrap token is kept: a Secret of kube-system. */
import type { Secret } from '../../api/types/core.js';

/** The role in which a machine with the token may join. */
export type TokenUsage = 'worker' | 'master';

/** The group of those that have the token, which says in which role they may join. */
export const groupOf: Readonly<Record<TokenUsage, string>> = {
  worker: 'system:bootstrappers:trireme:workers',
  master: 'system:bootstrappers:trireme:masters',
};

/** The type of the Secret. */
export const tokenSecretType = 'bootstrap.kubernetes.io/token';

/** The name of the Secret. @param id the token's public half */
export function tokenSecretName(id: string): string {
  return `bootstrap-token-${id}`;
}

/** A token without its secret half. */
export interface StoredToken {
  readonly id: string;
  /** None for one that others than machines use. */
  readonly usages: readonly TokenUsage[];
  /** RFC 3339; empty: never. */
  readonly expires: string;
}

/** Reads a Secret; undefined for one that is no token. */
export function storedTokenOf({ type, data = {} }: Secret): StoredToken | undefined {
  if (type !== tokenSecretType) return undefined;
  const read = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  const groups = read('auth-extra-groups').split(',');
  const usages = (['worker', 'master'] as const).filter((usage) => groups.includes(groupOf[usage]));
  return { id: read('token-id'), usages, expires: read('expiration') };
}
