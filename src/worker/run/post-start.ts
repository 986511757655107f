/** The hook that runs once a container has started. */
import type { Container } from '../../api/types/core.js';
import type { PodState, TrackedContainer } from '../pod/state.js';
import { hookContext } from './container-start.js';
import { HookError, runHook } from './hooks.js';
import type { NodeContext } from './node-context.js';
import { containerEvents } from './pod-events.js';

/** A hook may take so long. */
const timeoutMs = 600_000;

/** Until the hook is done the container counts as being started; when it fails, the container is ended. */
export async function runPostStart(options: {
  readonly node: NodeContext;
  readonly state: PodState;
  readonly tracked: TrackedContainer;
  readonly container: Container;
  readonly containerId: string;
}): Promise<void> {
  const { node, state, tracked, container, containerId } = options;
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return;
  tracked.work = 'starting';
  try {
    await runHook(hook, hookContext({ node, container, containerId, ips: state.ips, timeoutMs }));
    tracked.work = 'none';
  } catch (error) {
    const event = containerEvents(node.events, state.pod, tracked.name);
    event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    event('Normal', 'Killing', 'FailedPostStartHook');
    if (!(error instanceof HookError)) node.log.debug({ error }, 'a hook failed');
    tracked.restartAnyway = true;
    const graceMs = Number(state.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    await node.runtime.stopContainer(containerId, { graceMs });
    tracked.work = 'none';
  }
}
