/** Deployment, ReplicaSet, StatefulSet, DaemonSet, ControllerRevision. */
import { beginTemplateGeneration, countTemplateGeneration } from '../facts/template-generation.js';
import {
  daemonSetStatusErrors,
  deploymentStatusErrors,
  replicaSetStatusErrors,
  statefulSetStatusErrors,
} from './status-validation.js';
import { defineKind, scaleSubresource } from '../define.js';
import { semanticEqual } from '../equal.js';
import { forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { setPodSpecDefaults } from '../core/pod-defaults.js';
import { templateColumns } from '../core/pod.js';
import { templateWarnings } from '../core/pod-warnings.js';
import { formatSelector } from '../facts/selectors.js';
import { ageColumn, column, labelText, nameColumn, wide } from '../print/columns.js';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../types/workloads.js';
import { controllerOf, isJsonObject } from '../object.js';
import {
  controllerRevisionSchema,
  daemonSetSchema,
  deploymentSchema,
  replicaSetSchema,
  statefulSetSchema,
} from './schemas.js';
import { dnsLabel } from '../validation/names.js';
import {
  daemonRollingErrors,
  deploymentRollingErrors,
  statefulRollingErrors,
  validateSelectorUpdate,
  validateWorkload,
} from './validation.js';

const apps = { group: 'apps', version: 'v1', categories: ['all'], hasGeneration: true } as const;
const strategies = ['Recreate', 'RollingUpdate'];
const updateStrategies = ['RollingUpdate', 'OnDelete'];
const deploymentCells = templateColumns<Deployment>((object) => object.spec.template);
const replicaSetCells = templateColumns<ReplicaSet>((object) => object.spec.template);
const statefulSetCells = templateColumns<StatefulSet>((object) => object.spec.template);
const daemonSetCells = templateColumns<DaemonSet>((object) => object.spec.template);

function validateDeployment(deployment: Deployment): FieldError[] {
  const { spec } = deployment;
  const errors = validateWorkload(spec, 'ReplicaSet');
  const type = spec.strategy?.type ?? 'RollingUpdate';
  if (!strategies.includes(type)) {
    errors.push(notSupported('spec.strategy', spec.strategy, strategies));
  }
  if (type === 'Recreate' && spec.strategy?.rollingUpdate !== undefined) {
    const text = "may not be specified when strategy `type` is 'Recreate'";
    errors.push(forbidden('spec.strategy.rollingUpdate', text));
  }
  if (type === 'RollingUpdate') {
    const path = 'spec.strategy.rollingUpdate';
    errors.push(...deploymentRollingErrors(spec.strategy?.rollingUpdate, path));
  }
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    const text = 'must be greater than minReadySeconds';
    errors.push(invalid('spec.progressDeadlineSeconds', deadline, text));
  }
  return errors;
}

