/** Changes the resources of a container that runs, in place. */
import type { Container } from '../../api/types/core.js';
import { errorMessage } from '../../lib/errors.js';
import { isRuntimeError } from '../../runtime/types.js';
import * as record from '../pod/record.js';
import { shrinkProblem, wantsResize } from '../pod/resize.js';
import type { PodState, ResizeRefusal, TrackedContainer } from '../pod/state.js';
import { containerResources } from '../resources/cgroup.js';
import type { NodeContext } from './node-context.js';

/** Records whether the node has room for what a pod asks for and has not yet got. */
export function lookForRoom(node: NodeContext, state: PodState): void {
  const look = (): ResizeRefusal | undefined => shrinkProblem(state) ?? node.roomProblem(state.pod);
  record.recordRoom(state, wantsResize(state) ? look() : undefined);
}

/** Never rejects: a failure is recorded, and tried again. */
export async function resizeContainer(
  node: NodeContext,
  state: PodState,
  tracked: TrackedContainer,
  container: Container,
): Promise<void> {
  const wanted = container.resources ?? {};
  const id = tracked.current?.id ?? '';
  try {
    await node.runtime.updateContainer(id, {
      resources: containerResources(state.pod, container, node.nodeMemoryBytes),
      annotations: { [record.resourcesAnnotation]: JSON.stringify(wanted) },
    });
    record.recordResized(tracked, id, wanted);
  } catch (error) {
    const isFinal = isRuntimeError(error, 'Unsupported');
    const failure = { message: errorMessage(error), isFinal };
    record.recordResizeFailed(tracked, failure, node.clock.nowMs());
  }
}
