/**
 * The node's knowledge of one pod: the wanted object, and the sandbox, images and containers made for it so far.
 * `decide` reads it, `record` changes it; neither does anything else.
 */
import type { Container, Pod } from '../../api/types/core.js';
import { assertNever } from '../../lib/assert.js';
import type { ProbeResult } from '../probes/prober.js';

/** The purpose of a container. A sidecar is an init container that goes on running (`restartPolicy: Always`). */
export type ContainerRole = 'init' | 'sidecar' | 'main' | 'ephemeral';

/** Requests and limits of a container. */
export type Resources = NonNullable<Container['resources']>;

/** Why a resize is not begun: never possible here, or not for now. */
export interface ResizeRefusal {
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

/** One run of a container. */
export interface Instance {
  readonly id: string;
  /** As its status names it. @default `containerd://` and the id */
  readonly reportedId?: string;
  /** The number of earlier runs of this container. */
  readonly restartCount: number;
  readonly image: string;
  readonly imageId: string;
  /** As the pod named it when the run began. */
  readonly wantedImage?: string;
  readonly phase: 'created' | 'running' | 'exited';
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** Requests and limits that it runs with; absent where an earlier version of the agent started it. */
  readonly resources?: Resources;
  /** Set when exited, as are `reason` and `message`, those of a terminated state. */
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly logPath: string;
  /** The runtime does not know it any more; its id is from the pod's status. @default false */
  readonly isLost?: boolean;
}

/** The progress of getting the image for the next run. */
export type ImageState =
  | { readonly phase: 'unknown' | 'getting' | 'ready' }
  | {
      readonly phase: 'failed';
      readonly reason: string;
      readonly message: string;
      /** The waiting state that the status shows from `backsOffAtMs` on, until the next attempt. */
      readonly waiting?: { readonly reason: string; readonly message: string };
      readonly backsOffAtMs: number;
      readonly retryAtMs: number;
    };

/** A failure that is tried again later. */
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly retryAtMs: number;
}

/** As client-go's `flowcontrol.Backoff`: how long the next wait is, and when that was decided. */
export interface BackOffEntry {
  readonly delayMs: number;
  readonly updatedMs: number;
}

/** The last result of each probe. */
export type ProbeResults = Readonly<Record<'startup' | 'liveness' | 'readiness', ProbeResult>>;

/** One container of the pod, over all its runs. */
export interface TrackedContainer {
  readonly name: string;
  readonly role: ContainerRole;
  /** The present or last run. */
  current?: Instance;
  /** The run before it. */
  previous?: Instance;
  /** The ids of earlier runs that the runtime still has. */
  deadContainerIds: string[];
  /** Work under way on it. Invariant: never more than one piece. */
  work: 'none' | 'starting' | 'stopping' | 'resizing';
  /** While stopping: when it gets SIGKILL. */
  stopDeadlineMs?: number;
  /** It could not be stopped: not before then it is tried again. */
  stopFailure?: { readonly failures: number; readonly retryAtMs: number };
  image: ImageState;
  imageBackOff?: BackOffEntry;
  startFailure?: StartFailure;
  crashBackOff?: BackOffEntry;
  /** Set while the next run waits for its back-off. */
  crashing?: { readonly message: string; readonly untilMs: number };
  /** Why its resources could not be changed. Final: the node cannot do that at all. */
  resizeFailure?: {
    readonly message: string;
    readonly retryAtMs: number;
    readonly isFinal: boolean;
  };
  /** It runs again even if it exited with 0: a probe or a hook has ended it, or its pod begins anew. */
  restartAnyway: boolean;
  probes: ProbeResults;
}

/** Something that the pod has once: its sandbox with network, its volumes. */
export interface Part {
  phase: 'none' | 'making' | 'ready' | 'removing';
  retryAtMs?: number;
  failures: number;
}

/** Why a pod as a whole has failed. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  /** Seconds that its containers get to end. @default the pod's own */
  readonly graceSeconds?: number;
  /** The node never took it. @default false */
  readonly isRejection?: boolean;
  /** The node ends it for the sake of others: it has the condition DisruptionTarget. @default false */
  readonly isDisruption?: boolean;
}

