/** The spec of a job, beside its template of pods. @see kubernetes pkg/apis/batch/validation */
import { at, child, duplicate, invalid, notSupported, required, tooLong } from '../field-error.js';
import { tooMany } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import type { Job } from '../types/workloads.js';
import { checkDomainPath } from '../validation/domain-path.js';
import { qualifiedNameErrors } from '../validation/names.js';
import { readIndexList } from './index-list.js';

type Spec = Job['spec'];
type FailureRule = NonNullable<Spec['podFailurePolicy']>['rules'][number];
type SuccessRule = NonNullable<Spec['successPolicy']>['rules'][number];

const maxManagedByBytes = 63;
const maxIndexes = 100_000;
/** Of jobs with more completions than that, and a limit of failures an index. */
const maxOfMany = 10_000;
const maxRules = 20;
const maxExitCodes = 255;
const maxIndexListBytes = 64 * 1024;

const needsIndexes = 'requires indexed completion mode';

/** The errors of a job's own fields. */
export function jobFieldErrors(spec: Spec, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(
      required(child(path, 'backoffLimitPerIndex'), 'when maxFailedIndexes is specified'),
    );
  }
  if (spec.managedBy !== undefined) checkManager(spec.managedBy, path, errors);
  if (spec.completionMode === 'Indexed') checkIndexed(spec, path, errors);
  else if (spec.completionMode === 'NonIndexed') checkPlain(spec, path, errors);
  checkFailurePolicy(spec, child(path, 'podFailurePolicy'), errors);
  checkSuccessPolicy(spec, child(path, 'successPolicy'), errors);
  const replacements =
    spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  const { podReplacementPolicy: policy } = spec;
  if (policy !== undefined && !replacements.includes(policy)) {
    errors.push(notSupported(child(path, 'podReplacementPolicy'), policy, replacements));
  }
  return errors;
}

function checkManager(name: string, path: FieldPath, errors: FieldError[]): void {
  const here = child(path, 'managedBy');
  checkDomainPath(name, here, errors);
  if (Buffer.byteLength(name) > maxManagedByBytes) errors.push(tooLong(here, maxManagedByBytes));
}

function checkIndexed(spec: Spec, path: FieldPath, errors: FieldError[]): void {
  const { completions, parallelism = 0, maxFailedIndexes: failed } = spec;
  const atMost = (name: 'maxFailedIndexes' | 'parallelism', text: string): void => {
    errors.push(invalid(child(path, name), spec[name], `must be less than or equal to ${text}`));
  };
  if (completions === undefined) {
    errors.push(required(child(path, 'completions'), 'when completion mode is Indexed'));
  }
  if (parallelism > maxIndexes) {
    atMost('parallelism', `${maxIndexes} when completion mode is Indexed`);
  }
  if (failed !== undefined) {
    if (completions !== undefined && failed > completions)
      atMost('maxFailedIndexes', 'completions');
    if (failed > maxIndexes) atMost('maxFailedIndexes', `${maxIndexes}`);
  }
  if ((completions ?? 0) <= maxIndexes || spec.backoffLimitPerIndex === undefined) return;
  if (failed === undefined) {
    const text = `must be specified when completions is above ${maxIndexes}`;
    errors.push(required(child(path, 'maxFailedIndexes'), text));
  }
  const text = `${maxOfMany} when completions are above ${maxIndexes} and used with backoff limit per index`;
  if (parallelism > maxOfMany) atMost('parallelism', text);
  if ((failed ?? 0) > maxOfMany) atMost('maxFailedIndexes', text);
}

function checkPlain(spec: Spec, path: FieldPath, errors: FieldError[]): void {
  for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    if (spec[name] !== undefined) errors.push(invalid(child(path, name), spec[name], needsIndexes));
  }
}

function checkFailurePolicy(spec: Spec, path: FieldPath, errors: FieldError[]): void {
  const { rules = [] } = spec.podFailurePolicy ?? {};
  const here = child(path, 'rules');
  if (rules.length > maxRules) errors.push(tooMany(here, rules.length, maxRules));
  const pod = spec.template?.spec;
  const containers = [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])];
  const names = new Set(containers.map(({ name }) => name));
  for (const [index, rule] of rules.entries()) {
    const place = at(here, index);
    if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
      const text = 'requires the backoffLimitPerIndex to be set';
      errors.push(invalid(child(place, 'action'), rule.action, text));
    }
    checkFailureRule(rule, place, names, errors);
  }
}

