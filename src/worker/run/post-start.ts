/** The hook that runs once a container has started. */
import type { Container } from '../../api/types/core.js';
import type { PodState, Track } from '../pod/state.js';
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
  readonly track: Track;
  readonly container: Container;
  readonly containerId: string;
}): Promise<void> {
  const { node, state, track, container, containerId } = options;
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return;
  track.work = 'starting';
  try {
    await runHook(hook, hookContext({ node, container, containerId, ips: state.ips, timeoutMs }));
    track.work = 'none';
  } catch (error) {
    const event = containerEvents(node.events, state.pod, track.name);
    event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    event('Normal', 'Killing', 'FailedPostStartHook');
    if (!(error instanceof HookError)) node.log.debug({ error }, 'a hook failed');
    track.restartAnyway = true;
    const graceMs = (state.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    await node.runtime.stopContainer(containerId, { graceMs });
    track.work = 'none';
  }
}
