/**
 * Decides the next actions for one pod. Pure: reads its arguments and changes nothing. The shell performs the actions,
 * records their outcome (`record.ts`) and asks again.
 */
import type { Container, Probe } from '../../api/types/core.js';
import { formatDurationMs } from '../../lib/go-duration.js';
import { waitUntil } from './back-off.js';
import { resizeOf } from './resize.js';
import type { PodState, TrackedContainer } from './state.js';
import {
  containersByRole,
  graceSeconds,
  hasExited,
  isEnding,
  isRunning,
  podName,
  trackedByRole,
  willRestart,
} from './state.js';

/**
 * Why a container is stopped: its pod ends or has finished, a probe has failed, its image was changed, or its
 * resources, where that takes a restart.
 */
export type StopCause = 'ending' | 'finished' | 'liveness' | 'startup' | 'changed' | 'resized';

/** One step to take for a pod. */
export type PodAction =
  | { readonly type: 'makeVolumes' | 'makeSandbox' | 'removeSandbox' | 'removeVolumes' }
  | {
      readonly type: 'getImage' | 'startContainer' | 'resizeContainer';
      readonly container: string;
    }
  | {
      readonly type: 'stopContainer';
      readonly container: string;
      readonly cause: StopCause;
      readonly deadlineMs: number;
    }
  /** The next run must wait. */
  | {
      readonly type: 'backOff';
      readonly container: string;
      readonly message: string;
      readonly untilMs: number;
    }
  | { readonly type: 'removeDeadContainer'; readonly container: string; readonly id: string }
  | { readonly type: 'fail'; readonly reason: string; readonly message: string }
  /** All containers have ended and none will run again. */
  | { readonly type: 'finish' }
  | { readonly type: 'deleteObject' };

/** All that is to be done now, and when to ask again. */
export interface Decision {
  readonly actions: readonly PodAction[];
  /** When to ask again if nothing happens before. */
  readonly wakeAtMs?: number;
}

/** Collects actions and the earliest time at which there may be more. */
class Plan {
  readonly actions: PodAction[] = [];
  readonly nowMs: number;
  wakeAtMs: number | undefined;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  add(action: PodAction): void {
    this.actions.push(action);
  }

  /** True when that time has come; else it is waited for. */
  due(atMs: number | undefined): boolean {
    if (atMs === undefined || atMs <= this.nowMs) return true;
    this.wakeAtMs = Math.min(this.wakeAtMs ?? atMs, atMs);
    return false;
  }
}

/** See the head of this file. */
export function decide(state: PodState, nowMs: number): Decision {
  const plan = new Plan(nowMs);
  if (state.finished || state.gone) decideEnd(state, plan);
  else if (isEnding(state)) decideEnd(state, plan);
  else if (!decideDeadline(state, plan)) decideRun(state, plan);
  return {
    actions: plan.actions,
    ...(plan.wakeAtMs === undefined ? {} : { wakeAtMs: plan.wakeAtMs }),
  };
}

/** `activeDeadlineSeconds` counts from when the node took the pod. @returns true when it is over */
function decideDeadline(state: PodState, plan: Plan): boolean {
  const seconds = state.pod.spec.activeDeadlineSeconds;
  if (seconds === undefined || !plan.due(state.startedAtMs + Number(seconds) * 1000)) return false;
  plan.add({
    type: 'fail',
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  });
  return true;
}

function decideRun(state: PodState, plan: Plan): void {
  const starts = nextStarts(state);
  if (starts === 'finished') {
    plan.add({ type: 'finish' });
    return;
  }
  const { sandbox, volumes } = state;
  if (volumes.phase === 'none' && plan.due(volumes.retryAtMs)) plan.add({ type: 'makeVolumes' });
  if (sandbox.phase === 'none' && plan.due(sandbox.retryAtMs)) plan.add({ type: 'makeSandbox' });
  for (const tracked of state.trackedContainers.values()) {
    decideProbes(state, tracked, plan);
    decideResize(state, tracked, plan);
    for (const id of tracked.deadContainerIds) {
      plan.add({ type: 'removeDeadContainer', container: tracked.name, id });
    }
  }
  for (const tracked of starts) decideStart(state, tracked, plan);
}

