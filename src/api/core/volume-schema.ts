/** The schema of PersistentVolume. */
import {
  always,
  doc,
  labels,
  list,
  quantities,
  req,
  str,
  strPtr,
  struct,
  time,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { child, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import { isDnsLabel, isDnsSubdomain, isNotEmpty, oneOf } from '../validation/checks.js';
import { noBacksteps } from '../validation/container-fields.js';
import { isDriverName, isVolumeSource } from '../validation/volumes.js';
import { accessModesField } from './claim.js';
import { nodeSelector } from './affinity.js';
import { objectReference, readOnlyField, secretReference } from './references.js';
import { hostPathSource } from './volume.js';
import { commonSources, secretSources } from './volume-sources.js';

const fsType = str('File system type.');

/** The nodes that reach a volume must be named. */
const isVolumeAffinity: Check = (value, path, errors) => {
  if (isJsonObject(value) && value['required'] === undefined) {
    const text = 'must specify required node constraints';
    errors.push(required(child(path, 'required'), text));
  }
};

/** A Secret that a CSI driver is handed: named in full. */
const csiSecret = {
  ...secretReference,
  checks: [
    (value: unknown, path: string, errors: FieldError[]): void => {
      if (!isJsonObject(value)) return;
      for (const name of ['name', 'namespace']) {
        const here = child(path, name);
        const text = textOf(value, name);
        if (text === '') errors.push(required(here));
        else if (name === 'name') isDnsSubdomain(text, here, errors);
        else isDnsLabel(text, here, errors);
      }
    },
  ],
};

const sources = {
  ...commonSources,
  ...secretSources(secretReference, true),
  azureFile: struct('core/v1.AzureFilePersistentVolumeSource', 'An Azure file share.', {
    readOnly: readOnlyField,
    secretName: req(str('Secret with name and key of the account.')),
    secretNamespace: strPtr('Namespace of the Secret.'),
    shareName: req(str('Name of the share.')),
  }),
  csi: struct('core/v1.CSIPersistentVolumeSource', 'A volume of a CSI driver.', {
    controllerExpandSecretRef: csiSecret,
    controllerPublishSecretRef: csiSecret,
    driver: req(
      str('Name of the driver.', { checks: [isNotEmpty, isDriverName], checksEmpty: true }),
    ),
    fsType,
    nodeExpandSecretRef: csiSecret,
    nodePublishSecretRef: csiSecret,
    nodeStageSecretRef: secretReference,
    readOnly: readOnlyField,
    volumeAttributes: labels('Properties of the volume.'),
    volumeHandle: req(str('Id of the volume at the driver.')),
  }),
  glusterfs: struct('core/v1.GlusterfsPersistentVolumeSource', 'A GlusterFS volume.', {
    endpoints: req(str('Endpoints object with the topology.')),
    endpointsNamespace: strPtr('Namespace of the Endpoints.'),
    path: req(str('Name of the volume.')),
    readOnly: readOnlyField,
  }),
  hostPath: hostPathSource,
  local: struct('core/v1.LocalVolumeSource', 'A path or device of one node.', {
    fsType: strPtr('File system type.'),
    path: req(str('Path on the node.', { checks: [noBacksteps("must not contain '..'")] })),
  }),
  storageos: struct('core/v1.StorageOSPersistentVolumeSource', 'A StorageOS volume.', {
    fsType,
    readOnly: readOnlyField,
    secretRef: objectReference,
    volumeName: str('Name of the volume.'),
    volumeNamespace: str('Scope of the volume.'),
  }),
};

/** PersistentVolume. */
export const persistentVolumeSchema = kindSchema(
  'core/v1.PersistentVolume',
  'A piece of storage that claims can be bound to.',
  {
    spec: always(
      struct(
        'core/v1.PersistentVolumeSpec',
        'What the volume is.',
        {
          ...sources,
          accessModes: doc('Ways in which it can be mounted.', accessModesField),
          capacity: quantities('Size of the volume.'),
          claimRef: doc('The claim it is bound to.', objectReference),
          mountOptions: list('Options of the mount.', str('')),
          nodeAffinity: struct(
            'core/v1.VolumeNodeAffinity',
            'Nodes that reach the volume.',
            {
              required: nodeSelector,
            },
            { checks: [isVolumeAffinity] },
          ),
          persistentVolumeReclaimPolicy: str('Retain, Delete or Recycle, after release.', {
            default: 'Retain',
            checks: [oneOf(['Delete', 'Recycle', 'Retain'])],
          }),
          storageClassName: str('Name of the StorageClass.', { checks: [isDnsSubdomain] }),
          volumeAttributesClassName: strPtr('Name of the VolumeAttributesClass.'),
          volumeMode: strPtr('Filesystem or Block.', {
            default: 'Filesystem',
            checks: [oneOf(['Block', 'Filesystem'])],
          }),
        },
        { checks: [isVolumeSource(Object.keys(sources))] },
      ),
    ),
    status: written(
      struct('core/v1.PersistentVolumeStatus', 'What is known of the volume.', {
        lastPhaseTransitionTime: time('When the phase last changed.'),
        message: str('Details for people.'),
        phase: str('Pending, Available, Bound, Released or Failed.'),
        reason: str('Reason of a failure.'),
      }),
    ),
  },
);
