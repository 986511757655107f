/** How a pod's state changes by what has happened. Each function records one fact; `decide` draws the conclusions. */
import type { Pod } from '../../api/types/core.js';
import type { ContainerState } from '../../runtime/types.js';
import type { ProbeKind, ProbeResult } from '../probes/prober.js';
import { lengthened } from './back-off.js';
import type { Instance, PodState, Track } from './state.js';
import { isEnding, trackContainers, unprobed } from './state.js';

/** After a failure without a back-off of its own: 0.5 s doubling to 30 s. */
function retryAt(failures: number, nowMs: number): number {
  return nowMs + Math.min(30_000, 500 * 2 ** Math.min(10, failures - 1));
}

/** How long a failed pull is shown as such before it is shown as waiting. */
const pullErrorShownMs = 1000;

/** The pod's object has changed. */
export function recordPod(state: PodState, pod: Pod, nowMs: number): void {
  state.pod = pod;
  trackContainers(state);
  if (isEnding(state)) state.endingSinceMs ??= nowMs;
}

/** The pod's object is no longer in the API. */
export function recordGone(state: PodState, nowMs: number): void {
  state.gone = true;
  state.endingSinceMs ??= nowMs;
}

/** The pod as a whole fails. The first reason stays. */
export function recordFailure(
  state: PodState,
  failure: { readonly reason: string; readonly message: string },
  nowMs: number,
): void {
  state.failure ??= failure;
  state.endingSinceMs ??= nowMs;
}

/** Sandbox or volumes are being made or removed. */
export function recordPartBegun(state: PodState, part: 'sandbox' | 'volumes'): void {
  const { phase } = state[part];
  state[part].phase = phase === 'none' ? 'making' : 'removing';
}

/** They are there, or gone. Init containers run again in a new sandbox. */
export function recordPartDone(
  state: PodState,
  part: 'sandbox' | 'volumes',
  made?: { readonly id: string; readonly ips: readonly string[] },
): void {
  const target = state[part];
  target.phase = target.phase === 'making' ? 'ready' : 'none';
  target.failures = 0;
  delete target.retryAtMs;
  if (part !== 'sandbox') return;
  if (made === undefined) {
    delete state.sandbox.id;
    if (!state.finished) state.initialized = false;
    for (const track of state.tracks.values()) track.leftovers = [];
    return;
  }
  state.sandbox.id = made.id;
  state.ips = made.ips;
}

/** Making or removing it failed; it is tried again. */
export function recordPartFailed(
  state: PodState,
  part: 'sandbox' | 'volumes',
  nowMs: number,
): void {
  const target = state[part];
  target.phase = target.phase === 'making' ? 'none' : 'ready';
  target.failures++;
  target.retryAtMs = retryAt(target.failures, nowMs);
}

/** The sandbox is gone without our doing: its containers with it. */
export function recordSandboxLost(state: PodState, nowMs: number): void {
  state.sandbox = { phase: 'none', failures: 0 };
  state.initialized = false;
  for (const track of state.tracks.values()) {
    track.leftovers = [];
    if (track.current !== undefined && track.current.phase !== 'exited') {
      recordExit(track, { exitCode: 137, reason: 'ContainerStatusUnknown', finishedAtMs: nowMs });
    }
  }
}

/** The image is being looked for or pulled. */
export function recordImageBegun(track: Track): void {
  track.image = { phase: 'getting' };
}

/** The image is here. */
export function recordImageReady(track: Track): void {
  track.image = { phase: 'ready' };
  delete track.imageBackOff;
}

/** The image could not be had; the next attempt waits for longer than the last. */
export function recordImageFailed(
  track: Track,
  failure: {
    readonly reason: string;
    readonly message: string;
    readonly waiting?: { readonly reason: string; readonly message: string };
  },
  nowMs: number,
): void {
  track.imageBackOff = lengthened(track.imageBackOff, nowMs, nowMs);
  track.image = {
    phase: 'failed',
    ...failure,
    backsOffAtMs: nowMs + pullErrorShownMs,
    retryAtMs: nowMs + track.imageBackOff.delayMs,
  };
}

/** A new run begins: the one before is kept for the status, older ones become remains. */
export function recordStartBegun(state: PodState, track: Track, nowMs: number): void {
  if (track.role === 'main') state.initialized = true;
  track.work = 'starting';
  delete track.crashing;
  if (track.current !== undefined && track.current.finishedAtMs !== undefined) {
    track.crashBackOff = lengthened(track.crashBackOff, track.current.finishedAtMs, nowMs);
  }
}

