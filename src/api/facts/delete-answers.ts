import type { KindDeclaration } from '../kind.js';

const withObject = new Set([
  '/namespaces',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
]);

/** True for a kind whose DELETE answers with the object as it was last, not with a Status. */
export function answersWithObject({
  group,
  plural,
}: Pick<KindDeclaration, 'group' | 'plural'>): boolean {
  return withObject.has(`${group}/${plural}`);
}
