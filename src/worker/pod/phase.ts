/** The phase of a pod. @see kubelet getPhase */
import type { PodState, Track } from './state.js';
import { hasExited, isEnding, isRunning, tracksOf, willRestart } from './state.js';

/** `status.phase` */
export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** A phase that is final stays, whatever happens to containers afterwards. */
export function podPhase(state: PodState): Phase {
  const reported = state.pod.status?.phase;
  if (reported === 'Succeeded' || reported === 'Failed') return reported;
  const quiet = [...state.tracks.values()].every(
    (track) => track.work === 'none' && !isRunning(track),
  );
  if (state.failure !== undefined && quiet) return 'Failed';
  const mains = tracksOf(state, 'main');
  const inits = tracksOf(state, 'init');
  const begun = state.initialized || mains.some((track) => track.current !== undefined);
  if (!begun) {
    const failed = inits.some((track) => failedForGood(state, track));
    if (failed && quiet) return 'Failed';
    return 'Pending';
  }
  if (mains.some((track) => track.current === undefined)) {
    return isEnding(state) && quiet ? 'Failed' : 'Pending';
  }
  const over = mains.every(hasExited);
  if (!over) return 'Running';
  // A pod on its way out does not restart anything: its end is judged as if its policy were Never.
  const again = !isEnding(state) && mains.some((track) => willRestart(state, track));
  if (again || !quiet) return 'Running';
  return mains.every((track) => track.current?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

function failedForGood(state: PodState, track: Track): boolean {
  return hasExited(track) && track.current?.exitCode !== 0 && !willRestart(state, track);
}