/**
 * The containers whose next run is due as far as their order goes: ephemeral ones at once, init containers one after
 * the other, a sidecar before what follows it has started, main containers when all of these are done.
 * @see kubelet computePodActions, computeInitContainerActions
 */
function nextStarts(state: PodState): TrackedContainer[] | 'finished' {
  const starts = trackedByRole(state, 'ephemeral').filter(
    (tracked) => tracked.current === undefined && !isBusy(tracked),
  );
  let initialized = true;
  for (const tracked of trackedByRole(state, 'init', 'sidecar')) {
    if (tracked.role === 'init') {
      if (state.initialized || isDone(tracked)) continue;
      initialized = false;
      if (hasExited(tracked) && !willRestart(state, tracked)) return 'finished';
      if (!isBusy(tracked)) starts.push(tracked);
      break;
    }
    if (!isBusy(tracked)) starts.push(tracked);
    if (isRunning(tracked) && tracked.work === 'none' && tracked.probes.startup === 'success')
      continue;
    if (state.initialized) continue;
    initialized = false;
    break;
  }
  const mains = trackedByRole(state, 'main');
  if (initialized || state.initialized) {
    const next = mains.filter(
      (tracked) =>
        !isBusy(tracked) && (tracked.current === undefined || willRestart(state, tracked)),
    );
    const over = mains.every((tracked) => hasExited(tracked) && !willRestart(state, tracked));
    if (over && mains.every((tracked) => tracked.work === 'none')) return 'finished';
    starts.push(...next);
  }
  return starts;
}

function isDone(tracked: TrackedContainer): boolean {
  return hasExited(tracked) && tracked.current?.exitCode === 0 && !tracked.restartAnyway;
}

function isBusy(tracked: TrackedContainer): boolean {
  return tracked.work !== 'none' || isRunning(tracked);
}

function decideStart(state: PodState, tracked: TrackedContainer, plan: Plan): void {
  const { current, crashing, startFailure, image } = tracked;
  if (current?.phase === 'exited' && !decideBackOff(state, tracked, plan)) return;
  if (crashing !== undefined && !plan.due(crashing.untilMs)) return;
  if (startFailure !== undefined && !plan.due(startFailure.retryAtMs)) return;
  if (image.phase === 'unknown') plan.add({ type: 'getImage', container: tracked.name });
  if (image.phase === 'failed') {
    plan.due(image.backsOffAtMs);
    if (plan.due(image.retryAtMs)) plan.add({ type: 'getImage', container: tracked.name });
  }
  if (image.phase !== 'ready') return;
  if (state.sandbox.phase !== 'ready' || state.volumes.phase !== 'ready') return;
  plan.add({ type: 'startContainer', container: tracked.name });
}

/** @returns true when the container may run again now */
function decideBackOff(state: PodState, tracked: TrackedContainer, plan: Plan): boolean {
  const endedMs = tracked.current?.finishedAtMs ?? plan.nowMs;
  const untilMs = waitUntil(tracked.crashBackOff, endedMs);
  if (plan.due(untilMs)) return true;
  if (tracked.crashing === undefined && untilMs !== undefined) {
    const length = formatDurationMs(tracked.crashBackOff?.delayMs ?? 0);
    const message = `back-off ${length} restarting failed container=${tracked.name} pod=${podName(state.pod)}`;
    plan.add({ type: 'backOff', container: tracked.name, message, untilMs });
  }
  return false;
}

/**
 * A container that fails its liveness or startup probe, or whose image is to be another, is ended; its exit has it
 * run again.
 */
function decideProbes(state: PodState, tracked: TrackedContainer, plan: Plan): void {
  if (!isRunning(tracked) || tracked.work !== 'none') return;
  const container = containerNamed(state, tracked.name);
  const cause = stopCause(tracked, container);
  if (cause === undefined || !plan.due(tracked.stopFailure?.retryAtMs)) return;
  const probes = { startup: container?.startupProbe, liveness: container?.livenessProbe };
  const probe = cause === 'changed' ? undefined : probes[cause];
  const deadlineMs = plan.nowMs + probeGraceSeconds(state, probe) * 1000;
  plan.add({ type: 'stopContainer', container: tracked.name, cause, deadlineMs });
}

/** What is refused for lack of room is looked at again after a while. */
const roomAgainMs = 10_000;

