/** What a list of all that the runtime has says of one pod. Pure. */
import type { ContainerState } from '../../runtime/types.js';
import type { PodState } from '../pod/state.js';
import { isRunning } from '../pod/state.js';

/** The ids that the runtime knows by now: the pod's sandbox, and its containers that run. */
export function heldIds({ sandbox, trackedContainers }: PodState): ReadonlySet<string> {
  const running = [...trackedContainers.values()].filter((tracked) => isRunning(tracked));
  const ids = running.flatMap(({ current }) => (current === undefined ? [] : [current.id]));
  if (sandbox.phase === 'ready' && sandbox.id !== undefined) ids.push(sandbox.id);
  return new Set(ids);
}

/** @param held of the time when the runtime was asked */
export function isSandboxLost(
  { sandbox: { id, phase } }: PodState,
  held: ReadonlySet<string>,
  sandboxIds: ReadonlySet<string>,
): boolean {
  return phase === 'ready' && id !== undefined && held.has(id) && !sandboxIds.has(id);
}

/** The runs that are taken for running and are not. @param held of the time when the runtime was asked */
export function endedRuns(
  state: PodState,
  held: ReadonlySet<string>,
  listed: { readonly containers: ReadonlyMap<string, ContainerState>; readonly nowMs: number },
): { readonly id: string; readonly exitCode: number; readonly atMs: number }[] {
  return [...state.trackedContainers.values()].flatMap((tracked) => {
    const { current } = tracked;
    if (!isRunning(tracked) || current === undefined || !held.has(current.id)) return [];
    const found = listed.containers.get(current.id);
    if (found?.phase === 'running') return [];
    const { exitCode = 137, finishedAtMs: atMs = listed.nowMs } = found ?? {};
    return [{ id: current.id, exitCode, atMs }];
  });
}
