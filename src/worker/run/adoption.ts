/** Takes over what an earlier agent left: sandboxes and containers outlive it. */
import type { ContainerStatus } from '../../api/types/core.js';
import type { ContainerState } from '../../runtime/types.js';
import { containerId } from '../pod/container-status.js';
import { beginAnew, instanceOf } from '../pod/record.js';
import type { Instance, PodState, TrackedContainer } from '../pod/state.js';
import { isEnding, unprobed } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { adoptReportedRuns } from './reported-run.js';
import type { SandboxHandle } from './sandbox.js';

/** The sandbox and containers that an earlier agent made for a pod. */
export interface Adopted {
  readonly handle: SandboxHandle;
  readonly ips: readonly string[];
  readonly containers: readonly ContainerState[];
}

/** Brings the state of a pod that is new to this agent to what is there already, or was by its status. */
export function adopt(
  state: PodState,
  node: Pick<NodeContext, 'clock' | 'files'>,
  adopted: Adopted | undefined,
): void {
  if (adopted !== undefined) adoptRuns(state, adopted);
  adoptReportedRuns(state, node, (name) => reportedStatus(state, name));
  if (adopted === undefined) beginAnew(state);
}

function adoptRuns(state: PodState, adopted: Adopted): void {
  state.sandbox = { phase: 'ready', failures: 0, id: adopted.handle.id };
  state.ips = adopted.ips;
  // A pod that ends has no use for its volumes but to take them down; one that runs makes them anew, which changes
  // nothing.
  if (state.finished || isEnding(state)) state.volumes.phase = 'ready';
  for (const tracked of state.trackedContainers.values()) {
    const own = adopted.containers
      .filter(({ name, sandboxId }) => name === tracked.name && sandboxId === adopted.handle.id)
      .toSorted((a, b) => a.restartCount - b.restartCount || a.createdAtMs - b.createdAtMs);
    adoptTrack(state, tracked, own);
  }
  state.initialized = [...state.trackedContainers.values()].some(
    (tracked) => tracked.role === 'main' && tracked.current !== undefined,
  );
}

function adoptTrack(
  state: PodState,
  tracked: TrackedContainer,
  containers: readonly ContainerState[],
): void {
  const ran = containers.filter(({ phase }) => phase !== 'created');
  // Made but never started: the agent ended in between.
  tracked.deadContainerIds = containers
    .filter(({ phase }) => phase === 'created')
    .map(({ id }) => id);
  const current = ran.at(-1);
  const previous = ran.at(-2);
  const reported = reportedStatus(state, tracked.name);
  if (current !== undefined) tracked.current = asReported(instanceOf(current), reported);
  if (previous !== undefined) tracked.previous = asReported(instanceOf(previous), reported);
  tracked.deadContainerIds.push(...ran.slice(0, -2).map(({ id }) => id));
  if (current?.phase === 'running' && reported?.containerID === containerId(instanceOf(current))) {
    // The results of the earlier agent's probes hold until a probe finds otherwise.
    tracked.probes = {
      startup: reported.started === true ? 'success' : unprobed.startup,
      liveness: 'success',
      readiness: reported.ready ? 'success' : unprobed.readiness,
    };
  }
}

/** The run with what the earlier agent found out about its end. */
function asReported(run: Instance, reported: ContainerStatus | undefined): Instance {
  if (run.phase !== 'exited') return run;
  const ends = [reported?.state?.terminated, reported?.lastState?.terminated];
  const end = ends.find((candidate) => candidate?.containerID === containerId(run));
  return end?.message === undefined ? run : { ...run, message: end.message };
}

function reportedStatus(state: PodState, name: string): ContainerStatus | undefined {
  const { status } = state.pod;
  return [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ].find((candidate) => candidate.name === name);
}
