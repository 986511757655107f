/** Volume sources of storage systems, as pods name them; PersistentVolumes vary a few of them. */
import {
  bool,
  flag,
  int32,
  list,
  num32,
  req,
  reqValue,
  str,
  strPtr,
  struct,
} from '../schema/dsl.js';
import {
  isAbsolutePath,
  isBetween,
  isDnsLabel,
  isNotEmpty,
  oneOf,
  stringCheck,
} from '../validation/checks.js';
import { child, required } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import { isAzureDisk, isFibreChannel, isQuobyte } from '../validation/volumes.js';
import { localObjectReference, readOnlyField } from './references.js';

const fsType = str('File system type; ext4 unless set.');
const user = 'User name.';

const isPartition = isBetween(0, 255, 'must be between 1 and 255, inclusive');

/** Kubernetes names this one otherwise in errors. */
const isGoogleDisk: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const here = path.replace(/gcePersistentDisk$/, 'persistentDisk');
  if (textOf(value, 'pdName') === '') errors.push(required(child(here, 'pdName')));
  isPartition(value['partition'], child(here, 'partition'), errors);
};

/** Names of iSCSI: RFC 3720 has these three forms. */
const targetName =
  /^(?:iqn\.\d{4}-\d{2}\.[a-z]+(?:[.:][a-zA-Z\d._:-]*)?|eui\.[\da-fA-F]{16}|naa\.[\da-fA-F]{32})/;

function isTargetName(persistent: boolean): Check {
  const begins = persistent ? '' : ' starting with iqn, eui, or naa';
  return stringCheck((value) => {
    if (!/^(?:iqn|eui|naa)/.test(value)) return [`must be valid format${begins}`];
    return targetName.test(value) ? [] : ['must be valid format'];
  });
}

/** Authentication needs the Secret; that of a PersistentVolume names one. */
function needsSecret(persistent: boolean): Check {
  return (value, path, errors) => {
    if (!isJsonObject(value)) return;
    const { chapAuthDiscovery, chapAuthSession, secretRef } = value;
    const here = child(path, 'secretRef');
    if (secretRef === undefined) {
      if (chapAuthDiscovery === true || chapAuthSession === true) errors.push(required(here));
    } else if (persistent && isJsonObject(secretRef) && textOf(secretRef, 'name') === '') {
      errors.push(required(child(here, 'name')));
    }
  };
}

const iscsiFields = {
  chapAuthDiscovery: flag('CHAP for discovery.'),
  chapAuthSession: flag('CHAP for sessions.'),
  fsType,
  initiatorName: strPtr('iSCSI initiator name.'),
  iscsiInterface: str('Interface name.', { default: 'default' }),
  lun: req(int32('LUN of the target.', { checks: [isBetween(0, 255)] })),
  portals: list('More target portals.', str('')),
  readOnly: readOnlyField,
  targetPortal: req(str('Target portal.')),
};

/** Sources that are alike in pods and volumes. */
export const commonSources = {
  awsElasticBlockStore: struct('core/v1.AWSElasticBlockStoreVolumeSource', 'An AWS disk.', {
    fsType,
    partition: num32('Partition to mount.', { checks: [isPartition] }),
    readOnly: readOnlyField,
    volumeID: req(str('Id of the disk.')),
  }),
  azureDisk: struct(
    'core/v1.AzureDiskVolumeSource',
    'An Azure data disk.',
    {
      cachingMode: strPtr('None, ReadOnly or ReadWrite.', {
        default: 'ReadWrite',
        checks: [oneOf(['None', 'ReadOnly', 'ReadWrite'])],
      }),
      diskName: req(str('Name of the disk.')),
      diskURI: req(str('URI of the disk.')),
      fsType: strPtr('File system type.', { default: 'ext4' }),
      kind: strPtr('Shared, Dedicated or Managed.', {
        default: 'Shared',
        checks: [oneOf(['Dedicated', 'Managed', 'Shared'])],
      }),
      readOnly: bool('Mounts read-only.', { default: false }),
    },
    { checks: [isAzureDisk] },
  ),
  fc: struct(
    'core/v1.FCVolumeSource',
    'A Fibre Channel disk.',
    {
      fsType,
      lun: int32('LUN of the target.'),
      readOnly: readOnlyField,
      targetWWNs: list('World wide names of targets.', str('')),
      wwids: list('World wide identifiers.', str('')),
    },
    { checks: [isFibreChannel] },
  ),
  flocker: struct('core/v1.FlockerVolumeSource', 'A Flocker dataset.', {
    datasetName: str('Name of the dataset.'),
    datasetUUID: str('UUID of the dataset.'),
  }),
  gcePersistentDisk: struct(
    'core/v1.GCEPersistentDiskVolumeSource',
    'A Google disk.',
    {
      fsType,
      partition: num32('Partition to mount.'),
      pdName: req(str('Name of the disk.', { checksEmpty: true })),
      readOnly: readOnlyField,
    },
    { checks: [isGoogleDisk] },
  ),
  nfs: struct('core/v1.NFSVolumeSource', 'An NFS export.', {
    path: req(str('Exported path.', { checks: [isNotEmpty, isAbsolutePath], checksEmpty: true })),
    readOnly: readOnlyField,
    server: req(str('Host name or address of the server.')),
  }),
  photonPersistentDisk: struct('core/v1.PhotonPersistentDiskVolumeSource', 'A Photon disk.', {
    fsType,
    pdID: req(str('Id of the disk.')),
  }),
  portworxVolume: struct('core/v1.PortworxVolumeSource', 'A Portworx volume.', {
    fsType,
    readOnly: readOnlyField,
    volumeID: req(str('Id of the volume.')),
  }),
  quobyte: struct(
    'core/v1.QuobyteVolumeSource',
    'A Quobyte volume.',
    {
      group: str('Group to map to.'),
      readOnly: readOnlyField,
      registry: strPtr('Registries as host:port, by commas.'),
      tenant: str('Tenant of the volume.'),
      user: str('User to map to.'),
      volume: req(str('Name of the volume.')),
    },
    { checks: [isQuobyte] },
  ),
  vsphereVolume: struct('core/v1.VsphereVirtualDiskVolumeSource', 'A vSphere disk.', {
    fsType,
    storagePolicyID: str('Id of the storage policy.'),
    storagePolicyName: str('Name of the storage policy.'),
    volumePath: req(str('Path of the disk.')),
  }),
};

