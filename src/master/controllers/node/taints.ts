/** Taints and conditions of nodes by their health. Pure. @see kubernetes pkg/controller/nodelifecycle */
import type { NodeCondition, Node, Taint, Toleration } from '../../../api/types/core.js';
import { findCondition } from '../../../api/facts/conditions.js';
import { parseTime } from '../../../api/facts/time.js';
import { covers } from '../../../api/facts/tolerations.js';

/** The taint of a node whose condition Ready is False. */
export const notReadyTaint = 'node.kubernetes.io/not-ready';

/** The taint of a node whose condition Ready is Unknown: it sends no heartbeats. */
export const unreachableTaint = 'node.kubernetes.io/unreachable';
const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** Condition type → status → taint. */
const conditionTaints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
};
const managed = new Set([
  unschedulableTaint,
  ...Object.values(conditionTaints).flatMap((byStatus) => Object.values(byStatus)),
]);

/** The NoSchedule taints that conditions and cordoning ask for. */
function wantedNoSchedule(node: Node): string[] {
  const keys: string[] = [];
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = conditionTaints[type]?.[status];
    if (key !== undefined) keys.push(key);
  }
  if (node.spec.unschedulable === true) keys.push(unschedulableTaint);
  return keys;
}

/**
 * The part that NoExecute taints may have now: `begin` adds them, `keep` leaves those that are there while their reason
 * lasts, `stop` takes them off.
 */
export type EvictionStep = 'begin' | 'keep' | 'stop';

/** The node's taints as they should be. */
export function wantedTaints(node: Node, eviction: EvictionStep, now: string): Taint[] {
  const present = node.spec.taints ?? [];
  const ready = findCondition(node.status?.conditions, 'Ready')?.status;
  const noExecute =
    ready === 'False' ? notReadyTaint : ready === 'Unknown' ? unreachableTaint : undefined;
  const noSchedule = wantedNoSchedule(node);
  const kept = present.filter((taint) => {
    if (taint.effect === 'NoSchedule' && managed.has(taint.key)) {
      return noSchedule.includes(taint.key);
    }
    return !isEvicting(taint) || (taint.key === noExecute && eviction !== 'stop');
  });
  const has = (key: string, effect: string): boolean =>
    kept.some((taint) => taint.key === key && taint.effect === effect);
  for (const key of noSchedule) {
    if (!has(key, 'NoSchedule')) kept.push({ key, effect: 'NoSchedule', timeAdded: now });
  }
  // Changing from not-ready to unreachable is no new eviction.
  const evicts = eviction === 'begin' || (eviction === 'keep' && present.some(isEvicting));
  if (noExecute !== undefined && !has(noExecute, 'NoExecute') && evicts) {
    kept.push({ key: noExecute, effect: 'NoExecute', timeAdded: now });
  }
  return kept;
}

/** Tells whether a taint evicts the pods of a node that is not ready or not reachable. */
export function isEvicting({ key, effect }: Taint): boolean {
  return effect === 'NoExecute' && (key === notReadyTaint || key === unreachableTaint);
}

/** Conditions after the node has not been heard of for the grace period. */
export function unknownConditions(node: Node, now: string): NodeCondition[] {
  const types = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
  let conditions = node.status?.conditions ?? [];
  for (const type of types) {
    const old = findCondition(conditions, type);
    if (old?.status === 'Unknown') continue;
    const next: NodeCondition =
      old === undefined
        ? {
            type,
            status: 'Unknown',
            reason: 'NodeStatusNeverUpdated',
            message: 'Kubelet never posted node status.',
            lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
            lastTransitionTime: now,
          }
        : {
            ...old,
            status: 'Unknown',
            reason: 'NodeStatusUnknown',
            message: 'Kubelet stopped posting node status.',
            lastTransitionTime: now,
          };
    conditions = [...conditions.filter((condition) => condition.type !== type), next];
  }
  return conditions;
}

/**
 * Milliseconds until a pod must go: 0 now, undefined never.
 * Each taint must be tolerated; the shortest time of the tolerations in use counts, from when the last taint was added.
 * @param times `seenMs` counts for taints that do not say when they were added, as those of users
 */
export function evictionDelayMs(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  { nowMs, seenMs }: { readonly nowMs: number; readonly seenMs: number },
): number | undefined {
  const noExecute = taints.filter(({ effect }) => effect === 'NoExecute');
  if (noExecute.length === 0) return undefined;
  let seconds = Number.POSITIVE_INFINITY;
  for (const taint of noExecute) {
    const using = tolerations.filter((toleration) => covers(toleration, taint));
    if (using.length === 0) return 0;
    for (const { tolerationSeconds } of using) {
      if (tolerationSeconds !== undefined) seconds = Math.min(seconds, Number(tolerationSeconds));
    }
  }
  if (!Number.isFinite(seconds)) return undefined;
  const sinceMs = Math.max(...noExecute.map(({ timeAdded }) => parseTime(timeAdded) ?? seenMs));
  return Math.max(0, sinceMs + Math.max(0, seconds) * 1000 - nowMs);
}
