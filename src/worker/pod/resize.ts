/**
 * Changes of running containers' CPU and memory: what differs from what was applied, whether the node has the room, and
 * what the status says. Pure.
 * @see Kubernetes KEP-1287 and kubelet's allocation manager
 */
import type { Amounts } from '../../api/facts/pod-requests.js';
import { addTo, amountOf, podRequests } from '../../api/facts/pod-requests.js';
import type { Container, Pod, PodCondition } from '../../api/types/core.js';
import type { PodState, ResizeRefusal, Resources, TrackedContainer } from './state.js';
import { containersByRole, isRunning } from './state.js';

/** The conditions of a pod that are there only while it is resized. */
export const resizeConditionTypes = ['PodResizePending', 'PodResizeInProgress'] as const;

/** The resources that can be changed in place. */
const resizable = ['cpu', 'memory'] as const;

/** @returns how the running container comes to what its pod wants now; undefined: it has that, or keeps what it has */
export function resizeOf(
  tracked: TrackedContainer,
  container: Container | undefined,
): 'inPlace' | 'restart' | undefined {
  const applied = tracked.current?.resources;
  if (!isRunning(tracked) || applied === undefined || container === undefined) return undefined;
  if (tracked.role === 'init' || tracked.role === 'ephemeral') return undefined;
  const changed = resizable.filter((name) => differs(applied, container.resources ?? {}, name));
  if (changed.length === 0) return undefined;
  const restarts = container.resizePolicy?.some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' && changed.some((name) => name === resourceName),
  );
  return restarts === true ? 'restart' : 'inPlace';
}

function differs(applied: Resources, wanted: Resources, name: string): boolean {
  return (['requests', 'limits'] as const).some((part) => {
    const [before, after] = [applied[part]?.[name], wanted[part]?.[name]];
    if (before === undefined || after === undefined) return before !== after;
    return amountOf(name, before) !== amountOf(name, after);
  });
}

/** Tells whether any container of the pod has other resources than the pod wants. */
export function wantsResize(state: PodState): boolean {
  return containersByRole(state.pod).some(({ container }) => {
    const tracked = state.trackedContainers.get(container.name);
    return tracked !== undefined && resizeOf(tracked, container) !== undefined;
  });
}

/**
 * Memory that a container may have in use cannot be taken from it while it runs: the kernel refuses, or kills it. As
 * the API has it in 1.33.
 */
export function shrinkProblem(state: PodState): ResizeRefusal | undefined {
  const shrinks = containersByRole(state.pod).some(({ container }) => {
    const tracked = state.trackedContainers.get(container.name);
    if (tracked === undefined || resizeOf(tracked, container) !== 'inPlace') return false;
    const before = tracked.current?.resources?.limits?.['memory'];
    const after = container.resources?.limits?.['memory'];
    if (after === undefined) return false;
    return before === undefined || amountOf('memory', after) < amountOf('memory', before);
  });
  const message = 'memory limits cannot be decreased unless resizePolicy is RestartContainer';
  return shrinks ? { reason: 'Infeasible', message } : undefined;
}

/** Why nothing is changed now. */
export function resizeRefusalOf(state: PodState): ResizeRefusal | undefined {
  if (state.resizeRefusal !== undefined) return state.resizeRefusal;
  for (const { resizeFailure } of state.trackedContainers.values()) {
    if (resizeFailure?.isFinal !== true) continue;
    return { reason: 'Infeasible', message: resizeFailure.message };
  }
  return undefined;
}

/**
 * Decides whether the node has room for what the pod asks for, which it has not yet got.
 * @param others the pods of the node, this one or not
 */
export function roomProblem(
  pod: Pod,
  others: Iterable<Pod>,
  allocatable: Readonly<Record<string, string>>,
): ResizeRefusal | undefined {
  const wanted = podRequests(pod);
  const used: Amounts = {};
  for (const other of others) {
    const phase = other.status?.phase;
    const isOver = phase === 'Succeeded' || phase === 'Failed';
    if (isOver || other.metadata.uid === pod.metadata.uid) continue;
    addTo(used, podRequests(other));
  }
  const of = (name: string): readonly [asked: number, taken: number, all: number] => [
    wanted[name] ?? 0,
    used[name] ?? 0,
    amountOf(name, allocatable[name] ?? '0'),
  ];
  for (const name of ['memory', 'cpu']) {
    const [asked, , all] = of(name);
    if (asked <= all) continue;
    const text = `${name}, requested: ${asked}, capacity: ${all}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${text}` };
  }
  for (const name of ['cpu', 'memory']) {
    const [asked, taken, all] = of(name);
    if (asked + taken <= all) continue;
    const text = `${name}, requested: ${asked}, used: ${taken}, capacity: ${all}`;
    return { reason: 'Deferred', message: `Node didn't have enough resource: ${text}` };
  }
  return undefined;
}

/** The condition of a pod that is being resized, or would be; undefined: it is as it is wanted. */
export function resizeCondition(
  state: PodState,
): Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'> | undefined {
  if (!wantsResize(state)) return undefined;
  const refusal = resizeRefusalOf(state);
  if (refusal !== undefined) return { type: 'PodResizePending', status: 'True', ...refusal };
  const failed = [...state.trackedContainers.values()].find(
    ({ resizeFailure }) => resizeFailure !== undefined,
  );
  const message = failed?.resizeFailure?.message;
  return {
    type: 'PodResizeInProgress',
    status: 'True',
    ...(message === undefined ? {} : { reason: 'Error', message }),
  };
}
