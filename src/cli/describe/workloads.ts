/** Deployments, ReplicaSets, DaemonSets, StatefulSets. */
import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/types/workloads.js';
import type { DescribeFacts } from './common.js';
import {
  controllerText,
  longTime,
  selectorText,
  writeConditions,
  writeEvents,
  writeLabels,
  writeMetadata,
  writePairs,
} from './common.js';
import { describeTemplate } from './pod-template.js';
import type { DescribeWriter } from './writer.js';

const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** A deployment, with its ReplicaSets. */
export function describeDeployment(
  writer: DescribeWriter,
  object: Deployment,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  writeMetadata(writer, object);
  writer.field(0, 'CreationTimestamp', longTime(metadata.creationTimestamp));
  writePairs(writer, object);
  writer.field(0, 'Selector', selectorText(spec.selector));
  const {
    updatedReplicas = 0,
    replicas = 0,
    availableReplicas = 0,
    unavailableReplicas = 0,
  } = status ?? {};
  writer.field(
    0,
    'Replicas',
    `${spec.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
  );
  writer.field(0, 'StrategyType', spec.strategy?.type ?? '');
  writer.field(0, 'MinReadySeconds', spec.minReadySeconds ?? 0);
  const rolling = spec.strategy?.rollingUpdate;
  if (rolling !== undefined && rolling !== null) {
    writer.field(
      0,
      'RollingUpdateStrategy',
      `${rolling.maxUnavailable ?? 0} max unavailable, ${rolling.maxSurge ?? 0} max surge`,
    );
  }
  describeTemplate(writer, spec.template);
  writeConditions(writer, status?.conditions);
  writeReplicaSets(writer, object, (facts.related['replicasets'] ?? []) as readonly ReplicaSet[]);
  writeEvents(writer, facts);
}

function writeReplicaSets(
  writer: DescribeWriter,
  owner: Deployment,
  sets: readonly ReplicaSet[],
): void {
  const own = sets.filter(({ metadata }) =>
    (metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.metadata.uid),
  );
  const revision = owner.metadata.annotations?.[revisionAnnotation];
  if (own.length === 0) return;
  const isNew = ({ metadata }: ReplicaSet): boolean =>
    metadata.annotations?.[revisionAnnotation] === revision;
  const text = (list: readonly ReplicaSet[]): string =>
    list.length === 0
      ? '<none>'
      : list
          .map(
            ({ metadata, spec, status }) =>
              `${metadata.name} (${status?.replicas ?? 0}/${spec?.replicas ?? 0} replicas created)`,
          )
          .join(', ');
  const byAge = own.toSorted((a, b) =>
    (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1,
  );
  writer.field(0, 'OldReplicaSets', text(byAge.filter((set) => !isNew(set))));
  writer.field(0, 'NewReplicaSet', text(byAge.filter(isNew)));
}

/** How many pods are in which phase. */
function podPhases(object: KubeObject, { related }: DescribeFacts): string {
  const pods = ((related['pods'] ?? []) as readonly Pod[]).filter(({ metadata }) =>
    (metadata.ownerReferences ?? []).some(
      ({ uid, controller }) => controller === true && uid === object.metadata.uid,
    ),
  );
  const count = (phase: string): number =>
    pods.filter(({ status }) => status?.phase === phase).length;
  return `${count('Running')} Running / ${count('Pending')} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`;
}

/** A ReplicaSet, or the older ReplicationController. */
export function describeReplicaSet(
  writer: DescribeWriter,
  object: ReplicaSet,
  facts: DescribeFacts,
): void {
  const { spec, status } = object;
  writeMetadata(writer, object);
  const selector = spec?.selector as Record<string, string> & { matchLabels?: object };
  const isPlain = object.kind === 'ReplicationController';
  writer.field(0, 'Selector', selectorText(isPlain ? { matchLabels: selector } : spec?.selector));
  writePairs(writer, object);
  const owner = controllerText(object);
  if (owner !== undefined) writer.field(0, 'Controlled By', owner);
  writer.field(0, 'Replicas', `${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`);
  writer.field(0, 'Pods Status', podPhases(object, facts));
  describeTemplate(writer, spec?.template);
  writeConditions(writer, status?.conditions);
  writeEvents(writer, facts);
}

/** A DaemonSet. */
export function describeDaemonSet(
  writer: DescribeWriter,
  object: DaemonSet,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  // As kubectl: what is counted stands in no column.
  writer.field(0, 'Name', metadata.name);
  writer.field(0, 'Namespace', metadata.namespace);
  writer.field(0, 'Selector', selectorText(spec.selector));
  const nodeSelector = (spec.template.spec as { nodeSelector?: Record<string, string> } | undefined)
    ?.nodeSelector;
  writer.field(0, 'Node-Selector', selectorText({ matchLabels: nodeSelector ?? {} }));
  writePairs(writer, object);
  for (const [title, count] of [
    ['Desired Number of Nodes Scheduled', status?.desiredNumberScheduled],
    ['Current Number of Nodes Scheduled', status?.currentNumberScheduled],
    ['Number of Nodes Scheduled with Up-to-date Pods', status?.updatedNumberScheduled],
    ['Number of Nodes Scheduled with Available Pods', status?.numberAvailable],
    ['Number of Nodes Misscheduled', status?.numberMisscheduled],
  ] as const) {
    writer.line(0, `${title}: ${count ?? 0}`);
  }
  writer.field(0, 'Pods Status', podPhases(object, facts));
  describeTemplate(writer, spec.template);
  writeEvents(writer, facts);
}

/** A StatefulSet. */
export function describeStatefulSet(
  writer: DescribeWriter,
  object: StatefulSet,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  writeMetadata(writer, object);
  writer.field(0, 'CreationTimestamp', longTime(metadata.creationTimestamp));
  writer.field(0, 'Selector', selectorText(spec.selector));
  writePairs(writer, object);
  writer.field(0, 'Replicas', `${spec.replicas ?? 1} desired | ${status?.replicas ?? 0} total`);
  writer.field(0, 'Update Strategy', spec.updateStrategy?.type ?? '');
  const partition = spec.updateStrategy?.rollingUpdate?.partition;
  if (partition !== undefined) writer.field(1, 'Partition', partition);
  writer.field(0, 'Pods Status', podPhases(object, facts));
  describeTemplate(writer, spec.template);
  writeClaims(writer, spec);
  writeEvents(writer, facts);
}

function writeClaims(
  writer: DescribeWriter,
  { volumeClaimTemplates = [] }: StatefulSet['spec'],
): void {
  if (volumeClaimTemplates.length === 0) {
    writer.line(0, 'Volume Claims:\t<none>');
    return;
  }
  writer.line(0, 'Volume Claims:');
  for (const { metadata, spec } of volumeClaimTemplates as readonly (KubeObject & {
    spec?: {
      storageClassName?: string;
      accessModes?: string[];
      resources?: { requests?: Record<string, string> };
    };
  })[]) {
    writer.field(1, 'Name', metadata.name);
    writer.field(1, 'StorageClass', spec?.storageClassName ?? '');
    writeLabels(writer, '  Labels', metadata.labels);
    writeLabels(writer, '  Annotations', metadata.annotations);
    writer.field(1, 'Capacity', spec?.resources?.requests?.['storage'] ?? '<default>');
    writer.field(1, 'Access Modes', `[${(spec?.accessModes ?? []).join(' ')}]`);
  }
}