/** Deployment. */
export const deploymentKind = defineKind<Deployment>({
  statusKeeps: 'labels',
  ...apps,
  kind: 'Deployment',
  validateStatus: deploymentStatusErrors,
  plural: 'deployments',
  shortNames: ['deploy'],
  schema: deploymentSchema,
  prepareUpdate: ({ metadata }, old) => {
    // A rollout's pause and cause stood in annotations once: they count as changes of what is wanted.
    if (semanticEqual(metadata.annotations, old.metadata.annotations)) return;
    metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  subresources: [scaleSubresource()],
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<Deployment>('spec.template', ({ spec }) => spec.template, {
    names: true,
  }),
  setDefaults: ({ spec }) => {
    setPodSpecDefaults(spec.template?.spec);
    if (spec.strategy?.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    }
  },
  validate: validateDeployment,
  validateUpdate: (next, old) => validateSelectorUpdate(next.spec.selector, old.spec.selector),
  columns: [
    nameColumn,
    column<Deployment>(
      'Ready',
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    ),
    column<Deployment>('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
    column<Deployment>('Available', ({ status }) => status?.availableReplicas ?? 0),
    ageColumn,
    wide<Deployment>('Containers', deploymentCells.names),
    wide<Deployment>('Images', deploymentCells.images),
    wide<Deployment>('Selector', ({ spec }) => formatSelector(spec.selector)),
  ],
});

/** ReplicaSet. */
export const replicaSetKind = defineKind<ReplicaSet>({
  ...apps,
  kind: 'ReplicaSet',
  validateStatus: replicaSetStatusErrors,
  plural: 'replicasets',
  shortNames: ['rs'],
  schema: replicaSetSchema,
  subresources: [scaleSubresource()],
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<ReplicaSet>('spec.template', ({ spec }) => spec.template, {
    names: true,
  }),
  setDefaults: ({ spec }) => setPodSpecDefaults(spec.template?.spec),
  validate: ({ spec }) => validateWorkload(spec, 'ReplicaSet'),
  validateUpdate: (next, old) => validateSelectorUpdate(next.spec.selector, old.spec.selector),
  columns: [
    nameColumn,
    column<ReplicaSet>('Desired', ({ spec }) => spec.replicas ?? 0, { type: 'integer' }),
    column<ReplicaSet>('Current', ({ status }) => status?.replicas ?? 0, { type: 'integer' }),
    column<ReplicaSet>('Ready', ({ status }) => status?.readyReplicas ?? 0, { type: 'integer' }),
    ageColumn,
    wide<ReplicaSet>('Containers', replicaSetCells.names),
    wide<ReplicaSet>('Images', replicaSetCells.images),
    wide<ReplicaSet>('Selector', ({ spec }) => formatSelector(spec.selector)),
  ],
});

const statefulSetText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', " +
  "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and " +
  "'minReadySeconds' are forbidden";
const statefulSetMutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

function validateStatefulSetUpdate(next: StatefulSet, old: StatefulSet): FieldError[] {
  const probe = { ...next.spec };
  const before: StatefulSet['spec'] = { ...old.spec };
  for (const name of statefulSetMutable) {
    delete (probe as Partial<typeof probe>)[name];
    delete (before as Partial<typeof before>)[name];
  }
  return semanticEqual(probe, before) ? [] : [forbidden('spec', statefulSetText)];
}

function setStatefulSetDefaults({ spec }: StatefulSet): void {
  setPodSpecDefaults(spec.template?.spec);
  if (spec.updateStrategy?.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= { whenDeleted: 'Retain', whenScaled: 'Retain' };
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.status = { ...claim.status, phase: claim.status?.phase ?? 'Pending' };
  }
}

function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const errors = validateWorkload(spec, 'StatefulSet');
  const policy = spec.podManagementPolicy ?? 'OrderedReady';
  if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    const text = "must be 'OrderedReady' or 'Parallel'";
    errors.push(invalid('spec.podManagementPolicy', policy, text));
  }
  const type = spec.updateStrategy?.type ?? '';
  if (!updateStrategies.includes(type)) {
    errors.push(
      invalid('spec.updateStrategy', spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"),
    );
  } else if (type === 'OnDelete' && spec.updateStrategy?.rollingUpdate !== undefined) {
    const text = "only allowed for updateStrategy 'RollingUpdate'";
    errors.push(
      invalid('spec.updateStrategy.rollingUpdate', spec.updateStrategy.rollingUpdate, text),
    );
  } else if (type === 'RollingUpdate') {
    const path = 'spec.updateStrategy.rollingUpdate';
    errors.push(...statefulRollingErrors(spec.updateStrategy?.rollingUpdate, path));
  }
  return errors;
}

/** The name stays, and one from before it was checked may. */
function validateServiceName({ spec }: StatefulSet): FieldError[] {
  const { serviceName = '' } = spec;
  if (serviceName === '') return [];
  return dnsLabel(serviceName).map((text) => invalid('spec.serviceName', serviceName, text));
}

/** StatefulSet. */
export const statefulSetKind = defineKind<StatefulSet>({
  ...apps,
  kind: 'StatefulSet',
  validateStatus: statefulSetStatusErrors,
  plural: 'statefulsets',
  shortNames: ['sts'],
  schema: statefulSetSchema,
  subresources: [scaleSubresource()],
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<StatefulSet>('spec.template', ({ spec }) => spec.template, {
    names: false,
  }),
  setDefaults: setStatefulSetDefaults,
  validate: validateStatefulSet,
  validateCreate: (object) => validateServiceName(object as StatefulSet),
  validateUpdate: validateStatefulSetUpdate,
  columns: [
    nameColumn,
    column<StatefulSet>(
      'Ready',
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    ),
    ageColumn,
    wide<StatefulSet>('Containers', statefulSetCells.names),
    wide<StatefulSet>('Images', statefulSetCells.images),
  ],
});

function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const errors = validateWorkload(spec, 'DaemonSet');
  const type = spec.updateStrategy?.type ?? '';
  if (!updateStrategies.includes(type)) {
    errors.push(notSupported('spec.updateStrategy', spec.updateStrategy, updateStrategies));
  } else if (type === 'RollingUpdate') {
    const path = 'spec.updateStrategy.rollingUpdate';
    errors.push(...daemonRollingErrors(spec.updateStrategy?.rollingUpdate, path));
  }
  return errors;
}

