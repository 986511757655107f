/** Volumes and claims. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import type { KubeObject } from '../../api/object.js';
import type { DescribeFacts } from './common.js';
import { ageText, writeEvents, writeList, writeMetadata, writePairs } from './common.js';
import { writeSource } from './volumes.js';
import type { DescribeWriter } from './writer.js';

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const modesText = (list: readonly string[] | undefined): string =>
  (list ?? []).map((mode) => modes[mode] ?? mode).join(',');

/** A claim, and who uses it. */
export function describeClaim(
  writer: DescribeWriter,
  object: PersistentVolumeClaim,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  writeMetadata(writer, object);
  writer.field(0, 'StorageClass', spec.storageClassName ?? '');
  const isDeleted = metadata.deletionTimestamp !== undefined;
  writer.field(
    0,
    'Status',
    isDeleted
      ? `Terminating (lasts ${ageText(metadata.deletionTimestamp, facts.nowMs)})`
      : (status?.phase ?? ''),
  );
  writer.field(0, 'Volume', spec.volumeName ?? '');
  writePairs(writer, object);
  writer.field(0, 'Finalizers', `[${(metadata.finalizers ?? []).join(' ')}]`);
  writer.field(
    0,
    'Capacity',
    spec.volumeName === undefined ? '' : (status?.capacity?.['storage'] ?? ''),
  );
  writer.field(
    0,
    'Access Modes',
    spec.volumeName === undefined ? '' : modesText(status?.accessModes),
  );
  if (spec.volumeMode !== undefined) writer.field(0, 'VolumeMode', spec.volumeMode);
  const users = ((facts.related['pods'] ?? []) as readonly Pod[])
    .filter(({ spec: pod }) =>
      (pod.volumes ?? []).some(
        ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata.name,
      ),
    )
    .map((pod) => pod.metadata.name);
  writeList(writer, 'Used By', users);
  writeEvents(writer, facts);
}

/** A volume. */
export function describeVolume(
  writer: DescribeWriter,
  object: PersistentVolume,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  writer.field(0, 'Name', metadata.name);
  writePairs(writer, object);
  writer.field(0, 'Finalizers', `[${(metadata.finalizers ?? []).join(' ')}]`);
  writer.field(0, 'StorageClass', spec.storageClassName ?? '');
  writer.field(0, 'Status', status?.phase ?? '');
  const { claimRef } = spec;
  writer.field(
    0,
    'Claim',
    claimRef === undefined ? '' : `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`,
  );
  writer.field(0, 'Reclaim Policy', spec.persistentVolumeReclaimPolicy ?? '');
  writer.field(0, 'Access Modes', modesText(spec.accessModes));
  if (spec.volumeMode !== undefined) writer.field(0, 'VolumeMode', spec.volumeMode);
  writer.field(0, 'Capacity', spec.capacity?.['storage'] ?? '');
  writeAffinity(writer, spec);
  writer.field(0, 'Message', status?.message ?? '');
  writer.line(0, 'Source:');
  writeSource(writer, spec);
  writeEvents(writer, facts);
}

function writeAffinity(writer: DescribeWriter, { nodeAffinity }: PersistentVolume['spec']): void {
  const terms = nodeAffinity?.required?.nodeSelectorTerms ?? [];
  if (terms.length === 0) {
    writer.line(0, 'Node Affinity:\t<none>');
    return;
  }
  writer.line(0, 'Node Affinity:');
  writer.line(1, 'Required Terms:');
  for (const [at, { matchExpressions = [] }] of terms.entries()) {
    const [first = '<none>', ...rest] = matchExpressions.map(
      ({ key, operator, values = [] }) => `${key} ${operator.toLowerCase()} [${values.join(', ')}]`,
    );
    writer.line(2, `Term ${at}:\t${first}`);
    for (const line of rest) writer.line(2, `\t${line}`);
  }
}

/** A storage class. */
export function describeStorageClass(
  writer: DescribeWriter,
  object: KubeObject,
  facts: DescribeFacts,
): void {
  const storage = object as KubeObject & {
    provisioner?: string;
    parameters?: Record<string, string>;
    allowVolumeExpansion?: boolean;
    mountOptions?: string[];
    reclaimPolicy?: string;
    volumeBindingMode?: string;
  };
  const { annotations = {} } = object.metadata;
  writer.field(0, 'Name', object.metadata.name);
  const isDefault = annotations['storageclass.kubernetes.io/is-default-class'] === 'true';
  writer.field(0, 'IsDefaultClass', isDefault ? 'Yes' : 'No');
  const pairs = (map: Record<string, string> | undefined): string =>
    map === undefined || Object.keys(map).length === 0
      ? '<none>'
      : Object.entries(map)
          .map(([k, v]) => `${k}=${v}`)
          .sort()
          .join(',');
  writer.field(0, 'Annotations', pairs(annotations));
  writer.field(0, 'Provisioner', storage.provisioner ?? '');
  writer.field(0, 'Parameters', pairs(storage.parameters));
  writer.field(
    0,
    'AllowVolumeExpansion',
    storage.allowVolumeExpansion === undefined
      ? '<unset>'
      : storage.allowVolumeExpansion
        ? 'True'
        : 'False',
  );
  const options = storage.mountOptions ?? [];
  writer.line(0, options.length === 0 ? 'MountOptions:\t<none>' : 'MountOptions:');
  for (const option of options) writer.line(1, option);
  writer.field(0, 'ReclaimPolicy', storage.reclaimPolicy ?? '');
  writer.field(0, 'VolumeBindingMode', storage.volumeBindingMode ?? '');
  writeEvents(writer, facts);
}
