/**
 * The next step of a Deployment: (deployment, its ReplicaSets, are old pods still running) → actions and status. Pure;
 * the shell carries it out and comes again with each change, so that a step never needs to wait.
 */
import { jsonEqual } from '../../../api/equal.js';
import { byCreation } from '../../../api/facts/time.js';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../../api/types/workloads.js';
import {
  findNew,
  isRolling,
  makeReplicaSet,
  newSetAnnotations,
  replicasOf,
  revisionOf,
  sizeAnnotations,
} from './replica-sets.js';
import type { Scaling } from './scale.js';
import { isScalingEvent, newSetSize, scaleProportionally, shrinkOld } from './scale.js';
import {
  baseStatus,
  isComplete,
  noteCondition,
  withPause,
  withProgress,
  withReplicaFailure,
} from './status.js';

/** One write to a ReplicaSet of a Deployment; `from` is the number of replicas before an update. */
export type DeploymentAction =
  | { readonly type: 'create'; readonly set: ReplicaSet }
  | { readonly type: 'update'; readonly set: ReplicaSet; readonly from: number }
  | { readonly type: 'delete'; readonly set: ReplicaSet };

/** The next step of a Deployment: writes to its ReplicaSets, and its status. */
export interface DeploymentPlan {
  readonly actions: readonly DeploymentAction[];
  readonly status: DeploymentStatus;
  /** The revision to write on the deployment; undefined when it is there. */
  readonly revision?: bigint;
  /** When time alone may change the status. */
  readonly recheckMs?: number;
}

/** The state from which the next step of a Deployment follows. */
export interface DeploymentInput {
  readonly deployment: Deployment;
  /** The sets that the deployment owns. */
  readonly sets: readonly ReplicaSet[];
  /** True while a set has pods that have not ended; Recreate waits for those of old sets. */
  readonly hasRunningPods: (set: ReplicaSet) => boolean;
  readonly nowMs: number;
}

/** Returns the next step of a Deployment (`syncDeployment` of kubernetes pkg/controller/deployment). */
export function planDeployment(input: DeploymentInput): DeploymentPlan {
  const { deployment, sets, nowMs } = input;
  const present = findNew(deployment, sets);
  const old = sets.filter((set) => set !== present).toSorted(byCreation);
  const status = withPause(deployment, baseStatus(deployment, present, sets, nowMs), nowMs);
  if (deployment.metadata.deletionTimestamp !== undefined) return { actions: [], status };
  if (deployment.spec.paused === true || isScalingEvent(deployment, sets)) {
    return planScaling(deployment, present, old, status);
  }
  const before: DeploymentInput & Step = { ...input, present, old, status };
  return isRolling(deployment) ? planRolling(before) : planRecreate(before);
}

interface Step {
  readonly present: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly status: DeploymentStatus;
}

function planScaling(
  deployment: Deployment,
  present: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  status: DeploymentStatus,
): DeploymentPlan {
  const scalings = scaleProportionally(deployment, present, old);
  const scaled = new Map(scalings.map((scaling) => [scaling.set, scaling.replicas]));
  const actions: DeploymentAction[] = [];
  for (const set of present === undefined ? old : [...old, present]) {
    const replicas = scaled.get(set) ?? replicasOf(set);
    if (replicas === 0 && replicasOf(set) === 0) continue;
    const next = resized(deployment, set, replicas);
    if (next !== undefined) actions.push(next);
  }
  return { actions, status };
}

/** An update when size or recorded sizes differ. */
function resized(
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
): DeploymentAction | undefined {
  const annotations = { ...set.metadata.annotations, ...sizeAnnotations(deployment) };
  if (replicas === replicasOf(set) && jsonEqual(annotations, set.metadata.annotations)) {
    return undefined;
  }
  return {
    type: 'update',
    from: replicasOf(set),
    set: {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
    },
  };
}

