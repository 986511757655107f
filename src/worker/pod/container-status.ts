/** The status of one container as kubelet reports it. */
import type { Container, ContainerState, ContainerStatus } from '../../api/types/core.js';
import type { Instance, PodState, Track } from './state.js';
import { isEnding, isRunning, tracksOf } from './state.js';

/** `state.terminated` of a container status. */
export type StatusTerminated = NonNullable<ContainerState['terminated']>;

/** What a container's status depends on. */
export interface ContainerStatusOptions {
  readonly state: PodState;
  readonly track: Track;
  readonly container: Container;
  readonly nowMs: number;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function formatTime(ms: number): string {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** One entry of `containerStatuses`. */
export function containerStatus(options: ContainerStatusOptions): ContainerStatus {
  const { state, track, container } = options;
  const { current, previous } = track;
  const shown = stateOf(options);
  const waits = shown.waiting !== undefined && current?.phase === 'exited';
  const last = waits ? current : previous;
  const running = shown.running !== undefined;
  const started = running && track.probes.startup === 'success' && track.work !== 'starting';
  const done = track.role === 'init' && current?.phase === 'exited' && current.exitCode === 0;
  const ready = running ? started && isReady(state, track) : done;
  return {
    name: track.name,
    state: shown,
    lastState: last === undefined ? {} : { terminated: terminatedState(last) },
    ready,
    restartCount: current?.restartCount ?? 0,
    image: current === undefined || current.image === '' ? (container.image ?? '') : current.image,
    imageID: current?.imageId ?? '',
    ...(current === undefined ? {} : { containerID: containerId(current) }),
    started,
    ...resourcesOf(container, running),
    ...mountsOf(container),
  };
}

/** A sidecar or main container is ready by its readiness probe; a plain init container only when it is done. */
function isReady(state: PodState, track: Track): boolean {
  if (track.role === 'init' || track.role === 'ephemeral') return false;
  // While the pod ends, kubelet goes on probing; a container that is being stopped counts as not ready.
  if (isEnding(state) && track.work === 'stopping') return false;
  return track.probes.readiness === 'success';
}

function containerId(instance: Instance): string {
  return `containerd://${instance.id}`;
}

/** How a run ended, as the status says it. */
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
  const { state, track, nowMs } = options;
  const { current } = track;
  if (isRunning(track) && current !== undefined) {
    return { running: { startedAt: formatTime(current.startedAtMs ?? current.createdAtMs) } };
  }
  const over = state.finished || isEnding(state);
  if (current?.phase === 'exited') {
    const waiting = over ? undefined : waitingReason(track, nowMs);
    return waiting === undefined ? { terminated: terminatedState(current) } : { waiting };
  }
  const quiet = track.work === 'none';
  if (over && quiet && isEnding(state) && state.initialized && track.role !== 'ephemeral') {
    return {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    };
  }
  return { waiting: waitingReason(track, nowMs) ?? { reason: initialReason(state, track) } };
}

/** Why the next run has not begun, if there is more to say than that it will. */
function waitingReason(
  track: Track,
  nowMs: number,
): { reason: string; message?: string } | undefined {
  if (track.work === 'starting') return undefined;
  if (track.crashing !== undefined) {
    return { reason: 'CrashLoopBackOff', message: track.crashing.message };
  }
  const { image, trouble } = track;
  if (image.phase === 'failed') {
    const { reason, message, waiting } = image;
    return waiting !== undefined && nowMs >= image.backsOffAtMs ? waiting : { reason, message };
  }
  return trouble === undefined ? undefined : { reason: trouble.reason, message: trouble.message };
}

/** Main containers wait for init containers; everything else is being made. */
function initialReason(state: PodState, track: Track): string {
  const hasInit = tracksOf(state, 'init', 'sidecar').length > 0;
  return track.role === 'ephemeral' || !hasInit ? 'ContainerCreating' : 'PodInitializing';
}

function resourcesOf(container: Container, running: boolean): Partial<ContainerStatus> {
  const { resources } = container;
  if (!running || resources === undefined) return {};
  const { limits, requests } = resources;
  if (limits === undefined && requests === undefined) return { resources: {} };
  return {
    ...(requests === undefined ? {} : { allocatedResources: requests }),
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
