/** Ends a container: its preStop hook, its stop signal, and SIGKILL at the deadline. */
import type { Container } from '../../api/types/core.js';
import { assertNever } from '../../lib/assert.js';
import type { StopCause } from '../pod/decide.js';
import { hookContext } from './container-start.js';
import { runHook } from './hooks.js';
import type { NodeContext } from './node-context.js';
import type { ContainerEvent } from './pod-events.js';

/** A container gets at least so long after its hook. @see kubelet minimumGracePeriodInSeconds */
const graceMsMin = 2000;

/** The container to stop, the reason, and its grace period. */
export interface StopOptions {
  readonly node: NodeContext;
  readonly container: Container;
  readonly containerId: string;
  readonly ips: readonly string[];
  readonly cause: StopCause;
  readonly deadlineMs: number;
  /** It is being stopped already, and gets less time now. */
  readonly again: boolean;
  readonly event: ContainerEvent;
}

/** Resolves when it has ended. */
export async function stopContainer(options: StopOptions): Promise<void> {
  const { node, container, containerId, deadlineMs, again, event } = options;
  const remainingMs = (): number => Math.max(0, deadlineMs - node.clock.nowMs());
  if (!again) {
    event('Normal', 'Killing', killingMessage(options));
    const preStop = container.lifecycle?.preStop;
    if (preStop !== undefined && remainingMs() > 0) {
      try {
        const { ips } = options;
        const timeoutMs = remainingMs();
        await runHook(preStop, hookContext({ node, container, containerId, ips, timeoutMs }));
      } catch (error) {
        node.log.debug({ error, container: container.name }, 'a preStop hook failed');
        event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
      }
      await node.runtime.stopContainer(containerId, {
        graceMs: Math.max(graceMsMin, remainingMs()),
        ...signalOf(container),
      });
      return;
    }
  }
  await node.runtime.stopContainer(containerId, {
    graceMs: remainingMs(),
    ...signalOf(container),
  });
}

function signalOf(container: Container): { signal?: string } {
  const signal = container.lifecycle?.stopSignal;
  return signal === undefined ? {} : { signal };
}

function killingMessage({ cause, container }: StopOptions): string {
  const { name } = container;
  switch (cause) {
    case 'liveness':
      return `Container ${name} failed liveness probe, will be restarted`;
    case 'startup':
      return `Container ${name} failed startup probe, will be restarted`;
    case 'changed':
      return `Container ${name} definition changed, will be restarted`;
    case 'resized':
      return `Container ${name} resize requires restart`;
    case 'ending':
    case 'finished':
      return `Stopping container ${name}`;
    default:
      return assertNever(cause, 'cause');
  }
}
