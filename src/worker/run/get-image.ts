/** Gets the image of a container, and records in the pod's state what came of it. */
import type { Container, Secret } from '../../api/types/core.js';
import { ImageError } from '../images/image-manager.js';
import * as record from '../pod/record.js';
import type { PodState, TrackedContainer } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { containerEvents } from './pod-events.js';
import { errorMessage } from '../../lib/errors.js';

/** Never rejects: a failure is recorded with kubelet's reason, and told as an event. */
export async function getImage(
  node: NodeContext,
  state: PodState,
  tracked: TrackedContainer,
  container: Container,
): Promise<void> {
  const { namespace } = keyOf(state.pod);
  try {
    const names = (state.pod.spec.imagePullSecrets ?? []).map(({ name = '' }) => name);
    if (names.length > 0) await node.objects.load(state.pod);
    const source = node.objects.config(namespace);
    const secrets = names
      .map((name) => source.secret(name))
      .filter((found): found is Secret => found !== undefined);
    const event = containerEvents(node.events, state.pod, tracked.name);
    await node.images.ensure({ pod: state.pod, container, secrets, event });
    record.recordImageReady(tracked);
  } catch (error) {
    const known = error instanceof ImageError;
    const failure = {
      reason: known ? error.reason : 'ErrImagePull',
      message: errorMessage(error),
      ...(known && error.waiting !== undefined ? { waiting: error.waiting } : {}),
    };
    record.recordImageFailed(tracked, failure, node.clock.nowMs());
    if (known && error.waiting !== undefined) {
      const event = containerEvents(node.events, state.pod, tracked.name);
      event('Normal', 'BackOff', `Back-off pulling image "${container.image ?? ''}"`);
      event('Warning', 'Failed', 'Error: ImagePullBackOff');
    }
  }
}
