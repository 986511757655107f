/** Volumes and claims. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import type { CSINode } from '../../api/types/policy.js';
import type { KubeObject } from '../../api/object.js';
import type { DescribeFacts } from './common.js';
import {
  ageText,
  pairsText,
  timeOrZero,
  writeEvents,
  writeList,
  writeMetadata,
  writePairs,
} from './common.js';
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
  writeDataSource(writer, spec);
  writeList(writer, 'Used By', users);
  writeClaimConditions(writer, object);
  writeEvents(writer, facts);
}

function writeDataSource(
  writer: DescribeWriter,
  { dataSource }: PersistentVolumeClaim['spec'],
): void {
  if (dataSource === undefined || dataSource === null) return;
  const { apiGroup, kind, name } = dataSource;
  writer.line(0, 'DataSource:');
  if (apiGroup !== undefined) writer.field(1, 'APIGroup', apiGroup);
  writer.field(1, 'Kind', kind);
  writer.field(1, 'Name', name);
}

function writeClaimConditions(writer: DescribeWriter, { status }: PersistentVolumeClaim): void {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return;
  writer.line(0, 'Conditions:');
  writer.line(1, 'Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage');
  writer.line(1, '----\t------\t-----------------\t------------------\t------\t-------');
  for (const condition of conditions) {
    const { type, status: value, reason = '', message = '' } = condition;
    const times = [condition.lastProbeTime, condition.lastTransitionTime].map(timeOrZero);
    writer.line(1, [type, value, ...times, reason, message].join(' \t'));
  }
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
  writer.field(
    0,
    'Status',
    metadata.deletionTimestamp === undefined
      ? (status?.phase ?? '')
      : `Terminating (lasts ${ageText(metadata.deletionTimestamp, facts.nowMs)})`,
  );
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
  writer.line(0, 'Node Affinity:\t');
  writer.line(1, 'Required Terms:\t');
  for (const [at, { matchExpressions = [] }] of terms.entries()) {
    const [first = '<none>', ...rest] = matchExpressions.map(
      ({ key, operator, values = [] }) =>
        `${key} ${operator.toLowerCase()}${values.length === 0 ? '' : ` [${values.join(', ')}]`}`,
    );
    writer.line(2, `Term ${at}:\t${first}`);
    for (const line of rest) writer.line(2, `\t${line}`);
  }
}

interface TopologyTerm {
  readonly matchLabelExpressions?: readonly {
    readonly key: string;
    readonly values?: readonly string[];
  }[];
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
    allowedTopologies?: readonly TopologyTerm[];
  };
  const { annotations = {} } = object.metadata;
  writer.field(0, 'Name', object.metadata.name);
  const isDefault = annotations['storageclass.kubernetes.io/is-default-class'] === 'true';
  writer.field(0, 'IsDefaultClass', isDefault ? 'Yes' : 'No');
  writer.field(0, 'Annotations', pairsText(annotations));
  writer.field(0, 'Provisioner', storage.provisioner ?? '');
  writer.field(0, 'Parameters', pairsText(storage.parameters));
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
  const { reclaimPolicy, volumeBindingMode, allowedTopologies } = storage;
  if (reclaimPolicy !== undefined) writer.field(0, 'ReclaimPolicy', reclaimPolicy);
  if (volumeBindingMode !== undefined) writer.field(0, 'VolumeBindingMode', volumeBindingMode);
  if (allowedTopologies !== undefined) writeTopologies(writer, allowedTopologies);
  writeEvents(writer, facts);
}

function writeTopologies(writer: DescribeWriter, terms: readonly TopologyTerm[]): void {
  writer.line(0, `AllowedTopologies:\t${terms.length === 0 ? '<none>' : ''}`);
  for (const [at, { matchLabelExpressions = [] }] of terms.entries()) {
    const [first = '<none>', ...rest] = matchLabelExpressions.map(
      ({ key, values = [] }) => `${key} in${values.length === 0 ? '' : ` [${values.join(', ')}]`}`,
    );
    writer.line(1, `Term ${at}:\t${first}`);
    for (const line of rest) writer.line(1, `\t${line}`);
  }
}

/** The drivers of a node. */
export function describeCsiNode(
  writer: DescribeWriter,
  object: CSINode,
  facts: DescribeFacts,
): void {
  const { metadata, spec } = object;
  writer.field(0, 'Name', metadata.name);
  writePairs(writer, object);
  writer.field(0, 'CreationTimestamp', timeOrZero(metadata.creationTimestamp));
  writer.line(0, 'Spec:');
  writer.line(1, 'Drivers:');
  for (const { name, nodeID, allocatable, topologyKeys } of spec.drivers) {
    writer.line(2, `${name}:`);
    writer.field(3, 'Node ID', nodeID);
    if (allocatable?.count !== undefined) {
      writer.line(3, 'Allocatables:');
      writer.field(4, 'Count', allocatable.count);
    }
    if (topologyKeys !== undefined && topologyKeys !== null) {
      writer.field(3, 'Topology Keys', `[${topologyKeys.join(' ')}]`);
    }
  }
  writeEvents(writer, facts);
}
