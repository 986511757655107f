/**
 * The next step of a ReplicaSet or ReplicationController. Pure.
 * @see kubernetes pkg/controller/replicaset and controller_utils.go ActivePodsWithRanks
 */
import { isPodReady, msUntilAvailable } from '../../../api/facts/pods.js';
import type { Condition, Pod } from '../../../api/types/core.js';
import type { ReplicaSetStatus } from '../../../api/types/workloads.js';
import { jsonEqual } from '../../../api/equal.js';
import { parseTime } from '../../../api/facts/time.js';
import { findCondition } from '../../../api/facts/conditions.js';

/** Most pods created or deleted in one reconcile (kubernetes BurstReplicas). */
export const burstReplicas = 500;

/** The next step of a ReplicaSet: the number of pods to create, or the pods to delete. */
export interface ReplicaPlan {
  readonly create: number;
  readonly delete: readonly Pod[];
}

/**
 * @param active the owner's pods that are neither finished nor being deleted
 * @param relatedOnNode how many active pods of the same deployment run on a node; the fuller node gives first
 */
export function planReplicas(
  wanted: number,
  active: readonly Pod[],
  relatedOnNode: ReadonlyMap<string, number>,
  nowMs: number,
): ReplicaPlan {
  const difference = active.length - wanted;
  if (difference < 0) return { create: Math.min(-difference, burstReplicas), delete: [] };
  const count = Math.min(difference, burstReplicas);
  if (count === 0) return { create: 0, delete: [] };
  return { create: 0, delete: rankForDeletion(active, relatedOnNode, nowMs).slice(0, count) };
}

/** Pods in the order in which they are given up. */
export function rankForDeletion(
  pods: readonly Pod[],
  relatedOnNode: ReadonlyMap<string, number>,
  nowMs: number,
): Pod[] {
  return pods.toSorted((a, b) => compareForDeletion(a, b, relatedOnNode, nowMs));
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function compareForDeletion(
  a: Pod,
  b: Pod,
  relatedOnNode: ReadonlyMap<string, number>,
  nowMs: number,
): number {
  const assigned = Number(isAssigned(a)) - Number(isAssigned(b));
  if (assigned !== 0) return assigned;
  const phase = rankOfPhase(a) - rankOfPhase(b);
  if (phase !== 0) return phase;
  const ready = Number(isPodReady(a)) - Number(isPodReady(b));
  if (ready !== 0) return ready;
  const cost = deletionCost(a) - deletionCost(b);
  if (cost !== 0) return cost;
  const crowd = crowdOf(b, relatedOnNode) - crowdOf(a, relatedOnNode);
  if (crowd !== 0) return crowd;
  if (isPodReady(a)) {
    const since = logAge(readySince(b), nowMs) - logAge(readySince(a), nowMs);
    if (since !== 0) return -since;
  }
  const restarts = maxRestarts(b) - maxRestarts(a);
  if (restarts !== 0) return restarts;
  const age = logAge(createdAt(a), nowMs) - logAge(createdAt(b), nowMs);
  if (age !== 0) return age;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec.nodeName ?? '') !== '';
}

function rankOfPhase(pod: Pod): number {
  return phaseRank[pod.status?.phase ?? 'Pending'] ?? 0;
}

/** The annotation `controller.kubernetes.io/pod-deletion-cost`; 0 when absent or unreadable. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0';
  return /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

function crowdOf(pod: Pod, relatedOnNode: ReadonlyMap<string, number>): number {
  return relatedOnNode.get(pod.spec.nodeName ?? '') ?? 0;
}

function readySince(pod: Pod): number | undefined {
  return parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime);
}

function createdAt(pod: Pod): number | undefined {
  return parseTime(pod.metadata.creationTimestamp);
}

/** Ages in powers of two, so that pods of about the same age count as equally old. */
function logAge(ms: number | undefined, nowMs: number): number {
  if (ms === undefined) return 0;
  return Math.floor(Math.log2(Math.max(1, (nowMs - ms) / 1000)));
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((c) => c.restartCount ?? 0));
}

/** The status of a ReplicaSet, and whether it differs from the stored one. */
export interface ReplicaStatusPlan {
  readonly status: ReplicaSetStatus;
  readonly changed: boolean;
  /** When the next pod becomes available by time alone; undefined when none will. */
  readonly recheckMs?: number;
}

/** The status that follows from the pods. @param failure the condition ReplicaFailure to show, when a create failed */
export function planStatus(options: {
  readonly old: ReplicaSetStatus | undefined;
  readonly generation: number;
  readonly minReadySeconds: number;
  readonly templateLabels: Readonly<Record<string, string>>;
  readonly active: readonly Pod[];
  readonly failure: Condition | undefined;
  readonly nowMs: number;
}): ReplicaStatusPlan {
  const { active, minReadySeconds, nowMs } = options;
  let ready = 0;
  let available = 0;
  let labelled = 0;
  let recheckMs = Number.POSITIVE_INFINITY;
  for (const pod of active) {
    const labels = pod.metadata.labels ?? {};
    if (Object.entries(options.templateLabels).every(([k, v]) => labels[k] === v)) labelled++;
    if (isPodReady(pod)) ready++;
    const waitMs = msUntilAvailable(pod, minReadySeconds, nowMs);
    if (waitMs === 0) available++;
    else recheckMs = Math.min(recheckMs, waitMs);
  }
  const others = (options.old?.conditions ?? []).filter((c) => c.type !== 'ReplicaFailure');
  const conditions = options.failure === undefined ? others : [...others, options.failure];
  const status: ReplicaSetStatus = {
    replicas: active.length,
    observedGeneration: options.generation,
    ...(labelled === 0 ? {} : { fullyLabeledReplicas: labelled }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  return {
    status,
    changed: !jsonEqual(normal(options.old), normal(status)),
    ...(Number.isFinite(recheckMs) ? { recheckMs } : {}),
  };
}

/** Zero and absent are the same. */
function normal(status: ReplicaSetStatus | undefined): ReplicaSetStatus {
  return {
    replicas: status?.replicas ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    fullyLabeledReplicas: status?.fullyLabeledReplicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    availableReplicas: status?.availableReplicas ?? 0,
    conditions: status?.conditions ?? [],
  };
}
