import type { Owner } from '../../api/facts/owners.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { hasStatusCause, namespaceTerminating } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';

/**
 * Tells of pods that could not be made. In a namespace that ends that is no news, and there is nothing to try again
 * (kubernetes pkg/controller RealPodControl).
 * @returns the errors that are left
 */
export function tellOfFailedCreates(
  recorder: EventRecorder,
  owner: Owner,
  errors: readonly unknown[],
): unknown[] {
  const left = errors.filter((error) => !hasStatusCause(error, namespaceTerminating));
  for (const error of left) {
    recorder.warning(owner, 'FailedCreate', `Error creating: ${errorMessage(error)}`);
  }
  return left;
}
