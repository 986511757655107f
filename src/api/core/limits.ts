/** ResourceQuota, LimitRange and ReplicationController. */
import { defineKind, scaleSubresource } from '../define.js';
import { at, child, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, labelText, nameColumn, wide } from '../print/columns.js';
import { parseQuantity } from '../quantity.js';
import type { LimitRange, ReplicationController, ResourceQuota } from '../types/core.js';
import { qualifiedNameErrors } from '../validation/names.js';
import { limitRangeSchema, resourceQuotaSchema } from './config-schemas.js';
import { setPodSpecDefaults } from './pod-defaults.js';
import { validatePodTemplate } from './pod-validation.js';
import { templateColumns } from './pod.js';
import { replicationControllerSchema } from './replication-controller-schema.js';

const core = { group: '', version: 'v1' } as const;
const scopes = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

function validateQuota({ spec }: ResourceQuota): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(spec.hard ?? {})) {
    const path = at('spec.hard', name);
    for (const text of qualifiedNameErrors(name)) errors.push(invalid(path, name, text));
    if ((parseQuantity(amount)?.sign() ?? 0) < 0) {
      errors.push(invalid(path, amount, 'must be greater than or equal to 0'));
    }
  }
  const strange = (spec.scopes ?? []).filter((scope) => !scopes.includes(scope));
  // One error each, as Kubernetes has it; the list that they all show is written out once.
  const unsupported = invalid(
    'spec.scopes',
    strange.length === 0 ? [] : spec.scopes,
    'unsupported scope',
  );
  for (const _ of strange) errors.push(unsupported);
  return errors;
}

function usage({ spec, status }: ResourceQuota, keep: (name: string) => boolean): string {
  return Object.keys(spec.hard ?? {})
    .filter(keep)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${spec.hard?.[name] ?? '0'}`)
    .join(', ');
}

/** ResourceQuota. */
export const resourceQuotaKind = defineKind<ResourceQuota>({
  ...core,
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  schema: resourceQuotaSchema,
  validate: validateQuota,
  columns: [
    nameColumn,
    column<ResourceQuota>('Request', (quota) => usage(quota, (name) => !name.startsWith('limits'))),
    column<ResourceQuota>('Limit', (quota) => usage(quota, (name) => name.startsWith('limits'))),
    ageColumn,
  ],
});

type Limits = LimitRange['spec']['limits'][number];

function setLimitDefaults(item: Limits): void {
  if (item.type !== 'Container') return;
  item.default = { ...item.max, ...item.default };
  const min = item.min ?? {};
  item.defaultRequest = { ...min, ...item.default, ...item.defaultRequest };
  if (Object.keys(item.default).length === 0) delete item.default;
  if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
}

function compareAll(item: Limits, index: number): FieldError[] {
  const errors: FieldError[] = [];
  const path = at('spec.limits', index);
  const order = ['min', 'defaultRequest', 'default', 'max'] as const;
  for (const name of new Set(order.flatMap((field) => Object.keys(item[field] ?? {})))) {
    for (const [position, low] of order.entries()) {
      for (const high of order.slice(position + 1)) {
        const [a, b] = [item[low]?.[name], item[high]?.[name]];
        if (a === undefined || b === undefined) continue;
        const [left, right] = [parseQuantity(a), parseQuantity(b)];
        if (left === undefined || right === undefined || left.compare(right) <= 0) continue;
        const text = `${textOfField(low)} value ${a} is greater than ${textOfField(high)} value ${b}`;
        errors.push(invalid(at(child(path, low), name), a, text));
      }
    }
  }
  return errors;
}

function textOfField(field: string): string {
  return field === 'defaultRequest' ? 'default request' : field;
}

function validateLimits({ spec }: LimitRange): FieldError[] {
  const types = new Set<string>();
  return (spec.limits ?? []).flatMap((item, index) => {
    const path = child(at('spec.limits', index), 'type');
    const isKnown = ['Container', 'Pod', 'PersistentVolumeClaim'].includes(item.type);
    const errors = compareAll(item, index);
    if (!isKnown && item.type !== undefined && !item.type.includes('/')) {
      errors.push(invalid(path, item.type, 'must be a standard limit type or fully qualified'));
    }
    if (types.has(item.type)) {
      errors.push({
        type: 'FieldValueDuplicate',
        field: path,
        body: `Duplicate value: "${item.type}"`,
      });
    }
    types.add(item.type);
    return errors;
  });
}

/** LimitRange. */
export const limitRangeKind = defineKind<LimitRange>({
  ...core,
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  schema: limitRangeSchema,
  setDefaults: ({ spec }) => spec.limits?.forEach(setLimitDefaults),
  validate: validateLimits,
  columns: [
    nameColumn,
    column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' }),
  ],
});

function validateController({ spec }: ReplicationController): FieldError[] {
  const errors: FieldError[] = [];
  const selector = Object.entries(spec.selector ?? {});
  if (selector.length === 0) errors.push(required('spec.selector'));
  if (spec.template === undefined) errors.push(required('spec.template'));
  validatePodTemplate(spec.template, 'spec.template', errors);
  const labels = spec.template?.metadata?.labels ?? {};
  if (!selector.every(([key, value]) => labels[key] === value)) {
    const text = '`selector` does not match template `labels`';
    errors.push(invalid('spec.template.metadata.labels', labels, text));
  }
  const policy = spec.template?.spec.restartPolicy ?? 'Always';
  if (policy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  }
  return errors;
}

const cells = templateColumns<ReplicationController>((object) => object.spec.template);

/** ReplicationController. */
export const replicationControllerKind = defineKind<ReplicationController>({
  ...core,
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  schema: replicationControllerSchema,
  hasGeneration: true,
  subresources: [scaleSubresource()],
  setDefaults: ({ metadata, spec }) => {
    setPodSpecDefaults(spec.template?.spec);
    const labels = spec.template?.metadata?.labels;
    if (labels === undefined) return;
    spec.selector ??= { ...labels };
    metadata.labels ??= { ...labels };
  },
  validate: validateController,
  fields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  columns: [
    nameColumn,
    column<ReplicationController>('Desired', ({ spec }) => spec.replicas ?? 0, { type: 'integer' }),
    column<ReplicationController>('Current', ({ status }) => status?.replicas ?? 0, {
      type: 'integer',
    }),
    column<ReplicationController>('Ready', ({ status }) => status?.readyReplicas ?? 0, {
      type: 'integer',
    }),
    ageColumn,
    wide<ReplicationController>('Containers', cells.names),
    wide<ReplicationController>('Images', cells.images),
    wide<ReplicationController>('Selector', ({ spec }) => labelText(spec.selector)),
  ],
});