/** The run exists, whether or not its first process could be started. */
export function recordStarted(track: Track, instance: Instance): void {
  track.work = 'none';
  track.image = { phase: 'unknown' };
  track.restartAnyway = false;
  delete track.trouble;
  if (track.previous !== undefined) track.leftovers.push(track.previous.id);
  if (track.current !== undefined) track.previous = track.current;
  track.current = instance;
  track.probes = unprobed;
}

/** The run exists, but its first process could not be started. */
export function recordNeverRan(track: Track, message: string, nowMs: number): void {
  track.trouble = { reason: 'RunContainerError', message, retryAtMs: nowMs };
}

/** It could not be configured or created: there is no new run. */
export function recordStartFailed(
  track: Track,
  failure: { readonly reason: string; readonly message: string },
  nowMs: number,
): void {
  track.work = 'none';
  // The image is looked for anew: it may be what is missing.
  track.image = { phase: 'unknown' };
  track.trouble = { ...failure, retryAtMs: nowMs + 10_000 };
}

/** The next run waits, since runs end too soon after their start. */
export function recordBackOff(
  track: Track,
  crashing: { readonly message: string; readonly untilMs: number },
): void {
  track.crashing = crashing;
}

/** The container is being stopped. @param deadlineMs when it is killed */
export function recordStopBegun(track: Track, cause: string, deadlineMs: number): void {
  track.work = 'stopping';
  track.stopDeadlineMs = deadlineMs;
  if (cause !== 'ending' && cause !== 'finished') track.restartAnyway = true;
}

/** The attempt to stop it is over, whether or not it has ended. */
export function recordStopEnded(track: Track): void {
  if (track.work === 'stopping') track.work = 'none';
  delete track.stopDeadlineMs;
}

/** The first process has ended. Said twice, the first counts. */
export function recordExit(
  track: Track,
  exit: {
    readonly exitCode: number;
    readonly reason: string;
    readonly finishedAtMs: number;
    readonly message?: string | undefined;
  },
): void {
  const { current } = track;
  if (current === undefined || current.phase === 'exited') return;
  const { exitCode, reason, finishedAtMs, message } = exit;
  track.current = {
    ...current,
    phase: 'exited',
    exitCode,
    reason,
    finishedAtMs,
    ...(message === undefined || message === '' ? {} : { message }),
  };
  track.probes = unprobed;
}

/** A probe has another result. */
export function recordProbe(track: Track, kind: ProbeKind, result: ProbeResult): void {
  track.probes = { ...track.probes, [kind]: result };
}

/** A container of an earlier run has been removed from the runtime. */
export function recordRemainsGone(track: Track, id: string): void {
  track.leftovers = track.leftovers.filter((candidate) => candidate !== id);
}

/** All containers have ended, and none will run again. */
export function recordFinished(state: PodState): void {
  state.finished = true;
  for (const track of state.tracks.values()) delete track.crashing;
}

/** The deletion of the pod's object was asked for, is done, or has failed and is tried again. */
export function recordDeletion(
  state: PodState,
  step: 'asked' | 'done' | 'failed',
  nowMs: number,
): void {
  state.deletion = step === 'failed' ? 'none' : step;
  if (step === 'failed') state.deletionRetryAtMs = nowMs + 1000;
}

/** The annotation in which a container keeps the image that its pod named. */
export const wantedImageAnnotation = 'trireme.dev/wanted-image';

/** What the runtime tells of a container, as a run. */
export function instanceOf(container: ContainerState): Instance {
  const { id, restartCount, image, imageId, phase, createdAtMs, logPath } = container;
  const wanted = container.annotations[wantedImageAnnotation];
  const base = {
    id,
    restartCount,
    image,
    imageId,
    phase,
    createdAtMs,
    logPath,
    ...(wanted === undefined ? {} : { wantedImage: wanted }),
  };
  const started = container.startedAtMs === undefined ? {} : { startedAtMs: container.startedAtMs };
  if (phase !== 'exited') return { ...base, ...started };
  const exitCode = container.exitCode ?? 137;
  return {
    ...base,
    ...started,
    finishedAtMs: container.finishedAtMs ?? createdAtMs,
    exitCode,
    reason: exitReason(exitCode, container.oomKilled ?? false),
  };
}

/** The reason of a terminated state. */
export function exitReason(exitCode: number, oomKilled: boolean): string {
  if (oomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}
