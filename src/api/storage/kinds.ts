/** StorageClass, VolumeAttachment, CSIDriver, CSINode. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import {
  at,
  child,
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, joined, nameColumn, orText } from '../print/columns.js';
import {
  always,
  bool,
  int32,
  int64,
  labels,
  list,
  listMap,
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
  isNonNegative,
  isNotEmpty,
  isQualifiedName,
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
/** The spec of a volume where it may be absent. */
const volumeSpec: SchemaNode = tuned(
  persistentVolumeSchema.properties?.['spec'] ?? { type: 'any' },
  optional,
);

const storageClassSchema = kindSchema(`${d}StorageClass`, 'How volumes are provisioned.', {
  allowVolumeExpansion: bool('Volumes may grow.'),
  allowedTopologies: list('Places where volumes may be.', topologySelectorTerm),
  mountOptions: list('Options of mounts.', str('')),
  parameters: labels('Parameters of the provisioner.'),
  provisioner: req(str('Name of the provisioner.', { checks: [isQualifiedNameInLowerCase] })),
  reclaimPolicy: str('Delete or Retain.', {
    default: 'Delete',
    checks: [oneOf(['Delete', 'Retain'])],
  }),
  volumeBindingMode: strPtr('Immediate or WaitForFirstConsumer.', {
    default: 'Immediate',
    checks: [oneOf(['Immediate', 'WaitForFirstConsumer'])],
  }),
});

/** StorageClass as a type. */
export interface StorageClass extends Infer<typeof storageClassSchema> {}

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

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
  const terms: unknown[] = [];
  (allowedTopologies ?? []).forEach(({ matchLabelExpressions = [] }, index) => {
    const path = child(at('allowedTopologies', index), 'matchLabelExpressions');
    const keys = new Set<string>();
    matchLabelExpressions.forEach((requirement, position) => {
      const { key = '', values = [] } = given(requirement);
      const here = at(path, position);
      if (keys.has(key)) errors.push(duplicate(child(here, 'key'), key));
      keys.add(key);
      values.forEach((value, place) => {
        if (values.indexOf(value) < place) {
          errors.push(duplicate(at(child(here, 'values'), place), value));
        }
      });
    });
    // Kubernetes takes a term without expressions for one that was there before.
    const isKnown = terms.some((term) => semanticEqual(term, matchLabelExpressions));
    if (isKnown || matchLabelExpressions.length === 0) errors.push(duplicate(path, ''));
    terms.push(matchLabelExpressions);
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
      cell: (object) => {
        const isDefault = object.metadata.annotations?.[defaultClassAnnotation] === 'true';
        return isDefault ? `${object.metadata.name} (default)` : object.metadata.name;
      },
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
    const text = 'must specify one of inlineVolumeSpec and persistentVolumeName';
    errors.push(required(path, text));
  } else if (name !== undefined && inline !== undefined) {
    const text = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
    errors.push(forbidden(path, text));
  } else if (name !== undefined) {
    const here = child(path, 'persistentVolumeName');
    if (name === '') errors.push(required(here, 'must specify non empty persistentVolumeName'));
    isDnsSubdomain(name, here, errors);
  }
};

const attachmentSchema = kindSchema(`${d}VolumeAttachment`, 'A volume attached to a node.', {
  spec: always(
    struct(`${d}VolumeAttachmentSpec`, 'What shall be attached.', {
      attacher: req(
        str('Name of the driver.', { checks: [isNotEmpty, isDriverName], checksEmpty: true }),
      ),
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
      attached: req(bool('It is attached.')),
      attachmentMetadata: labels('What the driver said.'),
      detachError: volumeError,
    }),
  ),
});

/** VolumeAttachment as a type. */
export interface VolumeAttachment extends Infer<typeof attachmentSchema> {}

/** VolumeAttachment. */
export const volumeAttachmentKind = defineKind<VolumeAttachment>({
  ...storage,
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  schema: attachmentSchema,
  validateUpdate: (next, old) =>
    semanticEqual(next.spec, old.spec) ? [] : [invalid('spec', next.spec, 'field is immutable')],
  columns: [
    nameColumn,
    column<VolumeAttachment>('Attacher', ({ spec }) => spec.attacher),
    column<VolumeAttachment>('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''),
    column<VolumeAttachment>('Node', ({ spec }) => spec.nodeName),
    column<VolumeAttachment>('Attached', ({ status }) => status?.attached ?? false, {
      type: 'boolean',
    }),
    ageColumn,
  ],
});

const driverSchema = kindSchema(`${d}CSIDriver`, 'A CSI driver on the cluster.', {
  spec: always(
    struct(`${d}CSIDriverSpec`, 'What the driver can do.', {
      attachRequired: bool('Volumes need attaching.', { default: true }),
      fsGroupPolicy: str('None, File or ReadWriteOnceWithFSType.', {
        default: 'ReadWriteOnceWithFSType',
      }),
      nodeAllocatableUpdatePeriodSeconds: int64('Seconds between updates of limits.'),
      podInfoOnMount: bool('The driver wants to know the pod.', { default: false }),
      requiresRepublish: bool('Volumes are published again and again.', { default: false }),
      seLinuxMount: bool('Supports SELinux mount options.', { default: false }),
      storageCapacity: bool('The scheduler heeds storage capacity.', { default: false }),
      tokenRequests: list(
        'Tokens that the driver gets.',
        struct(`${d}TokenRequest`, 'A token.', {
          audience: req(tuned(str('For whom.'), { pointer: true })),
          expirationSeconds: int64('Validity in seconds.'),
        }),
      ),
      volumeLifecycleModes: tuned(list('Persistent, Ephemeral.', str('')), {
        default: ['Persistent'],
      }),
    }),
  ),
});

/** CSIDriver as a type. */
export interface CSIDriver extends Infer<typeof driverSchema> {}

const lifecycleModes = ['Ephemeral', 'Persistent'];

function validateDriver({ metadata, spec }: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  isDriverName(metadata.name, 'metadata.name', errors);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!lifecycleModes.includes(mode)) {
      errors.push(notSupported('spec.volumeLifecycleModes', mode, lifecycleModes));
    }
  }
  const seen = new Set<string>();
  (spec.tokenRequests ?? []).forEach(({ audience, expirationSeconds: seconds }, index) => {
    const path = at('spec.tokenRequests', index);
    if (seen.has(audience)) errors.push(duplicate(child(path, 'audience'), audience));
    seen.add(audience);
    if (seconds === undefined) return;
    const here = child(path, 'expirationSeconds');
    if (seconds < leastTokenSeconds) {
      errors.push(invalid(here, seconds, 'may not specify a duration less than 10 minutes'));
    }
    if (seconds > greatestTokenSeconds) {
      errors.push(invalid(here, seconds, 'may not specify a duration larger than 2^32 seconds'));
    }
  });
  return errors;
}