function checkFailureRule(
  { onExitCodes, onPodConditions = [] }: FailureRule,
  path: FieldPath,
  names: ReadonlySet<string>,
  errors: FieldError[],
): void {
  const refuse = (text: string): void => {
    errors.push({ type: 'FieldValueInvalid', field: path, body: `Invalid value: ${text}` });
  };
  if (onExitCodes !== undefined) {
    checkExitCodes(onExitCodes, child(path, 'onExitCodes'), names, errors);
  }
  const here = child(path, 'onPodConditions');
  if (onPodConditions.length > maxRules) {
    errors.push(tooMany(here, onPodConditions.length, maxRules));
  }
  for (const [index, condition] of onPodConditions.entries()) {
    const { type = '', status = '' } = given(condition);
    const [ofType, ofStatus] = ['type', 'status'].map((name) => child(at(here, index), name));
    for (const text of qualifiedNameErrors(type)) errors.push(invalid(ofType ?? '', type, text));
    if (!['False', 'True', 'Unknown'].includes(status)) {
      errors.push(notSupported(ofStatus ?? '', status, ['False', 'True', 'Unknown']));
    }
  }
  if (onExitCodes !== undefined && onPodConditions.length > 0) {
    refuse('specifying both OnExitCodes and OnPodConditions is not supported');
  }
  if (onExitCodes === undefined && onPodConditions.length === 0) {
    refuse('specifying one of OnExitCodes and OnPodConditions is required');
  }
}

function checkExitCodes(
  { containerName, operator, values = [] }: Partial<NonNullable<FailureRule['onExitCodes']>>,
  path: FieldPath,
  names: ReadonlySet<string>,
  errors: FieldError[],
): void {
  if (containerName !== undefined && !names.has(containerName)) {
    const text = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalid(child(path, 'containerName'), containerName, text));
  }
  const here = child(path, 'values');
  if (values.length === 0) errors.push(invalid(here, values, 'at least one value is required'));
  if (values.length > maxExitCodes) errors.push(tooMany(here, values.length, maxExitCodes));
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      errors.push(invalid(at(here, index), value, 'must not be 0 for the In operator'));
    }
    if (seen.has(value)) errors.push(duplicate(at(here, index), value));
    seen.add(value);
  }
  const rises = values.every((value, index) => index === 0 || (values[index - 1] ?? 0) <= value);
  if (!rises) errors.push(invalid(here, values, 'must be ordered'));
}

function checkSuccessPolicy(spec: Spec, path: FieldPath, errors: FieldError[]): void {
  if (spec.successPolicy === undefined) return;
  if (spec.completionMode !== 'Indexed') {
    errors.push(invalid(path, spec.successPolicy, needsIndexes));
    return;
  }
  const { rules = [] } = spec.successPolicy as Partial<NonNullable<Spec['successPolicy']>>;
  const here = child(path, 'rules');
  if (rules.length === 0) {
    const text = 'at least one rules must be specified when the successPolicy is specified';
    errors.push(required(here, text));
  }
  if (rules.length > maxRules) errors.push(tooMany(here, rules.length, maxRules));
  for (const [index, rule] of rules.entries()) {
    checkSuccessRule(rule, at(here, index), spec.completions ?? 0, errors);
  }
}

function checkSuccessRule(
  { succeededCount: count, succeededIndexes: indexes }: SuccessRule,
  path: FieldPath,
  completions: number,
  errors: FieldError[],
): void {
  if (count === undefined && indexes === undefined) {
    const text = 'at least one of succeededCount or succeededIndexes must be specified';
    errors.push(required(path, text));
  }
  let total = 0;
  if (indexes !== undefined) {
    const here = child(path, 'succeededIndexes');
    if (indexes.length > maxIndexListBytes) errors.push(tooLong(here, maxIndexListBytes));
    const list = readIndexList(indexes, completions);
    if (list.fault === undefined) total = list.total;
    else errors.push(invalid(here, indexes, `error parsing succeededIndexes: ${list.fault}`));
  }
  if (count === undefined) return;
  const refuse = (text: string): void => {
    errors.push(invalid(child(path, 'succeededCount'), count, text));
  };
  if (count < 0) refuse('must be greater than or equal to 0');
  const atMost = 'must be less than or equal to';
  if (count > completions) {
    refuse(`${atMost} ${completions} (the number of specified completions)`);
  }
  if (indexes !== undefined && count > total) {
    refuse(`${atMost} ${total} (the number of indexes in the specified succeededIndexes field)`);
  }
}
