/**
 * Computes the pods of a PodDisruptionBudget that may be evicted now. Pure.
 * @see kubernetes pkg/controller/disruption
 */
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { isPodReady } from '../../../api/facts/pods.js';
import { formatTime, parseTime } from '../../../api/facts/time.js';
import { withCondition } from '../../../api/facts/conditions.js';
import { controllerOf } from '../../../api/object.js';
import type { LabelSelector, Pod } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import { disruptionConditions } from '../../../api/facts/disruption.js';

/** An eviction that the API server let through and whose pod is still there counts for so long (DeletionTimeout). */
const disruptedMs = 2 * 60_000;

/** Tells whether a budget is counted against what the pods' controllers want. */
function usesScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string';
}

/** The wanted size of what controls a pod; undefined for a controller that tells none. */
export type ScaleOf = (pod: Pod) => { readonly uid: string; readonly replicas: number } | undefined;

/** What the pods' controllers want in all, and the pods that have none; or why nobody knows. */
export type Size =
  { readonly scale: number; readonly unmanaged: readonly string[] } | { readonly failure: string };

const unscaled: Readonly<Record<string, string>> = {
  DaemonSet: 'daemonsets.apps',
  Job: 'jobs.batch',
  Node: 'nodes',
};

/** Sums up what the pods' controllers want, where the budget needs to know it. */
export function sizeOf(budget: PodDisruptionBudget, pods: readonly Pod[], scaleOf: ScaleOf): Size {
  if (!usesScale(budget)) return { scale: 0, unmanaged: [] };
  const scales = new Map<string, number>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const { name } = pod.metadata;
    const reference = controllerOf(pod);
    if (reference === undefined) {
      unmanaged.push(name);
      continue;
    }
    const kind = unscaled[reference.kind];
    if (kind !== undefined) {
      return { failure: `${kind} does not implement the scale subresource` };
    }
    const found = scaleOf(pod);
    if (found === undefined) return { failure: `found no controllers for pod "${name}"` };
    scales.set(found.uid, found.replicas);
  }
  const scale = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  return { scale, unmanaged };
}

/** The status of a budget that cannot be counted: nothing may be evicted. */
export function failedBudget(
  budget: PodDisruptionBudget,
  message: string,
  nowMs: number,
): NonNullable<PodDisruptionBudget['status']> {
  const { status } = budget;
  const observedGeneration = status?.observedGeneration ?? 0;
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message,
    ...(observedGeneration === 0 ? {} : { observedGeneration }),
    lastTransitionTime: formatTime(nowMs),
  };
  return {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...status,
    disruptionsAllowed: 0,
    conditions: withCondition(status?.conditions, condition, formatTime(nowMs)),
  };
}

/** The event about pods that nobody controls, with the selector as Go prints it. */
export function unmanagedMessage({ spec: { selector } }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${goSelector(selector)}) were found to be unmanaged. ` +
    'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}

function goSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const requirements = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return (
    `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},` +
    `MatchExpressions:[]LabelSelectorRequirement{${requirements.join('')}},}`
  );
}

/** The next step of a budget. */
export interface BudgetPlan {
  readonly status: NonNullable<PodDisruptionBudget['status']>;
  /** Pods that should have gone long ago and did not. */
  readonly left: readonly Pod[];
  readonly recheckMs?: number;
}

/** The budget's status. @param scale how many pods their controllers want in all */
export function planBudget(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  nowMs: number,
): BudgetPlan {
  const { minAvailable, maxUnavailable } = budget.spec;
  // A budget that says neither wants nothing, and allows nothing.
  const isBlank = minAvailable === undefined && maxUnavailable === undefined;
  const expectedPods = isBlank ? 0 : usesScale(budget) ? scale : pods.length;
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, 'up'))
      : scaledValue(minAvailable ?? 0, expectedPods, 'up');
  const disrupted: Record<string, string> = {};
  const left: Pod[] = [];
  let recheckMs = Number.POSITIVE_INFINITY;
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const leftMs = (parseTime(time) ?? 0) + disruptedMs - nowMs;
    const pod = pods.find((candidate) => candidate.metadata.name === name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    if (leftMs < 0) {
      left.push(pod);
      continue;
    }
    disrupted[name] = time;
    recheckMs = Math.min(recheckMs, leftMs);
  }
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      disrupted[pod.metadata.name] === undefined &&
      isPodReady(pod),
  ).length;
  const allowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const status = {
    observedGeneration: budget.metadata.generation ?? 0,
    disruptionsAllowed: allowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
    conditions: disruptionConditions(budget, allowed, formatTime(nowMs)),
  };
  return { status, left, ...(Number.isFinite(recheckMs) ? { recheckMs } : {}) };
}
