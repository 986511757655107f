/** Status and conditions of a Deployment. Pure. @see kubernetes deployment/progress.go, sync.go */
import { formatTime, parseTime } from '../../../api/facts/time.js';
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../../api/types/workloads.js';
import { findCondition } from '../../../api/facts/conditions.js';
import { replicasOf, rollingBounds } from './replica-sets.js';
import { totalReplicas } from './scale.js';

/**
 * Replaces a condition; keeps the transition time while the status stays, and the whole while status and reason stay.
 */
export function setCondition(
  conditions: readonly DeploymentCondition[],
  next: { type: string; status: string; reason: string; message: string },
  nowMs: number,
): DeploymentCondition[] {
  const old = findCondition(conditions, next.type);
  if (old?.status === next.status && old.reason === next.reason) return [...conditions];
  return replaceCondition(conditions, next, nowMs);
}

/** As {@link setCondition}, for what is noted before the counts: ahead of an Available that is new with it. */
export function noteCondition(
  { status }: Deployment,
  conditions: readonly DeploymentCondition[],
  next: { type: string; status: string; reason: string; message: string },
  nowMs: number,
): DeploymentCondition[] {
  const noted = setCondition(conditions, next, nowMs);
  if (findCondition(status?.conditions, 'Available') !== undefined) return noted;
  const isLater = ({ type }: DeploymentCondition): boolean => type === 'Available';
  return [...noted.filter((condition) => !isLater(condition)), ...noted.filter(isLater)];
}

/** As {@link setCondition}, and moves `lastUpdateTime` in any case: there was progress just now. */
function replaceCondition(
  conditions: readonly DeploymentCondition[],
  next: { type: string; status: string; reason: string; message: string },
  nowMs: number,
): DeploymentCondition[] {
  const old = findCondition(conditions, next.type);
  const now = formatTime(nowMs);
  const made: DeploymentCondition = {
    ...next,
    lastUpdateTime: now,
    lastTransitionTime: old?.status === next.status ? (old.lastTransitionTime ?? now) : now,
  };
  return [...conditions.filter((condition) => condition.type !== next.type), made];
}

/** Counts, and the condition Available. */
export function baseStatus(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  nowMs: number,
): DeploymentStatus {
  const sum = (count: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((total, set) => total + (count(set) ?? 0), 0);
  const available = sum((set) => set.status?.availableReplicas);
  const collisionCount = deployment.status?.collisionCount;
  const replicas = replicasOf(deployment);
  const enough = available >= replicas - rollingBounds(deployment).maxUnavailable;
  const conditions = setCondition(
    deployment.status?.conditions ?? [],
    enough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    nowMs,
  );
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalReplicas(all) - available),
    conditions,
  };
  // A count of no collisions stays as well: the API server takes one that is gone for one that has fallen.
  return { ...dropZeroes(status), ...(collisionCount === undefined ? {} : { collisionCount }) };
}

/** Kubernetes leaves counts of zero out of the JSON. */
function dropZeroes(status: DeploymentStatus): DeploymentStatus {
  return Object.fromEntries(
    Object.entries(status).filter(([, value]) => value !== 0),
  ) as DeploymentStatus;
}

/**
 * Shows a set's condition ReplicaFailure, after the others, with the set's times; it stays as it is while status and
 * reason do.
 */
export function withReplicaFailure(
  status: DeploymentStatus,
  fresh: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): DeploymentStatus {
  const { conditions = [] } = status;
  const rest = conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  const sources = fresh === undefined ? all : [fresh, ...all];
  const failure = sources
    .map((set) => findCondition(set.status?.conditions, 'ReplicaFailure'))
    .find((condition) => condition !== undefined);
  if (failure === undefined) return { ...status, conditions: rest };
  const known = findCondition(conditions, 'ReplicaFailure');
  if (known?.status === failure.status && known.reason === failure.reason) return status;
  const { lastTransitionTime } = failure;
  const times = lastTransitionTime === undefined ? {} : { lastUpdateTime: lastTransitionTime };
  return { ...status, conditions: [...rest, { ...failure, ...times }] };
}

