/** StorageClass and VolumeAttachment. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { canonicalJson } from '../facts/hash.js';
import { isDefaultStorageClass } from '../facts/storage-class.js';
import { at, child, duplicate, forbidden, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import {
  always,
  bool,
  int32,
  labels,
  list,
  req,
  reqValue,
  str,
  strPtr,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { isJsonObject } from '../object.js';
import type { Check, Infer, SchemaNode } from '../schema/node.js';
import { given } from '../schema/node.js';
import { topologySelectorTerm } from '../core/affinity.js';
import { persistentVolumeSchema } from '../core/volume-schema.js';
import {
  isDnsSubdomain,
  isNotEmpty,
  isQualifiedNameInLowerCase,
  oneOf,
} from '../validation/checks.js';
import { isDriverName } from '../validation/volumes.js';

const d = 'storage/v1.';
const storage = { group: 'storage.k8s.io', version: 'v1', namespaced: false } as const;
/** Takes back what `always` says of a field. */
const optional: Partial<SchemaNode> & { readonly isRequired: boolean } = {
  always: false,
  isRequired: false,
};
const wholeSpec: SchemaNode = persistentVolumeSchema.properties?.['spec'] ?? { type: 'any' };
/** The spec of a volume where it may be absent; nothing is filled in that a volume of its own would have. */
const volumeSpec: SchemaNode = tuned(wholeSpec, {
  ...optional,
  properties: Object.fromEntries(
    Object.entries(wholeSpec.properties ?? {}).map(([name, field]) => [
      name,
      name === 'persistentVolumeReclaimPolicy' || name === 'volumeMode'
        ? tuned(field, { default: undefined })
        : field,
    ]),
  ),
});

const isReclaimPolicy = oneOf(['Delete', 'Retain']);

const storageClassSchema = kindSchema(`${d}StorageClass`, 'How volumes are provisioned.', {
  allowVolumeExpansion: bool('Volumes may grow.'),
  allowedTopologies: list('Places where volumes may be.', topologySelectorTerm),
  mountOptions: list('Options of mounts.', str('')),
  parameters: labels('Parameters of the provisioner.'),
  provisioner: req(str('Name of the provisioner.', { checks: [isQualifiedNameInLowerCase] })),
  reclaimPolicy: strPtr('Delete or Retain.', {
    default: 'Delete',
    checks: [(value, path, errors) => void (value === '' || isReclaimPolicy(value, path, errors))],
  }),
  volumeBindingMode: strPtr('Immediate or WaitForFirstConsumer.', {
    default: 'Immediate',
    checks: [oneOf(['Immediate', 'WaitForFirstConsumer'])],
  }),
});

/** StorageClass as a type. */
export interface StorageClass extends Infer<typeof storageClassSchema> {}

function validateClassUpdate(next: StorageClass, old: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  if (!semanticEqual(next.parameters, old.parameters)) {
    errors.push(forbidden('parameters', 'updates to parameters are forbidden.'));
  }
  if (next.provisioner !== old.provisioner) {
    errors.push(forbidden('provisioner', 'updates to provisioner are forbidden.'));
  }
  if (next.reclaimPolicy !== old.reclaimPolicy) {
    errors.push(forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
  }
  if (next.volumeBindingMode !== old.volumeBindingMode) {
    errors.push(invalid('volumeBindingMode', next.volumeBindingMode, 'field is immutable'));
  }
  return errors;
}

/** Terms must differ; so must keys within a term, and values of a key. */
function validateTopologies({ allowedTopologies }: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  const terms = new Set<string>();
  (allowedTopologies ?? []).forEach(({ matchLabelExpressions = [] }, index) => {
    const path = child(at('allowedTopologies', index), 'matchLabelExpressions');
    const keys = new Set<string>();
    matchLabelExpressions.forEach((requirement, position) => {
      const { key = '', values = [] } = given(requirement);
      const here = at(path, position);
      if (keys.has(key)) errors.push(duplicate(child(here, 'key'), key));
      keys.add(key);
      const seen = new Set<string>();
      values.forEach((value, place) => {
        if (seen.has(value)) errors.push(duplicate(at(child(here, 'values'), place), value));
        seen.add(value);
      });
    });
    // Kubernetes takes a term without expressions for one that was there before.
    const term = canonicalJson(matchLabelExpressions);
    if (terms.has(term) || matchLabelExpressions.length === 0) errors.push(duplicate(path, ''));
    terms.add(term);
  });
  return errors;
}

/** StorageClass. */
export const storageClassKind = defineKind<StorageClass>({
  ...storage,
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  schema: storageClassSchema,
  validate: validateTopologies,
  validateUpdate: validateClassUpdate,
  columns: [
    {
      ...nameColumn,
      cell: (object) =>
        isDefaultStorageClass(object) ? `${object.metadata.name} (default)` : object.metadata.name,
    },
    column<StorageClass>('Provisioner', (object) => object.provisioner),
    column<StorageClass>('ReclaimPolicy', (object) => object.reclaimPolicy ?? 'Delete'),
    column<StorageClass>('VolumeBindingMode', (object) => object.volumeBindingMode ?? '<unset>'),
    column<StorageClass>('AllowVolumeExpansion', (object) => object.allowVolumeExpansion ?? false),
    ageColumn,
  ],
});

const volumeError = struct(`${d}VolumeError`, 'What went wrong.', {
  errorCode: int32('Code of the error.'),
  message: str('Details for people.'),
  time: time('When it happened.'),
});

/** One of the two: a volume by name, or one in the pod's spec. */
const isAttachmentSource: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = value;
  if (name === undefined && inline === undefined) {
    const text = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
    errors.push(required(path, text));
  } else if (name !== undefined && inline !== undefined) {
    const text = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
    errors.push(forbidden(path, text));
  } else if (name !== undefined) {
    const here = child(path, 'persistentVolumeName');
    if (name === '') errors.push(required(here, 'must specify non empty persistentVolumeName'));
    isDnsSubdomain(name, here, errors);
  } else if (isJsonObject(inline)) checkInline(inline, child(path, 'inlineVolumeSpec'), errors);
};

