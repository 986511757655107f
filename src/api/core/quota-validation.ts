/** What a ResourceQuota may say. @see kubernetes ValidateResourceQuotaSpec */
import { semanticEqual } from '../equal.js';
import { at, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import type { ResourceQuota } from '../types/core.js';
import { isQuotaResource, quotaResourceErrors } from '../validation/resource-names.js';
import { checkAmount } from '../validation/resources.js';

type Spec = ResourceQuota['spec'];

const podResources = [
  'cpu',
  'limits.cpu',
  'limits.memory',
  'memory',
  'pods',
  'requests.cpu',
  'requests.memory',
] as const;

/** The resources of the cluster's own vocabulary that a quota of this scope may count. */
const scopes: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['BestEffort', new Set(['pods'])],
  ['CrossNamespacePodAffinity', new Set(podResources)],
  ['NotBestEffort', new Set(podResources)],
  ['NotTerminating', new Set(podResources)],
  ['PriorityClass', new Set(podResources)],
  ['Terminating', new Set(podResources)],
  ['VolumeAttributesClass', new Set(['persistentvolumeclaims', 'requests.storage'])],
]);

/** Scopes of which a quota has one at most. */
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['NotTerminating', 'Terminating'],
] as const;

/** Scopes that say yes or no: they go with Exists only. */
const scopesWithoutValues = ['BestEffort', 'NotBestEffort', 'NotTerminating', 'Terminating'];

/** The errors of a quota. */
export function validateQuota({ spec, status }: ResourceQuota): FieldError[] {
  return [
    ...checkAmounts(spec.hard, 'spec.hard'),
    ...checkScopes(spec),
    ...checkSelector(spec),
    ...checkAmounts(status?.hard, 'status.hard'),
    ...checkAmounts(status?.used, 'status.used'),
  ];
}

/** The errors of a change. */
export function validateQuotaUpdate(next: ResourceQuota, old: ResourceQuota): FieldError[] {
  if (semanticEqual(sorted(next.spec.scopes), sorted(old.spec.scopes))) return [];
  return [invalid('spec.scopes', next.spec.scopes ?? [], 'field is immutable')];
}

function sorted(list: readonly string[] | undefined): readonly string[] {
  return [...new Set(list)].sort();
}

function checkAmounts(
  list: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, amount]) => {
    const here = at(path, name);
    const errors = quotaResourceErrors(name, here);
    checkAmount(name, amount, here, errors);
    return errors;
  });
}

/** Most errors of this kind: there may be as many as scopes times resources, and no more than these are ever shown. */
const maxMisfits = 1_000;

/** Adds `error` for each resource that a quota of a scope must not count; those of a scope are counted once. */
function misfits({ hard }: Spec, error: FieldError) {
  const names = Object.keys(hard ?? {}).filter(isQuotaResource);
  const counts = new Map<string, number>();
  let left = maxMisfits;
  return (scope: string, errors: FieldError[]): void => {
    const fitting = scopes.get(scope);
    if (fitting === undefined) return;
    const count = counts.get(scope) ?? names.filter((name) => !fitting.has(name)).length;
    counts.set(scope, count);
    for (let more = Math.min(count, left); more > 0; more--, left--) errors.push(error);
  };
}

/** The value is the whole list each time; it is written out once for each text. */
function checkScopes(spec: Spec): FieldError[] {
  const names = spec.scopes ?? [];
  if (names.length === 0) return [];
  const error = (text: string): FieldError => invalid('spec.scopes', names, text);
  const strange = error('unsupported scope');
  const addMisfits = misfits(spec, error('unsupported scope applied to resource'));
  const errors: FieldError[] = [];
  for (const scope of names) {
    if (!scopes.has(scope)) errors.push(strange);
    addMisfits(scope, errors);
  }
  for (const pair of opposites) {
    if (pair.every((scope) => names.includes(scope))) errors.push(error('conflicting scopes'));
  }
  return errors;
}

/** Errors name the list, not the item. */
function checkSelector(spec: Spec): FieldError[] {
  const items = spec.scopeSelector?.matchExpressions ?? [];
  const path = 'spec.scopeSelector.matchExpressions';
  const errors: FieldError[] = [];
  if (items.length === 0) return errors;
  const misfit = invalid(path, spec.scopeSelector, 'unsupported scope applied to resource');
  const addMisfits = misfits(spec, misfit);
  for (const item of items) {
    const { scopeName = '' } = given(item);
    if (!scopes.has(scopeName)) {
      errors.push(invalid(`${path}.scopeName`, scopeName, 'unsupported scope'));
    }
    addMisfits(scopeName, errors);
    checkScope(item, path, errors);
  }
  const names = items.map(({ scopeName }) => scopeName);
  for (const pair of opposites) {
    if (pair.every((scope) => names.includes(scope))) {
      errors.push(invalid('spec.scopes', spec.scopes, 'conflicting scopes'));
    }
  }
  return errors;
}

type ScopeRequirement = NonNullable<NonNullable<Spec['scopeSelector']>['matchExpressions']>[number];

function checkScope(item: ScopeRequirement, path: FieldPath, errors: FieldError[]): void {
  const { scopeName = '', operator = '', values = [] } = given(item);
  if (scopesWithoutValues.includes(scopeName) && operator !== 'Exists') {
    const text =
      "must be 'Exist' only operator when scope is any of ResourceQuotaScopeTerminating, " +
      'ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ' +
      'ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity';
    errors.push(invalid(`${path}.operator`, operator, text));
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length > 0) return;
    const text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    errors.push(required(`${path}.values`, text));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length === 0) return;
    const text =
      "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
    errors.push(invalid(`${path}.values`, values, text));
  } else errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
}