/**
 * Tells whether every replica is updated and available, and the status belongs to the present spec
 * (`DeploymentComplete`).
 */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function isProgressing(old: DeploymentStatus, next: DeploymentStatus): boolean {
  const oldOf = (status: DeploymentStatus): number =>
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldOf(next) < oldOf(old) ||
    (next.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

/** Sets the condition Progressing. `recheckMs`: when the deadline may have passed. */
export function withProgress(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  status: DeploymentStatus,
  nowMs: number,
): { readonly status: DeploymentStatus; readonly recheckMs?: number } {
  const deadlineSeconds = deployment.spec.progressDeadlineSeconds;
  const conditions = status.conditions ?? [];
  if (deadlineSeconds === undefined || deadlineSeconds >= 2 ** 31 - 1) {
    return {
      status: { ...status, conditions: conditions.filter((c) => c.type !== 'Progressing') },
    };
  }
  const current = findCondition(conditions, 'Progressing');
  const settled =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) &&
    current?.reason === 'NewReplicaSetAvailable';
  const subject =
    fresh === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${fresh.metadata.name}"`;
  const progress = (state: string, reason: string, text: string) => ({
    type: 'Progressing',
    status: state,
    reason,
    message: `${subject} ${text}`,
  });
  let next = conditions;
  if (!settled) {
    if (isComplete(deployment, status)) {
      const done = progress('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
      next = setCondition(conditions, done, nowMs);
    } else if (isProgressing(deployment.status ?? {}, status)) {
      const moving = progress('True', 'ReplicaSetUpdated', 'is progressing.');
      next = replaceCondition(conditions, moving, nowMs);
    } else if (isTimedOut(current, deadlineSeconds, nowMs)) {
      const late = progress('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
      next = setCondition(conditions, late, nowMs);
    }
  }
  const result = { ...status, conditions: next };
  const recheckMs = msToDeadline(deployment, result, deadlineSeconds, nowMs);
  return { status: result, ...(recheckMs === undefined ? {} : { recheckMs }) };
}

function isTimedOut(
  current: DeploymentCondition | undefined,
  deadlineSeconds: number,
  nowMs: number,
): boolean {
  if (current === undefined || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  const since = parseTime(current.lastUpdateTime);
  return since !== undefined && since + deadlineSeconds * 1000 < nowMs;
}

function msToDeadline(
  deployment: Deployment,
  status: DeploymentStatus,
  deadlineSeconds: number,
  nowMs: number,
): number | undefined {
  const current = findCondition(status.conditions, 'Progressing');
  if (current === undefined || isComplete(deployment, status)) return undefined;
  if (current.reason === 'NewReplicaSetAvailable') return undefined;
  if (current.reason === 'ProgressDeadlineExceeded') return undefined;
  const since = parseTime(current.lastUpdateTime) ?? nowMs;
  return Math.max(0, since + deadlineSeconds * 1000 - nowMs) + 1000;
}

/** Conditions that follow from pausing and resuming. */
export function withPause(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): DeploymentStatus {
  if (deployment.spec.progressDeadlineSeconds === undefined) return status;
  const conditions = status.conditions ?? [];
  const current = findCondition(conditions, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return status;
  const paused = current?.reason === 'DeploymentPaused';
  if (deployment.spec.paused === true && !paused) {
    const condition = {
      type: 'Progressing',
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    };
    return { ...status, conditions: noteCondition(deployment, conditions, condition, nowMs) };
  }
  if (deployment.spec.paused !== true && paused) {
    const condition = {
      type: 'Progressing',
      status: 'Unknown',
      reason: 'DeploymentResumed',
      message: 'Deployment is resumed',
    };
    return { ...status, conditions: noteCondition(deployment, conditions, condition, nowMs) };
  }
  return status;
}
