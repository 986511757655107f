/**
 * Computes the replicas that each ReplicaSet should have now. Pure.
 * @see kubernetes deployment/{rolling,recreate,sync}.go
 */
import { byCreation } from '../../../api/facts/time.js';
import type { Deployment, ReplicaSet } from '../../../api/types/workloads.js';
import { annotatedCount, isRolling, replicasOf, rollingBounds } from './replica-sets.js';

/** A wish to change a set's size. */
export interface Scaling {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** Returns the sum of the replicas that the specs of the sets ask for. */
export function totalReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

function totalAvailable(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

/** The size the new set may grow to at once; `present` is its size now. */
export function newSetSize(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  present: number,
): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  if (present > wanted) return wanted;
  const room = wanted + rollingBounds(deployment).maxSurge - totalReplicas(all);
  return present + Math.min(Math.max(0, room), wanted - present);
}

/** Old sets to shrink in a rolling update: first what is not available anyway, then as availability allows. */
export function shrinkOld(
  deployment: Deployment,
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
): Scaling[] {
  const all = [...old, fresh];
  if (totalReplicas(old) === 0) return [];
  const minAvailable = replicasOf(deployment) - rollingBounds(deployment).maxUnavailable;
  const freshUnavailable = replicasOf(fresh) - (fresh.status?.availableReplicas ?? 0);
  const maxScaledDown = totalReplicas(all) - minAvailable - freshUnavailable;
  if (maxScaledDown <= 0) return [];
  const sizes = new Map(old.map((set) => [set, replicasOf(set)]));
  const sorted = old.toSorted(byCreation);
  let cleaned = 0;
  for (const set of sorted) {
    const size = sizes.get(set) ?? 0;
    const available = Math.min(size, set.status?.availableReplicas ?? 0);
    const count = Math.min(maxScaledDown - cleaned, size - available);
    sizes.set(set, size - count);
    cleaned += count;
  }
  let spare = Math.max(0, totalAvailable(all) - minAvailable);
  spare = Math.min(spare, maxScaledDown - cleaned);
  for (const set of sorted) {
    const size = sizes.get(set) ?? 0;
    const count = Math.min(spare, size);
    sizes.set(set, size - count);
    spare -= count;
  }
  return sorted
    .map((set): Scaling => ({ set, replicas: sizes.get(set) ?? 0 }))
    .filter(({ set, replicas }) => replicas !== replicasOf(set));
}

/** True when the deployment's size was changed since its sets were last scaled. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    if (replicasOf(set) === 0) return false;
    const desired = annotatedCount(set, 'desired');
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/**
 * Shares a change of the deployment's size over its sets in proportion, so that a scaling in the middle of a rollout
 * (or while paused) keeps the mix.
 */
export function scaleProportionally(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Scaling[] {
  const wanted = replicasOf(deployment);
  const single = activeOrLatest(fresh, old);
  if (single !== undefined) {
    return replicasOf(single) === wanted ? [] : [{ set: single, replicas: wanted }];
  }
  const active = old.filter((set) => replicasOf(set) > 0);
  if (fresh !== undefined && isSaturated(deployment, fresh)) {
    return active.map((set) => ({ set, replicas: 0 }));
  }
  if (!isRolling(deployment)) return [];
  const all = fresh !== undefined && replicasOf(fresh) > 0 ? [...active, fresh] : active;
  return share(deployment, all);
}

function share(deployment: Deployment, sets: readonly ReplicaSet[]): Scaling[] {
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + rollingBounds(deployment).maxSurge : 0;
  const toAdd = allowed - totalReplicas(sets);
  const sorted = sets.toSorted((a, b) => {
    const bySize = replicasOf(b) - replicasOf(a);
    if (bySize !== 0) return bySize;
    return toAdd > 0 ? byCreation(b, a) : byCreation(a, b);
  });
  const sizes: number[] = [];
  let added = 0;
  for (const set of sorted) {
    const room = toAdd - added;
    const fraction = fractionOf(deployment, set, allowed);
    const part = toAdd > 0 ? Math.min(fraction, room) : Math.max(fraction, room);
    const change = toAdd === 0 || (toAdd > 0 ? part < 0 : part > 0) ? 0 : part;
    sizes.push(replicasOf(set) + change);
    added += change;
  }
  if (sizes[0] !== undefined) sizes[0] = Math.max(0, sizes[0] + toAdd - added);
  return sorted.map((set, index) => ({ set, replicas: Math.max(0, sizes[index] ?? 0) }));
}

function fractionOf(deployment: Deployment, set: ReplicaSet, allowed: number): number {
  if (replicasOf(deployment) === 0) return -replicasOf(set);
  const before = annotatedCount(set, 'max') ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * allowed) / before) - replicasOf(set);
}

/** The only active set; the newest when none is active; undefined when several are. */
function activeOrLatest(
  fresh: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const all = fresh === undefined ? old : [...old, fresh];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? fresh ?? old.toSorted(byCreation).at(-1);
}

function isSaturated(deployment: Deployment, fresh: ReplicaSet): boolean {
  const wanted = replicasOf(deployment);
  return (
    replicasOf(fresh) === wanted &&
    annotatedCount(fresh, 'desired') === wanted &&
    (fresh.status?.availableReplicas ?? 0) === wanted
  );
}
