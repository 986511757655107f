/** The status of one container as kubelet reports it. */
import type { Container, ContainerState, ContainerStatus } from '../../api/types/core.js';
import { formatTime } from '../../api/facts/time.js';
import { resizeRefusalOf } from './resize.js';
import type { Instance, PodState, TrackedContainer } from './state.js';
import { isEnding, isRunning, trackedByRole } from './state.js';

/** `state.terminated` of a container status. */
export type StatusTerminated = NonNullable<ContainerState['terminated']>;

/** The inputs of a container's status. */
export interface ContainerStatusOptions {
  readonly state: PodState;
  readonly tracked: TrackedContainer;
  readonly container: Container;
  readonly nowMs: number;
}

/** Builds one entry of `containerStatuses`. */
export function containerStatus(options: ContainerStatusOptions): ContainerStatus {
  const { tracked, container } = options;
  const { current, previous } = tracked;
  const shown = stateOf(options);
  const waits = shown.waiting !== undefined && current?.phase === 'exited';
  const last = waits ? current : previous;
  const running = shown.running !== undefined;
  const started = running && tracked.probes.startup === 'success' && tracked.work !== 'starting';
  const done = tracked.role === 'init' && current?.phase === 'exited' && current.exitCode === 0;
  const ready = running ? started && isReady(tracked) : done;
  return {
    name: tracked.name,
    state: shown,
    lastState: last === undefined ? {} : { terminated: terminatedState(last) },
    ready,
    restartCount: current?.restartCount ?? 0,
    image: current === undefined || current.image === '' ? (container.image ?? '') : current.image,
    imageID: current?.imageId ?? '',
    ...(current === undefined ? {} : { containerID: containerId(current) }),
    started,
    ...resourcesOf(options, running),
    ...mountsOf(container),
  };
}

/**
 * A sidecar or main container is ready by its readiness probe; a plain init container only when it is done. While the
 * pod ends kubelet goes on probing: a container that is being stopped and still serves stays ready, so that services
 * without other endpoints fall back to it.
 */
function isReady({ role, probes }: TrackedContainer): boolean {
  if (role === 'init' || role === 'ephemeral') return false;
  return probes.readiness === 'success';
}

/** The name of a run in the pod's status. */
export function containerId({ id, reportedId }: Instance): string {
  return reportedId ?? `containerd://${id}`;
}

/** Builds the `terminated` state of a run that has ended. */
export function terminatedState(instance: Instance): StatusTerminated {
  const { exitCode = 0, reason, message, startedAtMs, finishedAtMs } = instance;
  return {
    exitCode,
    reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
    ...(message === undefined ? {} : { message }),
    startedAt: formatTime(startedAtMs ?? 0),
    finishedAt: formatTime(finishedAtMs ?? 0),
    containerID: containerId(instance),
  };
}

function stateOf(options: ContainerStatusOptions): ContainerState {
  const { state, tracked, nowMs } = options;
  const { current } = tracked;
  if (isRunning(tracked) && current !== undefined) {
    return { running: { startedAt: formatTime(current.startedAtMs ?? current.createdAtMs) } };
  }
  const over = state.finished || isEnding(state);
  if (current?.phase === 'exited') {
    const waiting = over ? undefined : waitingReason(tracked, nowMs);
    return waiting === undefined ? { terminated: terminatedState(current) } : { waiting };
  }
  const quiet = tracked.work === 'none';
  if (over && quiet && isEnding(state) && state.initialized && tracked.role !== 'ephemeral') {
    return {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    };
  }
  return { waiting: waitingReason(tracked, nowMs) ?? { reason: initialReason(state, tracked) } };
}

/** Why the next run has not begun, if there is more to say than that it will. */
function waitingReason(
  tracked: TrackedContainer,
  nowMs: number,
): { reason: string; message?: string } | undefined {
  if (tracked.work === 'starting') return undefined;
  if (tracked.crashing !== undefined) {
    return { reason: 'CrashLoopBackOff', message: tracked.crashing.message };
  }
  const { image, startFailure } = tracked;
  if (image.phase === 'failed') {
    const { reason, message, waiting } = image;
    return waiting !== undefined && nowMs >= image.backsOffAtMs ? waiting : { reason, message };
  }
  return startFailure === undefined
    ? undefined
    : { reason: startFailure.reason, message: startFailure.message };
}

/** Main containers wait for init containers; everything else is being made. */
function initialReason(state: PodState, tracked: TrackedContainer): string {
  const hasInit = trackedByRole(state, 'init', 'sidecar').length > 0;
  return tracked.role === 'ephemeral' || !hasInit ? 'ContainerCreating' : 'PodInitializing';
}

/** The resources that it runs with, and the requests that the node keeps for it: not yet those that are refused. */
function resourcesOf(
  { state, tracked, container }: ContainerStatusOptions,
  running: boolean,
): Partial<ContainerStatus> {
  const actual = tracked.current?.resources ?? container.resources;
  if (!running || actual === undefined) return {};
  const isRefused = resizeRefusalOf(state) !== undefined;
  const allocated = (isRefused ? actual : container.resources)?.requests;
  const { limits, requests } = actual;
  return {
    ...(allocated === undefined ? {} : { allocatedResources: allocated }),
    resources: {
      ...(limits === undefined ? {} : { limits }),
      ...(requests === undefined ? {} : { requests }),
    },
  };
}

function mountsOf(container: Container): Partial<ContainerStatus> {
  const mounts = container.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  return {
    volumeMounts: mounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly === true ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
    })),
  };
}
