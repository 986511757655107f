import type { Namespace } from '../../../api/types/core.js';
import type { AdmissionPlugin } from './chain.js';

const nameLabel = 'kubernetes.io/metadata.name';

/** A namespace is labelled with its name, is Active when new, and holds the finalizer that empties it at its end. */
export function namespaceDefaults(): AdmissionPlugin {
  return {
    name: 'NamespaceDefaults',
    handles: ({ context: { target }, operation }) =>
      target.kind.kind === 'Namespace' && target.kind.group === '' && operation !== 'DELETE',
    mutate({ object, operation, context }) {
      if (object === undefined) return;
      // The kind says what the object is.
      const namespace = object as Namespace;
      if (context.target.subresource === '') {
        const { metadata } = namespace;
        metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name };
      }
      if (operation !== 'CREATE') return;
      namespace.spec = { ...namespace.spec };
      namespace.spec.finalizers ??= [];
      if (!namespace.spec.finalizers.includes('kubernetes')) {
        namespace.spec.finalizers.push('kubernetes');
      }
      namespace.status = { phase: 'Active' };
    },
  };
}