function decideResize(state: PodState, tracked: TrackedContainer, plan: Plan): void {
  const { name, work, resizeFailure } = tracked;
  const container = containerNamed(state, name);
  const kind = resizeOf(tracked, container);
  // A container that is to end for another reason gets what it wants by running anew.
  if (kind === undefined || work !== 'none' || stopCause(tracked, container) !== undefined) return;
  const { resizeRefusal } = state;
  if (resizeRefusal !== undefined) {
    if (resizeRefusal.reason === 'Deferred') plan.due(plan.nowMs + roomAgainMs);
    return;
  }
  if (kind === 'restart') {
    if (!plan.due(tracked.stopFailure?.retryAtMs)) return;
    const deadlineMs = plan.nowMs + probeGraceSeconds(state, undefined) * 1000;
    plan.add({ type: 'stopContainer', container: name, cause: 'resized', deadlineMs });
  } else if (plan.due(resizeFailure?.retryAtMs)) {
    plan.add({ type: 'resizeContainer', container: name });
  }
}

function stopCause(
  tracked: TrackedContainer,
  container: Container | undefined,
): 'startup' | 'liveness' | 'changed' | undefined {
  if (tracked.probes.startup === 'failure') return 'startup';
  if (tracked.probes.liveness === 'failure') return 'liveness';
  const changed =
    tracked.role !== 'ephemeral' &&
    container?.image !== undefined &&
    tracked.current?.wantedImage !== undefined &&
    container.image !== tracked.current.wantedImage;
  return changed ? 'changed' : undefined;
}

function probeGraceSeconds(state: PodState, probe: Probe | undefined): number {
  const own = probe?.terminationGracePeriodSeconds;
  return Math.max(1, Number(own ?? state.pod.spec.terminationGracePeriodSeconds ?? 30));
}

function containerNamed(state: PodState, name: string): Container | undefined {
  return containersByRole(state.pod).find(({ container }) => container.name === name)?.container;
}

/** Containers end (sidecars last, in reverse order), then sandbox and network go, then volumes, then the object. */
function decideEnd(state: PodState, plan: Plan): void {
  const cause = isEnding(state) ? ('ending' as const) : ('finished' as const);
  const deadlineMs = (state.endingSinceMs ?? plan.nowMs) + graceSeconds(state) * 1000;
  for (const tracked of endingNow(state)) {
    if (tracked.work === 'starting') continue;
    const shorter = tracked.work === 'stopping' && deadlineMs < (tracked.stopDeadlineMs ?? 0);
    const isDue = tracked.work === 'none' && plan.due(tracked.stopFailure?.retryAtMs);
    if (isDue || shorter) {
      plan.add({ type: 'stopContainer', container: tracked.name, cause, deadlineMs });
    }
  }
  const { sandbox, volumes } = state;
  const quiet = [...state.trackedContainers.values()].every(
    (tracked) => tracked.work === 'none' && !isRunning(tracked),
  );
  if (!quiet) return;
  if (sandbox.phase === 'making' || volumes.phase === 'making') return;
  if (!state.finished) plan.add({ type: 'finish' });
  if (sandbox.phase === 'ready' && plan.due(sandbox.retryAtMs)) plan.add({ type: 'removeSandbox' });
  if (sandbox.phase !== 'none') return;
  if (volumes.phase === 'ready' && plan.due(volumes.retryAtMs)) plan.add({ type: 'removeVolumes' });
  if (volumes.phase !== 'none' || state.gone) return;
  if (state.pod.metadata.deletionTimestamp === undefined || state.deletion !== 'none') return;
  if (plan.due(state.deletionRetryAtMs)) plan.add({ type: 'deleteObject' });
}

/** Containers whose turn to end has come: first all but the sidecars, then those from the last to the first. */
function endingNow(state: PodState): TrackedContainer[] {
  const alive = (tracked: TrackedContainer): boolean =>
    isRunning(tracked) || tracked.work !== 'none';
  const others = trackedByRole(state, 'init', 'main', 'ephemeral').filter(alive);
  const mains = others.filter((tracked) => tracked.role !== 'ephemeral' || isEnding(state));
  if (mains.length > 0) return others;
  const last = trackedByRole(state, 'sidecar').filter(alive).at(-1);
  return last === undefined ? others : [...others, last];
}
