/** The phase of a pod. @see kubelet getPhase */
import type { PodState, TrackedContainer } from './state.js';
import { hasExited, isEnding, isRunning, trackedByRole, willRestart } from './state.js';

/** `status.phase` */
export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** A phase that is final stays, whatever happens to containers afterwards. */
export function podPhase(state: PodState): Phase {
  const reported = state.pod.status?.phase;
  if (reported === 'Succeeded' || reported === 'Failed') return reported;
  const quiet = [...state.trackedContainers.values()].every(
    (tracked) => tracked.work === 'none' && !isRunning(tracked),
  );
  if (state.failure !== undefined && quiet) return 'Failed';
  const mains = trackedByRole(state, 'main');
  const inits = trackedByRole(state, 'init');
  const begun = state.initialized || mains.some((tracked) => tracked.current !== undefined);
  if (!begun) {
    const failed = inits.some((tracked) => failedForGood(state, tracked));
    if (failed && quiet) return 'Failed';
    return 'Pending';
  }
  if (mains.some((tracked) => tracked.current === undefined)) {
    return isEnding(state) && quiet ? 'Failed' : 'Pending';
  }
  const over = mains.every(hasExited);
  if (!over) return 'Running';
  // A pod on its way out does not restart anything: its end is judged as if its policy were Never.
  const again = !isEnding(state) && mains.some((tracked) => willRestart(state, tracked));
  if (again || !quiet) return 'Running';
  return mains.every((tracked) => tracked.current?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** The pod counts against the resources of its node: neither removed by force, nor refused, nor at its end. */
export function takesRoom(state: PodState): boolean {
  const phase = podPhase(state);
  return !state.gone && phase !== 'Succeeded' && phase !== 'Failed';
}

function failedForGood(state: PodState, tracked: TrackedContainer): boolean {
  return hasExited(tracked) && tracked.current?.exitCode !== 0 && !willRestart(state, tracked);
}
