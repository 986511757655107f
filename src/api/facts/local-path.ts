/** Volumes of the local-path provisioner, which are directories of one node. Pure. */
import type { PersistentVolume } from '../types/core.js';

/** Name of the provisioner, of the annotation with a volume's directory, and of the worker's finalizer. */
export const localPath = 'trireme.dev/local-path';

const nodeKeys = new Set(['kubernetes.io/hostname', 'metadata.name']);

/** True for a volume of the local-path provisioner whose directory lies on the node. */
export function isLocalTo({ metadata, spec }: PersistentVolume, node: string): boolean {
  if (metadata.annotations?.[localPath] === undefined) return false;
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some((term) =>
    [...(term.matchExpressions ?? []), ...(term.matchFields ?? [])].some(
      ({ key, values }) => nodeKeys.has(key) && values?.includes(node) === true,
    ),
  );
}
