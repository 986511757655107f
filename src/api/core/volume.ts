/** Volumes of pods, and the sources that PersistentVolumes share with them. */
import {
  bool,
  bounded64,
  flag,
  int32,
  labels,
  list,
  quantity,
  req,
  str,
  strPtr,
  struct,
  tuned,
} from '../schema/dsl.js';
import { labelSelector } from '../schema/meta.js';
import { child, required } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import {
  numberCheck,
  isDnsLabel,
  isDnsSubdomain,
  isNonNegativeQuantity,
  isNotEmpty,
  oneOf,
  requires,
} from '../validation/checks.js';
import {
  isDescendingPath,
  areDownwardFiles,
  isLocalPath,
  isTokenLifetime,
} from '../validation/container-fields.js';
import { isDriverName, isOneProjection, isVolumeSource } from '../validation/volumes.js';
import { resourceFieldSelector } from './container.js';
import { persistentVolumeClaimTemplate } from './claim.js';
import { localObjectReference, objectFieldSelector, optionalField } from './references.js';
import { remoteSources } from './volume-sources.js';

const fileMode = numberCheck((value) =>
  value >= 0 && value <= 0o777
    ? []
    : ['must be a number between 0 and 0777 (octal), both inclusive'],
);
const modeText = 'Mode bits of files, 0 to 0777 (511 in JSON).';

const keyToPath = struct('core/v1.KeyToPath', 'A key and the file it becomes.', {
  key: req(str('The key.')),
  mode: int32(modeText, { checks: [fileMode] }),
  path: req(str('Relative path of the file.', { checks: [isLocalPath] })),
});

const defaultMode = int32(modeText, { default: 0o644, checks: [fileMode] });
const items = list('Keys to take, and their files; all keys unless set.', keyToPath);

const downwardFile = struct('core/v1.DownwardAPIVolumeFile', 'A file with a field of the pod.', {
  fieldRef: objectFieldSelector,
  mode: int32(modeText),
  path: req(str('Relative path of the file.', { checksEmpty: true })),
  resourceFieldRef: resourceFieldSelector,
});

/** Kubernetes writes these two paths otherwise than the field: with a blank, and without it. */
const isPublishSecret: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const name = textOf(value, 'name');
  if (name === '') errors.push(required(child(path, 'name')));
  else isDnsSubdomain(name, child(path.replace(/\.nodePublishSecretRef$/, ''), 'name'), errors);
};

const volumeProjection = struct(
  'core/v1.VolumeProjection',
  'One source of a projected volume.',
  {
    clusterTrustBundle: struct(
      'core/v1.ClusterTrustBundleProjection',
      'Certificates of ClusterTrustBundles as a file.',
      {
        labelSelector,
        name: strPtr('Name of one ClusterTrustBundle.'),
        optional: optionalField,
        path: req(str('Relative path of the file.', { checks: [isLocalPath] })),
        signerName: strPtr('Takes all bundles of this signer.'),
      },
    ),
    configMap: struct(
      'core/v1.ConfigMapProjection',
      'Keys of a ConfigMap as files.',
      {
        items,
        name: str('Name of the ConfigMap.'),
        optional: optionalField,
      },
      { checks: [requires('name')] },
    ),
    downwardAPI: struct('core/v1.DownwardAPIProjection', 'Fields of the pod as files.', {
      items: list('The files.', downwardFile, { checks: [areDownwardFiles] }),
    }),
    secret: struct(
      'core/v1.SecretProjection',
      'Keys of a Secret as files.',
      {
        items,
        name: str('Name of the Secret.'),
        optional: optionalField,
      },
      { checks: [requires('name')] },
    ),
    serviceAccountToken: struct(
      'core/v1.ServiceAccountTokenProjection',
      'A token of the service account as a file.',
      {
        audience: str('For whom the token is meant; the API server unless set.'),
        expirationSeconds: bounded64('Validity in seconds, at least 600.', {
          default: 3600,
          checks: [isTokenLifetime],
        }),
        path: req(str('Relative path of the file.', { checksEmpty: true })),
      },
    ),
  },
  { checks: [isOneProjection] },
);