function resizeAll(deployment: Deployment, scalings: readonly Scaling[]): DeploymentAction[] {
  return scalings
    .map(({ set, replicas }) => resized(deployment, set, replicas))
    .filter((action) => action !== undefined);
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Brings the new set's annotations and minReadySeconds up to date, or makes the set. */
function ensureNew(
  input: DeploymentInput & Step,
  initialReplicas: number,
): {
  readonly action?: DeploymentAction;
  readonly revision: bigint;
  readonly status: DeploymentStatus;
} {
  const { deployment, present, old } = input;
  const revision = old.map(revisionOf).reduce(larger, 0n) + 1n;
  if (present === undefined) {
    const set = makeReplicaSet(deployment, { replicas: initialReplicas, revision });
    const created = note(
      input,
      'NewReplicaSetCreated',
      `Created new replica set "${set.metadata.name}"`,
    );
    return { action: { type: 'create', set }, revision, status: created };
  }
  const annotations = newSetAnnotations(deployment, revision, present);
  const finalRevision = larger(revision, revisionOf(present));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  const known = input.status.conditions?.some((c) => c.type === 'Progressing') === true;
  const status = known
    ? input.status
    : note(input, 'FoundNewReplicaSet', `Found new replica set "${present.metadata.name}"`);
  if (
    jsonEqual(annotations, present.metadata.annotations) &&
    minReadySeconds === (present.spec.minReadySeconds ?? 0)
  ) {
    return { revision: finalRevision, status };
  }
  const set: ReplicaSet = {
    ...present,
    metadata: { ...present.metadata, annotations },
    spec: { ...present.spec, minReadySeconds },
  };
  return {
    action: { type: 'update', set, from: replicasOf(present) },
    revision: finalRevision,
    status,
  };
}

function note(input: DeploymentInput & Step, reason: string, message: string): DeploymentStatus {
  const { deployment, status, nowMs } = input;
  if (deployment.spec.progressDeadlineSeconds === undefined) return status;
  const condition = { type: 'Progressing', status: 'True', reason, message };
  const conditions = noteCondition(deployment, status.conditions ?? [], condition, nowMs);
  return { ...status, conditions };
}

function planRolling(input: DeploymentInput & Step): DeploymentPlan {
  const { deployment, present, old, sets } = input;
  const ensured = ensureNew(input, newSetSize(deployment, sets, 0));
  const revision = ensured.revision;
  if (ensured.action !== undefined) {
    return finish(input, [ensured.action], revision, ensured.status);
  }
  if (present === undefined) return finish(input, [], revision, ensured.status);
  const size = newSetSize(deployment, sets, replicasOf(present));
  if (size !== replicasOf(present)) {
    const scaling = resizeAll(deployment, [{ set: present, replicas: size }]);
    return finish(input, scaling, revision, ensured.status);
  }
  const shrinking = resizeAll(deployment, shrinkOld(deployment, present, old));
  return finish(input, shrinking, revision, ensured.status);
}

function planRecreate(input: DeploymentInput & Step): DeploymentPlan {
  const { deployment, present, old } = input;
  const active = old.filter((set) => replicasOf(set) > 0);
  if (active.length > 0) {
    const down = active.map((set): Scaling => ({ set, replicas: 0 }));
    return finish(input, resizeAll(deployment, down), undefined, input.status);
  }
  if (old.some(input.hasRunningPods)) return finish(input, [], undefined, input.status);
  const ensured = ensureNew(input, replicasOf(deployment));
  if (ensured.action !== undefined) {
    return finish(input, [ensured.action], ensured.revision, ensured.status);
  }
  const scaling =
    present === undefined
      ? []
      : resizeAll(deployment, [{ set: present, replicas: replicasOf(deployment) }]);
  const grown = present === undefined || replicasOf(present) === replicasOf(deployment);
  return finish(input, grown ? [] : scaling, ensured.revision, ensured.status);
}

function finish(
  input: DeploymentInput & Step,
  actions: readonly DeploymentAction[],
  revision: bigint | undefined,
  status: DeploymentStatus,
): DeploymentPlan {
  const { deployment, present, old, sets, nowMs } = input;
  const made = actions.find(({ type }) => type === 'create')?.set;
  const progress = withProgress(deployment, present ?? made, status, nowMs);
  const cleaning =
    actions.length === 0 && isComplete(deployment, progress.status)
      ? surplusHistory(deployment, old)
      : [];
  return {
    actions: [...actions, ...cleaning],
    status: withReplicaFailure(progress.status, present, sets),
    ...(revision === undefined || revision === revisionOf(deployment) ? {} : { revision }),
    ...(progress.recheckMs === undefined ? {} : { recheckMs: progress.recheckMs }),
  };
}

/** Empty old sets beyond `revisionHistoryLimit`, oldest revision first. */
function surplusHistory(deployment: Deployment, old: readonly ReplicaSet[]): DeploymentAction[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit >= 2 ** 31 - 1) return [];
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = alive.length - limit;
  if (surplus <= 0) return [];
  return alive
    .toSorted((a, b) => Number(revisionOf(a) - revisionOf(b)) || byCreation(a, b))
    .slice(0, surplus)
    .filter(
      (set) =>
        replicasOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
    .map((set) => ({ type: 'delete', set }));
}
