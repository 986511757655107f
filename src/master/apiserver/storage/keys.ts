/**
 * Makes the keys of objects in the store: `/registry/<resource>/<namespace>/<name>` for the core group and
 * `/registry/<group>/<resource>/…` for others; cluster-scoped objects have no namespace part. A group always has a dot
 * or is one of the old short ones, so both forms are told apart by the table that {@link parseKey} is given.
 */
import type { KindDeclaration } from '../../../api/kind.js';

/** The prefix of all keys of the API server; kube-apiserver's default too. */
export const registryPrefix = '/registry/';

/** Names one resource's storage: `pods`, `apps/deployments`. */
export function storageId(storage: { readonly group: string; readonly plural: string }): string {
  return storage.group === '' ? storage.plural : `${storage.group}/${storage.plural}`;
}

/** The prefix of all objects of a kind. */
export function kindPrefix(kind: Pick<KindDeclaration, 'storage'>): string {
  return `${registryPrefix}${storageId(kind.storage)}/`;
}
