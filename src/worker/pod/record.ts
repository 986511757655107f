/** Changes a pod's state after an event. Each function records one fact; `decide` draws the conclusions. */
import type { Pod } from '../../api/types/core.js';
import type { ContainerState } from '../../runtime/types.js';
import type { ProbeKind, ProbeResult } from '../probes/prober.js';
import { lengthened } from './back-off.js';
import type {
  Instance,
  PodFailure,
  PodState,
  ResizeRefusal,
  Resources,
  TrackedContainer,
} from './state.js';
import { isEnding, trackContainers, trackedByRole, unprobed } from './state.js';

/** After a failure without a back-off of its own: 0.5 s doubling to 30 s. */
function retryAt(failures: number, nowMs: number): number {
  return nowMs + Math.min(30_000, 500 * 2 ** Math.min(10, failures - 1));
}

/** The time for which the status shows the error of a failed pull, before it shows the back-off. */
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
export function recordFailure(state: PodState, failure: PodFailure, nowMs: number): void {
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
    if (!state.finished) beginAnew(state);
    for (const tracked of state.trackedContainers.values()) tracked.deadContainerIds = [];
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

/** In a new sandbox init containers run again, those too that have succeeded; not where nothing runs twice. */
export function beginAnew(state: PodState): void {
  state.initialized = false;
  if (state.pod.spec.restartPolicy === 'Never') return;
  for (const tracked of trackedByRole(state, 'init')) {
    if (tracked.current !== undefined) tracked.restartAnyway = true;
  }
}

/** The sandbox is gone without our doing: its containers with it. */
export function recordSandboxLost(state: PodState, nowMs: number): void {
  state.sandbox = { phase: 'none', failures: 0 };
  beginAnew(state);
  for (const tracked of state.trackedContainers.values()) {
    tracked.deadContainerIds = [];
    if (tracked.current !== undefined && tracked.current.phase !== 'exited') {
      recordExit(tracked, { exitCode: 137, reason: 'ContainerStatusUnknown', finishedAtMs: nowMs });
    }
  }
}

/** The image is being looked for or pulled. */
export function recordImageBegun(tracked: TrackedContainer): void {
  tracked.image = { phase: 'getting' };
}

/** The image is here. */
export function recordImageReady(tracked: TrackedContainer): void {
  tracked.image = { phase: 'ready' };
  delete tracked.imageBackOff;
}

/** The image could not be had; the next attempt waits for longer than the last. */
export function recordImageFailed(
  tracked: TrackedContainer,
  failure: {
    readonly reason: string;
    readonly message: string;
    readonly waiting?: { readonly reason: string; readonly message: string };
  },
  nowMs: number,
): void {
  tracked.imageBackOff = lengthened(tracked.imageBackOff, nowMs, nowMs);
  tracked.image = {
    phase: 'failed',
    ...failure,
    backsOffAtMs: nowMs + pullErrorShownMs,
    retryAtMs: nowMs + tracked.imageBackOff.delayMs,
  };
}

/** Whether the node has room for resources that the pod asks for by now. */
export function recordRoom(state: PodState, refusal: ResizeRefusal | undefined): void {
  if (refusal === undefined) delete state.resizeRefusal;
  else state.resizeRefusal = refusal;
}

/** The resources of a run are being changed. */
export function recordResizeBegun(tracked: TrackedContainer): void {
  tracked.work = 'resizing';
}

/** They are changed, of the run that was meant. */
export function recordResized(tracked: TrackedContainer, id: string, resources: Resources): void {
  if (tracked.work === 'resizing') tracked.work = 'none';
  delete tracked.resizeFailure;
  if (tracked.current?.id === id) tracked.current = { ...tracked.current, resources };
}

/** They could not be changed. @param isFinal it makes no sense to try again soon */
export function recordResizeFailed(
  tracked: TrackedContainer,
  failure: { readonly message: string; readonly isFinal: boolean },
  nowMs: number,
): void {
  if (tracked.work === 'resizing') tracked.work = 'none';
  const retryAtMs = nowMs + (failure.isFinal ? 600_000 : 10_000);
  tracked.resizeFailure = { ...failure, retryAtMs };
}

/** A new run begins: the one before is kept for the status, older ones are removed from the runtime. */
export function recordStartBegun(state: PodState, tracked: TrackedContainer, nowMs: number): void {
  if (tracked.role === 'main') state.initialized = true;
  tracked.work = 'starting';
  delete tracked.crashing;
  const { current } = tracked;
  // As kubelet, which waits for ends that its runtime tells of.
  if (current?.finishedAtMs !== undefined && current.isLost !== true) {
    tracked.crashBackOff = lengthened(tracked.crashBackOff, current.finishedAtMs, nowMs);
  }
}

/** The run exists, whether or not its first process could be started. */
export function recordStarted(tracked: TrackedContainer, instance: Instance): void {
  tracked.work = 'none';
  tracked.image = { phase: 'unknown' };
  tracked.restartAnyway = false;
  delete tracked.startFailure;
  delete tracked.resizeFailure;
  const { previous } = tracked;
  if (previous !== undefined && previous.isLost !== true)
    tracked.deadContainerIds.push(previous.id);
  if (tracked.current !== undefined) tracked.previous = tracked.current;
  tracked.current = instance;
  tracked.probes = unprobed;
}

/** A run as it was before its end. */
export function stillRunning(instance: Instance): Instance {
  const {
    finishedAtMs: _at,
    exitCode: _code,
    reason: _reason,
    message: _message,
    ...run
  } = instance;
  return { ...run, phase: 'running' };
}

/** The run exists, but its first process could not be started. */
export function recordNeverRan(tracked: TrackedContainer, message: string, nowMs: number): void {
  tracked.startFailure = { reason: 'RunContainerError', message, retryAtMs: nowMs };
}

/** It could not be configured or created: there is no new run. */
export function recordStartFailed(
  tracked: TrackedContainer,
  failure: { readonly reason: string; readonly message: string },
  nowMs: number,
): void {
  tracked.work = 'none';
  // The image is looked for anew: it may be what is missing.
  tracked.image = { phase: 'unknown' };
  tracked.startFailure = { ...failure, retryAtMs: nowMs + 10_000 };
}

/** The next run waits, since runs end too soon after their start. */
export function recordBackOff(
  tracked: TrackedContainer,
  crashing: { readonly message: string; readonly untilMs: number },
): void {
  tracked.crashing = crashing;
}

/** The container is being stopped. @param deadlineMs when it is killed */
export function recordStopBegun(
  tracked: TrackedContainer,
  cause: string,
  deadlineMs: number,
): void {
  tracked.work = 'stopping';
  tracked.stopDeadlineMs = deadlineMs;
  if (cause !== 'ending' && cause !== 'finished') tracked.restartAnyway = true;
}

/** The attempt to stop it is over, whether or not it has ended. */
export function recordStopEnded(tracked: TrackedContainer): void {
  if (tracked.work === 'stopping') tracked.work = 'none';
  delete tracked.stopDeadlineMs;
  delete tracked.stopFailure;
}

/** The runtime could not stop it, or does not answer: it is tried again after a while. */
export function recordStopFailed(tracked: TrackedContainer, nowMs: number): void {
  const failures = (tracked.stopFailure?.failures ?? 0) + 1;
  recordStopEnded(tracked);
  if (tracked.current?.phase !== 'running') return;
  tracked.stopFailure = { failures, retryAtMs: retryAt(failures, nowMs) };
}

/** The first process has ended. Said twice, the first counts. */
export function recordExit(
  tracked: TrackedContainer,
  exit: {
    readonly exitCode: number;
    readonly reason: string;
    readonly finishedAtMs: number;
    readonly message?: string | undefined;
  },
): void {
  const { current } = tracked;
  if (current === undefined || current.phase === 'exited') return;
  const { exitCode, reason, finishedAtMs, message } = exit;
  tracked.current = {
    ...current,
    phase: 'exited',
    exitCode,
    reason,
    finishedAtMs,
    ...(message === undefined || message === '' ? {} : { message }),
  };
  tracked.probes = unprobed;
  delete tracked.stopFailure;
}

/** A probe has another result. */
export function recordProbe(tracked: TrackedContainer, kind: ProbeKind, result: ProbeResult): void {
  tracked.probes = { ...tracked.probes, [kind]: result };
}

/** A container of an earlier run has been removed from the runtime. */
export function recordDeadContainerRemoved(tracked: TrackedContainer, id: string): void {
  tracked.deadContainerIds = tracked.deadContainerIds.filter((candidate) => candidate !== id);
}

/** All containers have ended, and none will run again. */
export function recordFinished(state: PodState): void {
  state.finished = true;
  for (const tracked of state.trackedContainers.values()) delete tracked.crashing;
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

/** The annotation in which a container keeps the requests and limits that it runs with. */
export const resourcesAnnotation = 'trireme.dev/resources';

/** Makes a run of a container as the runtime reports it. */
export function instanceOf(container: ContainerState): Instance {
  const { id, restartCount, image, imageId, phase, createdAtMs, logPath, reportedId } = container;
  const wanted = container.annotations[wantedImageAnnotation];
  const base = {
    id,
    ...(reportedId === undefined ? {} : { reportedId }),
    restartCount,
    image,
    imageId,
    phase,
    createdAtMs,
    logPath,
    ...(wanted === undefined ? {} : { wantedImage: wanted }),
    ...resourcesOf(container),
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

function resourcesOf({ annotations }: ContainerState): { resources?: Resources } {
  const text = annotations[resourcesAnnotation];
  // Written by the agent itself.
  return text === undefined ? {} : { resources: JSON.parse(text) as Resources };
}

/** The reason of a terminated state. */
export function exitReason(exitCode: number, oomKilled: boolean): string {
  if (oomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}
