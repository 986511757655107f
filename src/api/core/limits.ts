/** ResourceQuota, LimitRange and ReplicationController. */
import { replicaSetStatusErrors } from '../apps/status-validation.js';
import { defineKind, scaleSubresource } from '../define.js';
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { GoSyntax, goStringMap } from '../go-text/syntax.js';
import { ageColumn, column, labelText, nameColumn, wide } from '../print/columns.js';
import { isOvercommitAllowed } from '../validation/resources.js';
import { parseQuantity } from '../quantity.js';
import type { LimitRange, ReplicationController, ResourceQuota } from '../types/core.js';
import { qualifiedNameErrors } from '../validation/names.js';
import { containerResourceErrors, resourceNameErrors } from '../validation/resource-names.js';
import { limitRangeSchema, resourceQuotaSchema } from './config-schemas.js';
import { setPodSpecDefaults } from './pod-defaults.js';
import { validatePodTemplate } from './pod-validation.js';
import { templateWarnings } from './pod-warnings.js';
import { templateColumns } from './pod.js';
import { validateQuota, validateQuotaUpdate } from './quota-validation.js';
import { replicationControllerSchema } from './replication-controller-schema.js';

const core = { group: '', version: 'v1' } as const;

function usage({ status }: ResourceQuota, keep: (name: string) => boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter(keep)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name] ?? '0'}`)
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
  validateUpdate: validateQuotaUpdate,
  columns: [
    nameColumn,
    column<ResourceQuota>('Request', (quota) =>
      usage(quota, (name) => !name.startsWith('limits.')),
    ),
    column<ResourceQuota>('Limit', (quota) => usage(quota, (name) => name.startsWith('limits.'))),
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

/** The comparisons of one resource's amounts: the lower one, the higher one, and the field that the error names. */
const orders = [
  ['min', 'max', 'min'],
  ['min', 'defaultRequest', 'defaultRequest'],
  ['defaultRequest', 'max', 'defaultRequest'],
  ['defaultRequest', 'default', 'defaultRequest'],
  ['min', 'default', 'default'],
  ['default', 'max', 'default'],
] as const;

const names = {
  min: 'min',
  max: 'max',
  default: 'default',
  defaultRequest: 'default request',
} as const;

/** What containers and pods have limits of is what containers ask for. */
function checkNames(item: Limits, path: FieldPath): FieldError[] {
  const check = isOfPods(item) ? containerResourceErrors : resourceNameErrors;
  const fields = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
  return fields.flatMap((field) => {
    if (item.type === 'Pod' && field.startsWith('default')) return [];
    const resources = Object.keys(item[field] ?? {});
    return resources.flatMap((name) => check(name, at(child(path, field), name)));
  });
}

function isOfPods({ type }: Limits): boolean {
  return type === 'Container' || type === 'Pod';
}

function compareAll(item: Limits, path: FieldPath): FieldError[] {
  const fields = ['default', 'defaultRequest', 'max', 'maxLimitRequestRatio', 'min'] as const;
  const resources = new Set(fields.flatMap((field) => Object.keys(item[field] ?? {})));
  return [...resources].flatMap((name) => [
    ...compareAmounts(item, name, path),
    ...checkRatio(item, name, path),
  ]);
}

function compareAmounts(item: Limits, name: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [low, high, field] of orders) {
    const [a, b] = [item[low]?.[name], item[high]?.[name]];
    if (a === undefined || b === undefined) continue;
    const [left, right] = [parseQuantity(a), parseQuantity(b)];
    if (left === undefined || right === undefined || left.compare(right) <= 0) continue;
    const limit = low === 'defaultRequest' && high === 'default' ? 'default limit' : names[high];
    const shown =
      low === 'default' ? b : low === 'min' && high !== 'defaultRequest' ? a : item[field]?.[name];
    const text = `${names[low]} value ${a} is greater than ${limit} value ${b}`;
    errors.push(invalid(at(child(path, field), name), shown, text));
  }
  return [...errors, ...compareDefaults(item, name, path)];
}

/** What is not divided is asked for as a whole: of such a resource both defaults are one. */
function compareDefaults(item: Limits, name: string, path: FieldPath): FieldError[] {
  const [amount, request] = [item.default?.[name], item.defaultRequest?.[name]];
  if (isOvercommitAllowed(name) || amount === undefined || request === undefined) return [];
  const [left, right] = [parseQuantity(amount), parseQuantity(request)];
  if (left === undefined || right === undefined || left.compare(right) === 0) return [];
  const text = `default value ${amount} must equal to defaultRequest value ${request} in ${name}`;
  return [invalid(at(child(path, 'defaultRequest'), name), request, text)];
}

const milli = 1000;

/** A limit may be at most so many times the request; with both bounds there, they must allow it. */
function checkRatio(item: Limits, name: string, path: FieldPath): FieldError[] {
  const text = item.maxLimitRequestRatio?.[name];
  const ratio = text === undefined ? undefined : parseQuantity(text)?.milliValue();
  if (text === undefined || ratio === undefined) return [];
  const here = at(child(path, 'maxLimitRequestRatio'), name);
  const errors: FieldError[] = [];
  if (ratio < milli) errors.push(invalid(here, text, `ratio ${text} is less than 1`));
  const [min, max] = [item.min?.[name], item.max?.[name]].map((amount) =>
    amount === undefined ? undefined : parseQuantity(amount)?.milliValue(),
  );
  if (min === undefined || max === undefined) return errors;
  const greatest = max / min;
  if (ratio / milli > greatest) {
    errors.push(
      invalid(here, text, `ratio ${text} is greater than max/min = ${greatest.toFixed(6)}`),
    );
  }
  return errors;
}

/** What one type of limits may not have, or must. */
function checkType(item: Limits, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (item.type === 'Pod') {
    for (const field of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[field] ?? {}).length === 0) continue;
      const text = "may not be specified when `type` is 'Pod'";
      errors.push(forbidden(child(path, field), text));
    }
  }
  if (item.type === 'PersistentVolumeClaim') {
    if (item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
      const text = 'either minimum or maximum storage value is required, but neither was provided';
      errors.push(required(child(path, 'limits'), text));
    }
  }
  return errors;
}

function validateLimits({ spec }: LimitRange): FieldError[] {
  const types = new Set<string>();
  return (spec.limits ?? []).flatMap((item, index) => {
    const here = at('spec.limits', index);
    const path = child(here, 'type');
    const isKnown = ['Container', 'Pod', 'PersistentVolumeClaim'].includes(item.type);
    const errors = [...checkNames(item, here), ...compareAll(item, here), ...checkType(item, here)];
    const type = item.type ?? '';
    for (const text of qualifiedNameErrors(type)) errors.push(invalid(path, type, text));
    if (!isKnown && !type.includes('/') && qualifiedNameErrors(type).length === 0) {
      errors.push(invalid(path, type, 'must be a standard limit type or fully qualified'));
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
  allowCreateOnUpdate: true,
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
  if (spec.template !== undefined && !selector.every(([key, value]) => labels[key] === value)) {
    const text = '`selector` does not match template `labels`';
    const shown = new GoSyntax(goStringMap(spec.template.metadata?.labels));
    errors.push(invalid('spec.template.metadata.labels', shown, text));
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
  validateStatus: replicaSetStatusErrors,
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  schema: replicationControllerSchema,
  hasGeneration: true,
  subresources: [scaleSubresource()],
  defaultPropagation: 'Orphan',
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<ReplicationController>('spec.template', ({ spec }) => spec.template, {
    names: true,
  }),
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
