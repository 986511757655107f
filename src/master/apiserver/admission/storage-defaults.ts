import { isDefaultStorageClass } from '../../../api/facts/storage-class.js';
import { namesClass } from '../../../api/facts/volume-match.js';
import type { KubeObject } from '../../../api/object.js';
import type { PersistentVolumeClaim } from '../../../api/types/core.js';
import type { Ingress } from '../../../api/types/networking.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionPlugin } from './chain.js';

/** The newest of the objects that are marked as the default one; by name among equals. */
function defaultOf(
  cache: ResourceCache,
  isDefault: (object: KubeObject) => boolean,
): string | undefined {
  const found = [...cache.list()]
    .map((entry) => entry.object())
    .filter(isDefault)
    .map(({ metadata }) => metadata);
  found.sort((a, b) => {
    const [left, right] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
    return left === right ? (a.name < b.name ? -1 : 1) : left < right ? 1 : -1;
  });
  return found[0]?.name;
}

const defaultIngressAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** Claims without a class get the default storage class; ingresses the default ingress class. */
export function storageDefaults(objects: Objects): readonly AdmissionPlugin[] {
  const storageClasses = objects.watchCache.cache('storage.k8s.io/storageclasses');
  const ingressClasses = objects.watchCache.cache('networking.k8s.io/ingressclasses');
  return [
    {
      name: 'DefaultStorageClass',
      handles: ({ operation, context: { target } }) =>
        operation === 'CREATE' && target.kind.kind === 'PersistentVolumeClaim',
      mutate({ object }) {
        const claim = object as PersistentVolumeClaim;
        if (namesClass(claim)) return;
        const name = defaultOf(storageClasses, isDefaultStorageClass);
        if (name !== undefined) claim.spec.storageClassName = name;
      },
    },
    {
      name: 'DefaultIngressClass',
      handles: ({ operation, context: { target } }) =>
        operation === 'CREATE' &&
        target.kind.kind === 'Ingress' &&
        target.kind.group === 'networking.k8s.io',
      mutate({ object }) {
        const ingress = object as Ingress;
        if (ingress.spec.ingressClassName !== undefined) return;
        const annotations = ingress.metadata.annotations ?? {};
        if (annotations['kubernetes.io/ingress.class'] !== undefined) return;
        const name = defaultOf(
          ingressClasses,
          (found) => found.metadata.annotations?.[defaultIngressAnnotation] === 'true',
        );
        if (name !== undefined) ingress.spec.ingressClassName = name;
      },
    },
  ];
}
