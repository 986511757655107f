/** Rules for the fields of pods that came after the first ones: gates, spreading, resizing, sleeping hooks. */
import {
  at,
  child,
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { GoSyntax } from '../go-text/syntax.js';
import { given } from '../schema/node.js';
import type { Container, PodSpec } from '../types/core.js';
import { qualifiedNameErrors } from '../validation/names.js';

const defaultGraceSeconds = 30;

/** The error of a new pod that is placed already although gates hold it; templates may say both. */
export function gatedNodeErrors({ nodeName = '', schedulingGates = [] }: PodSpec): FieldError[] {
  if (schedulingGates.length === 0 || nodeName === '') return [];
  return [forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')];
}

/** Adds what is wrong with the gates that hold a pod from being scheduled. */
export function checkGates(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const gates = spec.schedulingGates ?? [];
  const names = new Set<string>();
  for (const [index, gate] of gates.entries()) {
    const here = at(child(path, 'schedulingGates'), index);
    const { name = '' } = given(gate);
    for (const text of qualifiedNameErrors(name)) errors.push(invalid(here, name, text));
    if (names.has(name)) errors.push(duplicate(here, name));
    names.add(name);
  }
}

type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

/** Adds what is wrong between the fields of one constraint. */
export function checkSpreadFields(item: Spread, path: FieldPath, errors: FieldError[]): void {
  const { minDomains, whenUnsatisfiable, labelSelector, matchLabelKeys = [] } = item;
  if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule') {
    const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`;
    errors.push(invalid(child(path, 'minDomains'), minDomains, text));
  }
  const here = child(path, 'matchLabelKeys');
  if (matchLabelKeys.length === 0) return;
  if (labelSelector === undefined) {
    errors.push(forbidden(here, 'must not be specified when labelSelector is not set'));
    return;
  }
  const selected = new Set([
    ...Object.keys(labelSelector.matchLabels ?? {}),
    ...(labelSelector.matchExpressions ?? []).map(({ key }) => key),
  ]);
  for (const [index, key] of matchLabelKeys.entries()) {
    if (!selected.has(key)) continue;
    errors.push(invalid(at(here, index), key, 'exists in both matchLabelKeys and labelSelector'));
  }
}

/** Adds what is wrong with hooks that sleep longer than the pod may take to end. */
export function checkSleeps(
  container: Container,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  const grace = Number(spec.terminationGracePeriodSeconds ?? defaultGraceSeconds);
  for (const hook of ['postStart', 'preStop'] as const) {
    const { sleep } = container.lifecycle?.[hook] ?? {};
    if (sleep === undefined) continue;
    const seconds = Number(sleep.seconds ?? 0);
    if (seconds >= 0 && seconds <= grace) continue;
    const text = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
    const here = child(path, `lifecycle.${hook}.sleep`);
    errors.push(invalid(here, sleep.seconds, text));
  }
}

/** Adds what is wrong with what a resize does; errors name the list, but for what stands twice. */
export function checkResizePolicy(
  { resizePolicy = [] }: Container,
  { restartPolicy }: PodSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  const here = child(path, 'resizePolicy');
  const seen = new Set<string>();
  const check = (value: string, known: readonly string[], shown: unknown = value): void => {
    if ((value ?? '') === '') errors.push(required(here));
    else if (!known.includes(value)) errors.push(notSupported(here, shown, known));
  };
  for (const [index, item] of resizePolicy.entries()) {
    const { resourceName } = item;
    if (seen.has(resourceName)) errors.push(duplicate(at(here, index), new GoSyntax(resourceName)));
    seen.add(resourceName);
    check(resourceName, ['cpu', 'memory'], new GoSyntax(resourceName));
    check(item.restartPolicy, ['NotRequired', 'RestartContainer']);
    if (restartPolicy === 'Never' && item.restartPolicy !== 'NotRequired') {
      const text = "must be 'NotRequired' when `restartPolicy` is 'Never'";
      errors.push(invalid(here, item.restartPolicy, text));
    }
  }
}