/**
 * Sources that refer to a Secret: by name in pods, by name and namespace in volumes.
 * @param persistent true for the PersistentVolume forms.
 */
export function secretSources<S extends typeof localObjectReference>(
  reference: S,
  persistent: boolean,
) {
  const def = (name: string): string =>
    `core/v1.${name}${persistent ? 'PersistentVolumeSource' : 'VolumeSource'}`;
  return {
    cephfs: struct(def('CephFS'), 'A Ceph file system.', {
      monitors: req(list('Monitors.', str(''))),
      path: str('Mounted root.'),
      readOnly: readOnlyField,
      secretFile: str('Path of the key ring.'),
      secretRef: reference,
      user: str(user),
    }),
    cinder: struct(def('Cinder'), 'An OpenStack disk.', {
      fsType,
      readOnly: readOnlyField,
      secretRef: reference,
      volumeID: req(str('Id of the disk.')),
    }),
    flexVolume: struct(
      persistent ? 'core/v1.FlexPersistentVolumeSource' : 'core/v1.FlexVolumeSource',
      'A volume of an exec driver.',
      {
        driver: req(str('Name of the driver.')),
        fsType,
        options: { type: 'map' as const, description: 'Extra options.', items: str('') },
        readOnly: readOnlyField,
        secretRef: reference,
      },
    ),
    iscsi: struct(
      def('ISCSI'),
      'An iSCSI disk.',
      {
        ...iscsiFields,
        iqn: req(str('Qualified name of the target.', { checks: [isTargetName(persistent)] })),
        secretRef: reference,
      },
      { checks: [needsSecret(persistent)] },
    ),
    rbd: struct(def('RBD'), 'A Ceph block device.', {
      fsType,
      image: req(str('Image name.')),
      keyring: str('Path of the key ring.', { default: '/etc/ceph/keyring' }),
      monitors: req(list('Monitors.', str(''))),
      pool: str('Pool name.', { default: 'rbd' }),
      readOnly: readOnlyField,
      secretRef: reference,
      user: str(user, { default: 'admin' }),
    }),
    scaleIO: struct(def('ScaleIO'), 'A ScaleIO volume.', {
      fsType: str('File system type.', { default: 'xfs' }),
      gateway: req(str('Address of the gateway.')),
      protectionDomain: str('Protection domain.'),
      readOnly: readOnlyField,
      secretRef: reqValue(reference),
      sslEnabled: flag('Uses SSL.'),
      storageMode: str('ThickProvisioned or ThinProvisioned.', { default: 'ThinProvisioned' }),
      storagePool: str('Storage pool.'),
      system: req(str('Name of the system.')),
      volumeName: req(str('Name of the volume.')),
    }),
  };
}

/** All sources of storage systems in a pod's volume. */
export const remoteSources = {
  ...commonSources,
  ...secretSources(localObjectReference, false),
  azureFile: struct('core/v1.AzureFileVolumeSource', 'An Azure file share.', {
    readOnly: readOnlyField,
    secretName: req(str('Secret with name and key of the account.')),
    shareName: req(str('Name of the share.')),
  }),
  glusterfs: struct('core/v1.GlusterfsVolumeSource', 'A GlusterFS volume.', {
    endpoints: req(str('Endpoints object with the topology.')),
    path: req(str('Name of the volume.')),
    readOnly: readOnlyField,
  }),
  storageos: struct('core/v1.StorageOSVolumeSource', 'A StorageOS volume.', {
    fsType,
    readOnly: readOnlyField,
    secretRef: localObjectReference,
    volumeName: req(str('Name of the volume.', { checks: [isDnsLabel] })),
    volumeNamespace: str('Scope of the volume.', { checks: [isDnsLabel] }),
  }),
};
