/**
 * The next step of a StatefulSet. Pure: pods are made, deleted and replaced one at a time in order (`OrderedReady`), or
 * at once (`Parallel`); an update goes from the highest ordinal down to the partition.
 * @see kubernetes pkg/controller/statefulset/stateful_set_control.go
 */
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { isPodReady, msUntilAvailable } from '../../../api/facts/pods.js';
import type { Pod } from '../../../api/types/core.js';
import type { StatefulSet, StatefulSetStatus } from '../../../api/types/workloads.js';
import { revisionHashLabel } from '../history/revisions.js';

/** The creation of the pod with an ordinal, or the deletion of a pod and its cause. */
export type StatefulAction =
  | { readonly type: 'create'; readonly ordinal: number; readonly revision: string }
  | { readonly type: 'delete'; readonly pod: Pod; readonly why: 'failed' | 'scaled' | 'updated' };

/** The next step of a StatefulSet: pods to create and to delete, and its status. */
export interface StatefulPlan {
  readonly actions: readonly StatefulAction[];
  readonly status: StatefulSetStatus;
  readonly recheckMs?: number;
}

/** Returns the ordinal of a pod of the set; undefined when its name is not of the set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const { name } = pod.metadata;
  if (!name.startsWith(prefix)) return undefined;
  const rest = name.slice(prefix.length);
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

/**
 * Ordinals of wanted pods that wait for a node: a claim that was deleted after such a pod had been made is made anew,
 * or the pod would wait for ever.
 */
export function ordinalsWithoutNode(set: StatefulSet, pods: readonly Pod[]): number[] {
  if (set.metadata.deletionTimestamp !== undefined) return [];
  const start = set.spec.ordinals?.start ?? 0;
  const end = start + (set.spec.replicas ?? 1);
  return pods
    .filter(({ spec, metadata }) => {
      return (spec.nodeName ?? '') === '' && metadata.deletionTimestamp === undefined;
    })
    .flatMap((pod) => ordinalOf(set, pod) ?? [])
    .filter((ordinal) => ordinal >= start && ordinal < end);
}

interface Slot {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

interface View {
  readonly set: StatefulSet;
  readonly slots: readonly Slot[];
  /** Pods beyond the wanted ones, highest ordinal first. */
  readonly condemned: readonly Pod[];
  readonly isAvailable: (pod: Pod) => boolean;
}

/**
 * @param pods the pods that the set owns
 * @param current name of the revision that pods below the partition keep
 * @param update name of the newest revision
 */
export function planStatefulSet(options: {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly current: string;
  readonly update: string;
  readonly nowMs: number;
}): StatefulPlan {
  const { set, pods, current, update, nowMs } = options;
  const minReady = set.spec.minReadySeconds ?? 0;
  const view = arrange(set, pods, (pod) => msUntilAvailable(pod, minReady, nowMs) === 0);
  const waits = pods
    .map((pod) => msUntilAvailable(pod, minReady, nowMs))
    .filter((ms) => ms > 0 && Number.isFinite(ms));
  const status = statusOf(view, pods, current, update);
  const actions =
    set.metadata.deletionTimestamp === undefined ? actionsOf(view, current, update) : [];
  return {
    actions,
    status,
    ...(waits.length === 0 ? {} : { recheckMs: Math.min(...waits) }),
  };
}

function arrange(set: StatefulSet, pods: readonly Pod[], isAvailable: (pod: Pod) => boolean): View {
  const start = set.spec.ordinals?.start ?? 0;
  const replicas = set.spec.replicas ?? 1;
  const byOrdinal = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const slots = Array.from({ length: replicas }, (_, index) => ({
    ordinal: start + index,
    pod: byOrdinal.get(start + index),
  }));
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= start + replicas)
    .toSorted(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  return { set, slots, condemned, isAvailable };
}

/** Returns the name of the revision that a pod was made from; `''` without the label. */
export function revisionOfPod(pod: Pod): string {
  return pod.metadata.labels?.[revisionHashLabel] ?? '';
}

/** The revision a new pod gets: below the partition the current one, while an update is under way. */
function revisionFor(set: StatefulSet, ordinal: number, current: string, update: string): string {
  if (set.spec.updateStrategy?.type === 'OnDelete') return update;
  const start = set.spec.ordinals?.start ?? 0;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  return ordinal < start + partition ? current : update;
}

function actionsOf(view: View, current: string, update: string): StatefulAction[] {
  const { set, slots, condemned, isAvailable } = view;
  const parallel = set.spec.podManagementPolicy === 'Parallel';
  const actions: StatefulAction[] = [];
  for (const { ordinal, pod } of slots) {
    if (pod === undefined) {
      actions.push({
        type: 'create',
        ordinal,
        revision: revisionFor(set, ordinal, current, update),
      });
      if (!parallel) return actions;
      continue;
    }
    const ended = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
    if (ended && pod.metadata.deletionTimestamp === undefined) {
      actions.push({ type: 'delete', pod, why: 'failed' });
      if (!parallel) return actions;
      continue;
    }
    if (parallel) continue;
    if (pod.metadata.deletionTimestamp !== undefined || !isAvailable(pod)) {
      return actions;
    }
  }
  const shrinking = scaleDown(view, parallel);
  actions.push(...shrinking);
  if (!parallel && condemned.length > 0) return actions;
  actions.push(...updateStep(view, update));
  return actions;
}

/** Removes pods one at a time from the top, while all others are available; or all at once. */
function scaleDown({ condemned, slots, isAvailable }: View, parallel: boolean): StatefulAction[] {
  if (parallel) {
    return condemned
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => ({ type: 'delete', pod, why: 'scaled' }));
  }
  const target = condemned[0];
  if (target === undefined || target.metadata.deletionTimestamp !== undefined) return [];
  const firstUnhealthy = [...slots.flatMap(({ pod }) => pod ?? []), ...condemned.toReversed()].find(
    (pod) => !isPodReady(pod),
  );
  if (!isAvailable(target) && firstUnhealthy !== undefined && firstUnhealthy !== target) return [];
  return [{ type: 'delete', pod: target, why: 'scaled' }];
}

