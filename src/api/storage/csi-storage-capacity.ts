/** CSIStorageCapacity. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import type { FieldError } from '../field-error.js';
import { invalid } from '../field-error.js';
import { goLabelSelector } from '../go-text/syntax.js';
import { column, nameColumn } from '../print/columns.js';
import { quantity, req, str } from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { given } from '../schema/node.js';
import { isNonNegativeQuantity } from '../validation/checks.js';
import { dnsSubdomain } from '../validation/names.js';

const checks = [isNonNegativeQuantity];

const schema = kindSchema(
  'storage/v1.CSIStorageCapacity',
  'What a CSI driver has left for a class in a part of the cluster.',
  {
    capacity: quantity('Bytes that are left; unset: not known.', { checks }),
    maximumVolumeSize: quantity('The largest volume that can be made; unset: not known.', {
      checks,
    }),
    nodeTopology: labelSelector,
    storageClassName: req(str('Name of the StorageClass.', { checksEmpty: true })),
  },
);

/** CSIStorageCapacity as a type. */
export interface CSIStorageCapacity extends Infer<typeof schema> {}

/** The class may be missing all the same: it is what the check is about. */
function validate(object: Partial<CSIStorageCapacity>): FieldError[] {
  const name = object.storageClassName ?? '';
  return dnsSubdomain(name).map((text) => invalid('storageClassName', name, text));
}

/** What was asked of the driver stays; what it answered changes. */
function validateUpdate(next: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  const fields = ['nodeTopology', 'storageClassName'] as const;
  return fields
    .filter((field) => !semanticEqual(next[field], old[field]))
    .map((field) => {
      const value =
        field === 'storageClassName'
          ? (given(next).storageClassName ?? '')
          : goLabelSelector(next.nodeTopology);
      return invalid(field, value, 'field is immutable');
    });
}

/** CSIStorageCapacity. */
export const csiStorageCapacityKind = defineKind<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  listKind: 'CSIStorageCapacityList',
  plural: 'csistoragecapacities',
  allowUnconditionalUpdate: false,
  schema,
  validate,
  validateUpdate,
  columns: [
    nameColumn,
    column<CSIStorageCapacity>('StorageClassName', (object) => object.storageClassName),
    column<CSIStorageCapacity>('Capacity', (object) => object.capacity ?? '<unset>'),
  ],
});
