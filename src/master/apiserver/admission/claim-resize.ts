import { amountsOf } from '../../../api/facts/amounts.js';
import { classOfClaim } from '../../../api/facts/volume-match.js';
import { quantityOf } from '../../../api/quantity.js';
import type { PersistentVolumeClaim } from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import type { Objects } from '../registry/objects.js';
import { errorTarget } from '../registry/types.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

/** A claim grows when it is bound and its class can let it grow; nobody would answer the others. */
export function claimResize(objects: Objects): AdmissionPlugin {
  const classes = objects.watchCache.cache('storage.k8s.io/storageclasses');
  const mayGrow = (name: string): boolean =>
    classes.get(name)?.object<StorageClass>().allowVolumeExpansion === true;
  return {
    name: 'PersistentVolumeClaimResize',
    handles: ({ operation, context: { target } }) =>
      operation === 'UPDATE' &&
      target.kind.kind === 'PersistentVolumeClaim' &&
      target.kind.group === '' &&
      target.subresource === '',
    validate({ object, old, context }) {
      if (object === undefined || old === undefined) return;
      // The kind says what the objects are.
      const [claim, before] = [object as PersistentVolumeClaim, old as PersistentVolumeClaim];
      if (sizeOf(claim).compare(sizeOf(before)) <= 0) return;
      const refuse = (text: string): never => {
        throw forbidden(errorTarget(context.target.kind), claim.metadata.name, text);
      };
      if (before.status?.phase !== 'Bound') {
        refuse('Only bound persistent volume claims can be expanded');
      }
      const name = classOfClaim(claim);
      if (name === classOfClaim(before) && mayGrow(name)) return;
      refuse(
        'only dynamically provisioned pvc can be resized and ' +
          'the storageclass that provisions the pvc must support resize',
      );
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim) {
  return amountsOf(spec.resources?.requests).get('storage') ?? quantityOf(0);
}
