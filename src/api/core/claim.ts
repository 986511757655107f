/** The spec of PersistentVolumeClaims, which pods and StatefulSets embed as templates. */
import { doc, list, quantities, req, str, strPtr, struct, written } from '../schema/dsl.js';
import { labelSelector, templateMeta } from '../schema/meta.js';
import { notSupported } from '../field-error.js';
import type { Check } from '../schema/node.js';
import { isDnsSubdomainOrEmpty, oneOf } from '../validation/checks.js';
import { typedLocalObjectReference } from './references.js';

/** Ways in which a volume may be mounted. */
export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Errors name the list, not the item. */
const areAccessModes: Check = (value, path, errors) => {
  if (!Array.isArray(value)) return;
  for (const mode of value) {
    if (!accessModes.includes(mode as string)) errors.push(notSupported(path, mode, accessModes));
  }
};

/** A list of access modes. */
export const accessModesField = list(
  'ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.',
  str(''),
  { checks: [areAccessModes] },
);

const typedObjectReference = struct(
  'core/v1.TypedObjectReference',
  'Names an object of some kind, also in another namespace.',
  {
    apiGroup: strPtr('Group of the object; empty means core.'),
    kind: req(str('Kind of the object.')),
    name: req(str('Name of the object.')),
    namespace: strPtr('Namespace of the object.'),
  },
);

/** The spec of a claim. */
export const persistentVolumeClaimSpec = struct(
  'core/v1.PersistentVolumeClaimSpec',
  'What storage is wanted.',
  {
    accessModes: doc('Ways in which the volume must be mountable.', accessModesField),
    dataSource: doc('A snapshot or claim whose data the volume gets.', typedLocalObjectReference),
    dataSourceRef: doc('An object whose data the volume gets.', typedObjectReference),
    resources: written(
      struct('core/v1.VolumeResourceRequirements', 'Size of the storage.', {
        limits: quantities('Greatest size.'),
        requests: quantities('Least size.'),
      }),
    ),
    selector: doc('Selects volumes by label.', labelSelector),
    storageClassName: strPtr('Name of the StorageClass; empty for none.', {
      checks: [isDnsSubdomainOrEmpty],
    }),
    volumeAttributesClassName: strPtr('Name of the VolumeAttributesClass.'),
    volumeMode: strPtr('Filesystem or Block.', {
      default: 'Filesystem',
      checks: [oneOf(['Block', 'Filesystem'])],
    }),
    volumeName: str('Name of the bound volume.'),
  },
);

/** A claim inside of a pod's ephemeral volume. */
export const persistentVolumeClaimTemplate = struct(
  'core/v1.PersistentVolumeClaimTemplate',
  'The claim to make.',
  {
    metadata: doc('Labels and annotations of the claim.', templateMeta),
    spec: req(persistentVolumeClaimSpec),
  },
);