/**
 * Pods of an old revision to give up, from the highest ordinal down to the partition: one at a time, or as many as
 * `maxUnavailable` says. A pod that is not available may always go: the update could be its repair.
 */
function updateStep(view: View, update: string): StatefulAction[] {
  const { set, slots, isAvailable } = view;
  if (set.spec.updateStrategy?.type === 'OnDelete') return [];
  const { maxUnavailable = 1, partition = 0 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const limit = Math.max(1, scaledValue(maxUnavailable, set.spec.replicas ?? 1, 'up'));
  const first = (set.spec.ordinals?.start ?? 0) + partition;
  const pods = slots
    .filter(({ ordinal }) => ordinal >= first)
    .flatMap(({ pod }) => pod ?? [])
    .toReversed();
  const isStale = (pod: Pod): boolean =>
    revisionOfPod(pod) !== update && pod.metadata.deletionTimestamp === undefined;
  if (limit === 1) {
    const next = pods.find((pod) => isStale(pod) || !isAvailable(pod));
    return next === undefined || !isStale(next) ? [] : [giveUp(next)];
  }
  let room = limit - slots.filter(({ pod }) => pod === undefined || !isAvailable(pod)).length;
  return pods.filter((pod) => isStale(pod) && (!isAvailable(pod) || room-- > 0)).map(giveUp);
}

function giveUp(pod: Pod): StatefulAction {
  return { type: 'delete', pod, why: 'updated' };
}

function statusOf(
  { set, isAvailable }: View,
  pods: readonly Pod[],
  current: string,
  update: string,
): StatefulSetStatus {
  const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const count = (test: (pod: Pod) => boolean, of = pods): number => of.filter(test).length;
  const replicas = set.spec.replicas ?? 1;
  let currentReplicas = count((pod) => revisionOfPod(pod) === current, alive);
  const updatedReplicas = count((pod) => revisionOfPod(pod) === update, alive);
  const readyReplicas = count(isPodReady);
  let currentRevision = current;
  const rolls = set.spec.updateStrategy?.type !== 'OnDelete';
  if (
    rolls &&
    updatedReplicas === replicas &&
    readyReplicas === replicas &&
    pods.length === replicas
  ) {
    currentRevision = update;
    currentReplicas = updatedReplicas;
  }
  const collisionCount = set.status?.collisionCount ?? 0;
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    ...(readyReplicas === 0 ? {} : { readyReplicas }),
    ...(currentReplicas === 0 ? {} : { currentReplicas }),
    ...(updatedReplicas === 0 ? {} : { updatedReplicas }),
    availableReplicas: count(isAvailable),
    currentRevision,
    updateRevision: update,
    collisionCount,
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
}