/** A path on the node. */
export const hostPathSource = struct('core/v1.HostPathVolumeSource', 'A path on the node.', {
  path: req(str('Path on the node.')),
  type: strPtr('What must be there, such as Directory or FileOrCreate.', {
    default: '',
    checks: [
      oneOf([
        '',
        'BlockDevice',
        'CharDevice',
        'Directory',
        'DirectoryOrCreate',
        'File',
        'FileOrCreate',
        'Socket',
      ]),
    ],
  }),
});

/** Sources that exist in pods only. */
const podSources = {
  configMap: struct(
    'core/v1.ConfigMapVolumeSource',
    'Keys of a ConfigMap as files.',
    {
      defaultMode,
      items,
      name: str('Name of the ConfigMap.'),
      optional: optionalField,
    },
    { checks: [requires('name')] },
  ),
  csi: struct('core/v1.CSIVolumeSource', 'An ephemeral volume of a CSI driver.', {
    driver: req(
      str('Name of the driver.', { checks: [isNotEmpty, isDriverName], checksEmpty: true }),
    ),
    fsType: strPtr('File system to mount.'),
    nodePublishSecretRef: tuned(localObjectReference, { checks: [isPublishSecret] }),
    readOnly: bool('Mounts read-only.'),
    volumeAttributes: labels('Properties that the driver knows.'),
  }),
  downwardAPI: struct('core/v1.DownwardAPIVolumeSource', 'Fields of the pod as files.', {
    defaultMode,
    items: list('The files.', downwardFile, { checks: [areDownwardFiles] }),
  }),
  emptyDir: struct('core/v1.EmptyDirVolumeSource', 'A directory that lives as long as the pod.', {
    medium: str('Memory for tmpfs; the disk of the node unless set.'),
    sizeLimit: quantity('Greatest size.', { checks: [isNonNegativeQuantity] }),
  }),
  ephemeral: struct(
    'core/v1.EphemeralVolumeSource',
    'A claim that is made for the pod and goes with it.',
    { volumeClaimTemplate: persistentVolumeClaimTemplate },
  ),
  gitRepo: struct('core/v1.GitRepoVolumeSource', 'Deprecated: a clone of a git repository.', {
    directory: str('Target directory.', { checks: [isDescendingPath] }),
    repository: req(str('URL of the repository.')),
    revision: str('Commit hash.'),
  }),
  image: struct('core/v1.ImageVolumeSource', 'The files of an OCI image or artifact.', {
    pullPolicy: str('Always, IfNotPresent or Never.'),
    reference: str('Name of the image.'),
  }),
  persistentVolumeClaim: struct(
    'core/v1.PersistentVolumeClaimVolumeSource',
    'A claim in the same namespace.',
    {
      claimName: req(str('Name of the claim.')),
      readOnly: flag('Mounts read-only.'),
    },
  ),
  projected: struct('core/v1.ProjectedVolumeSource', 'Several sources in one directory.', {
    defaultMode,
    sources: list('The sources.', volumeProjection),
  }),
  secret: struct(
    'core/v1.SecretVolumeSource',
    'Keys of a Secret as files.',
    {
      defaultMode,
      items,
      optional: optionalField,
      secretName: str('Name of the Secret.'),
    },
    { checks: [requires('secretName')] },
  ),
};

/** A volume of a pod. */
export const volume = struct(
  'core/v1.Volume',
  'A named volume that containers of the pod can mount.',
  {
    ...podSources,
    ...remoteSources,
    hostPath: hostPathSource,
    name: req(str('Name, unique in the pod.', { checks: [isDnsLabel] })),
  },
  {
    checks: [
      isVolumeSource(['hostPath', ...Object.keys(podSources), ...Object.keys(remoteSources)]),
    ],
  },
);
