/** The pods to remove because no worker will remove them. Pure. @see kubernetes pkg/controller/podgc */
import { isPodTerminal } from '../../../api/facts/pods.js';
import { byCreation } from '../../../api/facts/time.js';
import type { PodStatusChange } from '../../../client/pod-status.js';
import type { Node, Pod, PodCondition } from '../../../api/types/core.js';
import { isConditionTrue, timedCondition } from '../../../api/facts/conditions.js';

/** A node must be missing for so long before its pods count as orphans (kubernetes quarantineTime). */
const quarantineMs = 5000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

const orphaned: PodCondition = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'DeletionByPodGC',
  message: 'PodGC: node no longer exists',
};

/** The pods to remove from one node, and how. */
export interface NodeCleaning {
  readonly remove: readonly Pod[];
  /** The condition to set on removed pods that had not ended. */
  readonly condition?: PodCondition;
  /** Milliseconds until the pods of a missing node may go. */
  readonly waitMs?: number;
}

/** True for a node that does not report and whose owner says that it is switched off. */
export function isOutOfService(node: Node | undefined): boolean {
  return (
    node !== undefined &&
    !isConditionTrue(node.status?.conditions, 'Ready') &&
    (node.spec.taints ?? []).some(({ key }) => key === outOfServiceTaint)
  );
}

/**
 * The pods of one node that go: all once it has been missing for a while, the terminating ones when it is out of
 * service.
 * @param missingMs for how long the node has been missing
 */
export function cleanNode(
  node: Node | undefined,
  pods: readonly Pod[],
  missingMs: number,
): NodeCleaning {
  if (node === undefined) {
    if (pods.length === 0) return { remove: [] };
    const waitMs = quarantineMs - missingMs;
    return waitMs > 0 ? { remove: [], waitMs } : { remove: pods, condition: orphaned };
  }
  if (!isOutOfService(node)) return { remove: [] };
  return { remove: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined) };
}

/** True for a pod that was deleted before it had a node. */
export function isUnplacedAndDeleted(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && (pod.spec.nodeName ?? '') === '';
}

/** Picks the ended pods beyond `threshold`: evicted ones first, then the oldest. @param threshold 0: all may stay */
export function surplusTerminated(pods: readonly Pod[], threshold: number): Pod[] {
  if (threshold <= 0) return [];
  const terminated = pods.filter(isPodTerminal);
  const evictedFirst = (a: Pod, b: Pod): number => Number(isEvicted(b)) - Number(isEvicted(a));
  return terminated
    .toSorted((a, b) => evictedFirst(a, b) || byCreation(a, b))
    .slice(0, Math.max(0, terminated.length - threshold));
}

function isEvicted({ status }: Pod): boolean {
  return status?.phase === 'Failed' && status.reason === 'Evicted';
}

/** The change of status of a pod that is removed and had not ended: its controller counts it as failed. */
export function failedStatus(
  pod: Pod,
  condition: PodCondition | undefined,
  now: string,
): PodStatusChange | undefined {
  if (isPodTerminal(pod) || (pod.spec.nodeName ?? '') === '') return undefined;
  if (condition === undefined) return { phase: 'Failed' };
  return { phase: 'Failed', conditions: [timedCondition(pod.status?.conditions, condition, now)] };
}