/** All that the agent knows of one pod: what was wanted, and what has been done about it. */
export interface PodState {
  pod: Pod;
  /** The object is no longer in the API. */
  gone: boolean;
  /** When this node first saw it. */
  readonly startedAtMs: number;
  sandbox: Part & { id?: string };
  ips: readonly string[];
  volumes: Part;
  readonly trackedContainers: Map<string, TrackedContainer>;
  /** Init containers are done; they do not run again in this sandbox. */
  initialized: boolean;
  /** Why the pod as a whole has failed (its deadline, an eviction): all its containers end. */
  failure?: PodFailure;
  /** Why resources that the pod asks for by now are not given to it. */
  resizeRefusal?: ResizeRefusal;
  /** When its end began. */
  endingSinceMs?: number;
  /** Final in the API before this node ran any of it, or all its containers have ended and none will run again. */
  finished: boolean;
  /** Deleting the object from the API, once all is taken down. */
  deletion: 'none' | 'asked' | 'done';
  deletionRetryAtMs?: number;
}

/** Nothing is known of a container that has not run yet. */
export const unprobed: ProbeResults = {
  startup: 'unknown',
  liveness: 'success',
  readiness: 'failure',
};

function newTracked(name: string, role: ContainerRole): TrackedContainer {
  return {
    name,
    role,
    deadContainerIds: [],
    work: 'none',
    image: { phase: 'unknown' },
    restartAnyway: false,
    probes: unprobed,
  };
}

/** A pod of which nothing is made yet. */
export function newPodState(pod: Pod, nowMs: number): PodState {
  const startedMs = Date.parse(pod.status?.startTime ?? '');
  const phase = pod.status?.phase;
  const state: PodState = {
    pod,
    gone: false,
    startedAtMs: Number.isNaN(startedMs) ? Math.floor(nowMs / 1000) * 1000 : startedMs,
    sandbox: { phase: 'none', failures: 0 },
    ips: [],
    volumes: { phase: 'none', failures: 0 },
    trackedContainers: new Map(),
    initialized: false,
    finished: phase === 'Succeeded' || phase === 'Failed',
    deletion: 'none',
  };
  trackContainers(state);
  return state;
}

/** Adds what the pod has got since (ephemeral containers). */
export function trackContainers(state: PodState): void {
  for (const { container, role } of containersByRole(state.pod)) {
    if (!state.trackedContainers.has(container.name)) {
      state.trackedContainers.set(container.name, newTracked(container.name, role));
    }
  }
}

/** All containers of a pod, in the order in which they start. */
export function containersByRole(
  pod: Pod,
): readonly { readonly container: Container; readonly role: ContainerRole }[] {
  return [
    ...(pod.spec.initContainers ?? []).map((container) => ({
      container,
      role: container.restartPolicy === 'Always' ? ('sidecar' as const) : ('init' as const),
    })),
    ...pod.spec.containers.map((container) => ({ container, role: 'main' as const })),
    ...(pod.spec.ephemeralContainers ?? []).map((container) => ({
      // An ephemeral container has a container's fields; what it must not set is refused by the API.
      container: container as Container,
      role: 'ephemeral' as const,
    })),
  ];
}

/** The containers of a role in the order of the pod's spec. */
export function trackedByRole(
  state: PodState,
  ...roles: readonly ContainerRole[]
): TrackedContainer[] {
  return [...state.trackedContainers.values()].filter((tracked) => roles.includes(tracked.role));
}

/** Tells whether the current run's first process runs. */
export function isRunning(tracked: TrackedContainer): boolean {
  return tracked.current?.phase === 'running';
}

/** Tells whether the current run's first process has ended. */
export function hasExited(tracked: TrackedContainer): boolean {
  return tracked.current?.phase === 'exited';
}

/** Decides by a sidecar's own policy, by the pod's for others; ephemeral containers never run twice. */
export function willRestart(state: PodState, tracked: TrackedContainer): boolean {
  const policy = state.pod.spec.restartPolicy ?? 'Always';
  const failed = tracked.restartAnyway || tracked.current?.exitCode !== 0;
  switch (tracked.role) {
    case 'ephemeral':
      return false;
    case 'sidecar':
      return true;
    case 'init':
      // An init container that succeeded is done under every policy.
      return failed && policy !== 'Never';
    case 'main':
      return policy === 'Always' || (policy === 'OnFailure' && failed);
    default:
      return assertNever(tracked.role, 'role');
  }
}

/** True when the pod is on its way out: deleted, removed from the API, or failed as a whole. */
export function isEnding(state: PodState): boolean {
  return (
    state.gone || state.pod.metadata.deletionTimestamp !== undefined || state.failure !== undefined
  );
}

/** Seconds that containers get to end. A deletion's own period counts before the pod's. At least one. */
export function graceSeconds(state: PodState): number {
  const { metadata, spec } = state.pod;
  const wanted = Number(
    metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30,
  );
  return Math.max(1, Math.min(wanted, state.failure?.graceSeconds ?? wanted));
}

/** "name_namespace(uid)", as kubelet names pods in messages. */
export function podName(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid ?? ''})`;
}
