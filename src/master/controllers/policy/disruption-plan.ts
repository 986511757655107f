/**
 * Computes the pods of a PodDisruptionBudget that may be evicted now. Pure.
 * @see kubernetes pkg/controller/disruption
 */
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { isPodReady } from '../../../api/facts/pods.js';
import { formatTime, parseTime } from '../../../api/facts/time.js';
import type { Pod } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import { disruptionConditions } from '../../../api/facts/disruption.js';

/** An eviction that the API server let through and whose pod is still there counts for so long (DeletionTimeout). */
const disruptedMs = 2 * 60_000;

/** The budget's status. @param scale how many pods their controllers want in all */
export function planBudget(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  nowMs: number,
): { readonly status: NonNullable<PodDisruptionBudget['status']>; readonly recheckMs?: number } {
  const { minAvailable, maxUnavailable } = budget.spec;
  const expectedPods =
    maxUnavailable !== undefined || typeof minAvailable === 'string' ? scale : pods.length;
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, 'up'))
      : scaledValue(minAvailable ?? 1, expectedPods, 'up');
  const disrupted: Record<string, string> = {};
  let recheckMs = Number.POSITIVE_INFINITY;
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const leftMs = (parseTime(time) ?? 0) + disruptedMs - nowMs;
    const pod = pods.find((candidate) => candidate.metadata.name === name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || leftMs <= 0) continue;
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
  return { status, ...(Number.isFinite(recheckMs) ? { recheckMs } : {}) };
}
