/**
 * Runs of containers that the runtime no longer knows, as the pod's status has them: a machine's power cycle may empty
 * the runtime, or leave a sandbox of no use. The next run counts on, and what must not run twice does not.
 */
import { parseTime } from '../../api/facts/time.js';
import type { ContainerState, ContainerStatus } from '../../api/types/core.js';
import type { Instance, PodState, TrackedContainer } from '../pod/state.js';
import { keyOf } from './node-context.js';
import type { NodeContext } from './node-context.js';

/** Names of runs as runtimes give them: whoever may write a status does not choose paths of this machine. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

const lostMessage =
  'The container could not be located when the pod was deleted.  The container used to be Running';

type Terminated = NonNullable<ContainerState['terminated']>;

/**
 * Takes runs from the status where the runtime has none. One of which the end is not known has ended by now.
 * @see kubelet convertToAPIContainerStatuses
 */
export function adoptReportedRuns(
  state: PodState,
  node: Pick<NodeContext, 'clock' | 'files'>,
  reportedStatus: (name: string) => ContainerStatus | undefined,
): void {
  for (const tracked of state.trackedContainers.values()) {
    const reported = reportedStatus(tracked.name);
    if (tracked.current !== undefined || reported === undefined) continue;
    adoptReportedRun(state, tracked, { node, reported });
  }
}

function adoptReportedRun(
  state: PodState,
  tracked: TrackedContainer,
  options: {
    readonly node: Pick<NodeContext, 'clock' | 'files'>;
    readonly reported: ContainerStatus;
  },
): void {
  const { node, reported } = options;
  const { containerID = '', restartCount } = reported;
  // Nothing of it has run.
  if (containerID === '') return;
  const run = (end: Terminated | undefined, id: string, count: number): Instance => {
    const own = id.slice(id.indexOf('://') + 3);
    const startedAt = end?.startedAt ?? reported.state?.running?.startedAt;
    const startedAtMs = parseTime(startedAt) ?? node.clock.nowMs();
    const message = end === undefined ? lostMessage : end.message;
    return {
      id: idPattern.test(own) ? own : 'unknown',
      reportedId: id,
      isLost: true,
      restartCount: count,
      image: reported.image,
      imageId: reported.imageID,
      phase: 'exited',
      createdAtMs: startedAtMs,
      startedAtMs,
      finishedAtMs: parseTime(end?.finishedAt) ?? node.clock.nowMs(),
      exitCode: end?.exitCode ?? 137,
      reason: end?.reason ?? 'ContainerStatusUnknown',
      ...(message === undefined ? {} : { message }),
      logPath: node.files.logPath(keyOf(state.pod).uid, tracked.name, count),
    };
  };
  const ends = [reported.state?.terminated, reported.lastState?.terminated];
  const end = ends.find((candidate) => candidate?.containerID === containerID);
  tracked.current = run(end, containerID, restartCount);
  const before = reported.lastState?.terminated;
  if (before?.containerID === undefined || before.containerID === containerID) return;
  tracked.previous = run(before, before.containerID, Math.max(0, restartCount - 1));
}