/** The spec of a volume that a pod brings along: of a driver, with neither a claim nor a size. */
function checkInline(
  spec: Readonly<Record<string, unknown>>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const context = 'in the context of inline volumes';
  const { claimRef, capacity, csi, accessModes, persistentVolumeReclaimPolicy: policy } = spec;
  if (claimRef !== undefined) {
    errors.push(forbidden(child(path, 'claimRef'), `may not be specified ${context}`));
  }
  if (isJsonObject(capacity) && Object.keys(capacity).length > 0) {
    errors.push(forbidden(child(path, 'capacity'), `may not be specified ${context}`));
  }
  if (csi === undefined)
    errors.push(required(child(path, 'csi'), `has to be specified ${context}`));
  if (!Array.isArray(accessModes) || accessModes.length === 0) {
    errors.push(required(child(path, 'accessModes')));
  }
  if (policy !== undefined && policy !== 'Retain') {
    const text = `may only be Retain ${context}`;
    errors.push(forbidden(child(path, 'persistentVolumeReclaimPolicy'), text));
  }
}

const attachmentSchema = kindSchema(`${d}VolumeAttachment`, 'A volume attached to a node.', {
  spec: always(
    struct(`${d}VolumeAttachmentSpec`, 'What shall be attached.', {
      attacher: req(str('Name of the driver.', { checks: [isNotEmpty], checksEmpty: true })),
      nodeName: req(str('The node.', { checks: [isDnsSubdomain], checksEmpty: true })),
      source: reqValue(
        struct(
          `${d}VolumeAttachmentSource`,
          'The volume.',
          {
            inlineVolumeSpec: { ...volumeSpec },
            persistentVolumeName: strPtr('Name of the PersistentVolume.'),
          },
          { checks: [isAttachmentSource] },
        ),
      ),
    }),
  ),
  status: written(
    struct(`${d}VolumeAttachmentStatus`, 'What is known.', {
      attachError: volumeError,
      attached: req(tuned(bool('It is attached.'), { default: false })),
      attachmentMetadata: labels('What the driver said.'),
      detachError: volumeError,
    }),
  ),
});

/** VolumeAttachment as a type. */
export interface VolumeAttachment extends Infer<typeof attachmentSchema> {}

/** VolumeAttachment. */
export const volumeAttachmentKind = defineKind<VolumeAttachment>({
  statusKeeps: 'metadata',
  ...storage,
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  allowUnconditionalUpdate: false,
  schema: attachmentSchema,
  validateCreate: (object) => {
    const errors: FieldError[] = [];
    isDriverName((object as VolumeAttachment).spec.attacher ?? '', 'spec.attacher', errors);
    return errors;
  },
  validateUpdate: (next, old) =>
    semanticEqual(next.spec, old.spec) ? [] : [invalid('spec', next.spec, 'field is immutable')],
  columns: [
    nameColumn,
    column<VolumeAttachment>('Attacher', ({ spec }) => spec.attacher, { format: 'name' }),
    column<VolumeAttachment>('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''),
    column<VolumeAttachment>('Node', ({ spec }) => spec.nodeName),
    column<VolumeAttachment>('Attached', ({ status }) => status?.attached ?? false, {
      type: 'boolean',
    }),
    ageColumn,
  ],
});
