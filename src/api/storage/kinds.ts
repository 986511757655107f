/** StorageClass, VolumeAttachment, CSIDriver, CSINode. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { forbidden, invalid } from '../field-error.js';
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
  str,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { topologySelectorTerm } from '../core/affinity.js';
import { persistentVolumeSchema } from '../core/volume-schema.js';
import { oneOf } from '../validation/checks.js';

const d = 'storage/v1.';
const storage = { group: 'storage.k8s.io', version: 'v1', namespaced: false } as const;
const volumeSpec = persistentVolumeSchema.properties?.['spec'] ?? { type: 'any' };

const storageClassSchema = kindSchema(`${d}StorageClass`, 'How volumes are provisioned.', {
  allowVolumeExpansion: bool('Volumes may grow.'),
  allowedTopologies: list('Places where volumes may be.', topologySelectorTerm),
  mountOptions: list('Options of mounts.', str('')),
  parameters: labels('Parameters of the provisioner.'),
  provisioner: req(str('Name of the provisioner.')),
  reclaimPolicy: str('Delete or Retain.', {
    default: 'Delete',
    checks: [oneOf(['Delete', 'Retain'])],
  }),
  volumeBindingMode: str('Immediate or WaitForFirstConsumer.', {
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

/** StorageClass. */
export const storageClassKind = defineKind<StorageClass>({
  ...storage,
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  schema: storageClassSchema,
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

const attachmentSchema = kindSchema(`${d}VolumeAttachment`, 'A volume attached to a node.', {
  spec: always(
    struct(`${d}VolumeAttachmentSpec`, 'What shall be attached.', {
      attacher: req(str('Name of the driver.')),
      nodeName: req(str('The node.')),
      source: req(
        struct(`${d}VolumeAttachmentSource`, 'The volume.', {
          inlineVolumeSpec: { ...volumeSpec },
          persistentVolumeName: str('Name of the PersistentVolume.'),
        }),
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

/** CSIDriver. */
export const csiDriverKind = defineKind<CSIDriver>({
  ...storage,
  kind: 'CSIDriver',
  plural: 'csidrivers',
  schema: driverSchema,
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
                count: int32('Greatest number of volumes.'),
              }),
              name: req(str('Name of the driver.')),
              nodeID: req(str('Name of the node at the driver.')),
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

/** CSINode. */
export const csiNodeKind = defineKind<CSINode>({
  ...storage,
  kind: 'CSINode',
  plural: 'csinodes',
  schema: csiNodeSchema,
  columns: [
    nameColumn,
    column<CSINode>('Drivers', ({ spec }) => spec.drivers?.length ?? 0, { type: 'integer' }),
    ageColumn,
  ],
});