const leastTokenSeconds = 600;
const greatestTokenSeconds = 2 ** 32;

/** Whether volumes are attached, and how they live, stays; the rest may change since 1.29. */
function validateDriverUpdate(next: CSIDriver, old: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['attachRequired', 'volumeLifecycleModes'] as const) {
    if (semanticEqual(next.spec[name], old.spec[name])) continue;
    const path = name === 'attachRequired' ? 'spec.attachedRequired' : `spec.${name}`;
    errors.push(invalid(path, next.spec[name] ?? null, 'field is immutable'));
  }
  return errors;
}

/** CSIDriver. */
export const csiDriverKind = defineKind<CSIDriver>({
  ...storage,
  kind: 'CSIDriver',
  plural: 'csidrivers',
  schema: driverSchema,
  validate: validateDriver,
  validateUpdate: validateDriverUpdate,
  hasGeneration: true,
  columns: [
    nameColumn,
    column<CSIDriver>('AttachRequired', ({ spec }) => spec.attachRequired ?? true, {
      type: 'boolean',
    }),
    column<CSIDriver>('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('TokenRequests', ({ spec }) =>
      orText((spec.tokenRequests ?? []).map((item) => item.audience).join(','), '<unset>'),
    ),
    column<CSIDriver>('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false, {
      type: 'boolean',
    }),
    column<CSIDriver>('Modes', ({ spec }) => joined(spec.volumeLifecycleModes)),
    ageColumn,
  ],
});

const maxNodeIdLength = 256;

const csiNodeSchema = kindSchema(`${d}CSINode`, 'The CSI drivers of a node.', {
  spec: always(
    struct(`${d}CSINodeSpec`, 'The drivers.', {
      drivers: req(
        tuned(
          listMap(
            'The drivers.',
            ['name'],
            struct(`${d}CSINodeDriver`, 'A driver.', {
              allocatable: struct(`${d}VolumeNodeResources`, 'Limits of the node.', {
                count: int32('Greatest number of volumes.', { checks: [isNonNegative] }),
              }),
              name: req(
                str('Name of the driver.', {
                  checks: [isNotEmpty, isDriverName],
                  checksEmpty: true,
                }),
              ),
              nodeID: req(
                str('Name of the node at the driver.', {
                  checks: [
                    isNotEmpty,
                    (value, path, errors) => {
                      if (typeof value !== 'string' || value.length <= maxNodeIdLength) return;
                      const text = `must be ${maxNodeIdLength} characters or less`;
                      errors.push(invalid(path, value, text));
                    },
                  ],
                  checksEmpty: true,
                }),
              ),
              topologyKeys: list('Keys of topology.', str('')),
            }),
          ),
          { pointer: true },
        ),
      ),
    }),
  ),
});

/** CSINode as a type. */
export interface CSINode extends Infer<typeof csiNodeSchema> {}

/** Errors of topology keys name the driver, not the key. */
function validateCsiNode({ spec }: CSINode): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  (spec.drivers ?? []).forEach(({ name, topologyKeys = [] }, index) => {
    const path = at('spec.drivers', index);
    if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
    const keys = new Set<string>();
    for (const key of topologyKeys) {
      if (key === '') errors.push(required(path));
      if (keys.has(key)) errors.push(duplicate(path, key));
      keys.add(key);
      isQualifiedName(key, path, errors);
    }
  });
  return errors;
}

/** What a driver has said of itself stays; it may leave and come back. */
function validateCsiNodeUpdate(next: CSINode, old: CSINode): FieldError[] {
  return (next.spec.drivers ?? []).flatMap((driver) => {
    const before = (old.spec.drivers ?? []).find(({ name }) => name === driver.name);
    if (before === undefined || semanticEqual(driver, before)) return [];
    return [invalid('CSINodeDriver', driver, 'field is immutable')];
  });
}

/** CSINode. */
export const csiNodeKind = defineKind<CSINode>({
  ...storage,
  kind: 'CSINode',
  plural: 'csinodes',
  schema: csiNodeSchema,
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
  columns: [
    nameColumn,
    column<CSINode>('Drivers', ({ spec }) => spec.drivers?.length ?? 0, { type: 'integer' }),
    ageColumn,
  ],
});
