import type { KindDeclaration } from '../../../api/kind.js';
import { formatGroupVersion } from '../../../api/object.js';

/** The bookmark's object: nothing but a kind and how far the watch has got. */
export function bookmarkObject(
  kind: KindDeclaration,
  item: { readonly revision: number; readonly initialEnd: boolean },
): string {
  return JSON.stringify({
    kind: kind.kind,
    apiVersion: formatGroupVersion(kind.group, kind.version),
    metadata: {
      resourceVersion: String(item.revision),
      creationTimestamp: null,
      ...(item.initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  });
}
