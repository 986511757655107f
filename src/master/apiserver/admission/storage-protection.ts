import { claimFinalizer, volumeFinalizer } from '../../../api/facts/volume-protection.js';
import type { AdmissionPlugin } from './chain.js';

const finalizers: Readonly<Record<string, string>> = {
  PersistentVolume: volumeFinalizer,
  PersistentVolumeClaim: claimFinalizer,
};

/** New claims and volumes are protected from the first moment; their controllers protect older ones. */
export function storageProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: ({ operation, context: { target } }) =>
      operation === 'CREATE' &&
      target.subresource === '' &&
      target.kind.group === '' &&
      Object.hasOwn(finalizers, target.kind.kind),
    mutate({ object, context: { target } }) {
      const finalizer = finalizers[target.kind.kind] ?? '';
      const present = object?.metadata.finalizers ?? [];
      if (object === undefined || present.includes(finalizer)) return false;
      object.metadata.finalizers = [...present, finalizer];
      return true;
    },
  };
}