function countColumn(
  name: string,
  read: (status: NonNullable<DaemonSet['status']>) => number | undefined,
) {
  return column<DaemonSet>(name, ({ status }) => (status && read(status)) ?? 0, {
    type: 'integer',
  });
}

/** DaemonSet. */
export const daemonSetKind = defineKind<DaemonSet>({
  ...apps,
  kind: 'DaemonSet',
  validateStatus: daemonSetStatusErrors,
  plural: 'daemonsets',
  shortNames: ['ds'],
  schema: daemonSetSchema,
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<DaemonSet>('spec.template', ({ spec }) => spec.template, {
    names: false,
  }),
  prepareCreate: beginTemplateGeneration,
  prepareUpdate: countTemplateGeneration,
  setDefaults: ({ spec }) => {
    setPodSpecDefaults(spec.template?.spec);
    if (spec.updateStrategy?.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
  },
  validate: validateDaemonSet,
  validateUpdate: (next, old) => validateSelectorUpdate(next.spec.selector, old.spec.selector),
  columns: [
    nameColumn,
    countColumn('Desired', (status) => status.desiredNumberScheduled),
    countColumn('Current', (status) => status.currentNumberScheduled),
    countColumn('Ready', (status) => status.numberReady),
    countColumn('Up-to-date', (status) => status.updatedNumberScheduled),
    countColumn('Available', (status) => status.numberAvailable),
    column<DaemonSet>('Node Selector', ({ spec }) => labelText(spec.template.spec.nodeSelector)),
    ageColumn,
    wide<DaemonSet>('Containers', daemonSetCells.names),
    wide<DaemonSet>('Images', daemonSetCells.images),
    wide<DaemonSet>('Selector', ({ spec }) => formatSelector(spec.selector)),
  ],
});

/** ControllerRevision. */
export const controllerRevisionKind = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  schema: controllerRevisionSchema,
  validateCreate: (object) => {
    const { data } = object as ControllerRevision;
    if (data === undefined || data === null) return [required('data', 'data is mandatory')];
    return isJsonObject(data) ? [] : [required('data', 'data must be a valid JSON object')];
  },
  validateUpdate: (next, old) =>
    semanticEqual(next.data, old.data)
      ? []
      : [invalid('data', next.data ?? {}, 'field is immutable')],
  columns: [
    nameColumn,
    column<ControllerRevision>('Controller', (object) => {
      const owner = controllerOf(object);
      if (owner === undefined) return '<none>';
      const [group, rest] = owner.apiVersion.split('/');
      const suffix = rest === undefined ? '' : `.${group}`;
      return `${owner.kind.toLowerCase()}${suffix}/${owner.name}`;
    }),
    column<ControllerRevision>('Revision', (object) => object.revision),
    ageColumn,
  ],
});
