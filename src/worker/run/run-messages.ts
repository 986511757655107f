/** What the runs of a pod said when they ended. */
import { containersByRole } from '../pod/state.js';
import type { PodState, TrackedContainer } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { terminationMessage } from './termination-message.js';

/** The message of the present run of a container, which has ended; '' for none. */
export async function messageOf(
  { files }: NodeContext,
  state: PodState,
  tracked: TrackedContainer,
  exitCode: number,
): Promise<string> {
  const { pod, trackedContainers } = state;
  const { current, name } = tracked;
  const container = containersByRole(pod).find((one) => one.container.name === name)?.container;
  if (container === undefined || current === undefined) return '';
  return await terminationMessage({
    container,
    containersInPod: trackedContainers.size,
    exitCode,
    messagePath: files.messagePath(keyOf(pod).uid, name, current.restartCount),
    logPath: current.logPath,
    files,
  });
}

/** Reads the messages of what ended while there was no agent. */
export async function readMessages(node: NodeContext, state: PodState): Promise<void> {
  for (const tracked of state.trackedContainers.values()) {
    const { current } = tracked;
    if (current?.phase !== 'exited' || current.message !== undefined) continue;
    const message = await messageOf(node, state, tracked, current.exitCode ?? 0);
    if (message === '') continue;
    if (tracked.current === current) tracked.current = { ...current, message };
    else if (tracked.previous === current) tracked.previous = { ...current, message };
  }
}
