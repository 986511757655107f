/** Events about one pod and its containers. */
import type { Pod } from '../../api/types/core.js';
import type { EventType } from '../../client/events/correlator.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import type { PodState } from '../pod/state.js';
import { containersByRole, isEnding } from '../pod/state.js';
import type { ProbeOutcome, ProbeTarget } from '../probes/prober.js';

/** Writes an Event about one container. */
export type ContainerEvent = (type: EventType, reason: string, message: string) => void;

/** Writes an Event about a pod. @param fieldPath the container that is meant */
export function podEvent(
  events: EventRecorder,
  pod: Pod,
  type: EventType,
  reason: string,
  message: string,
  fieldPath?: string,
): void {
  events.event({ kind: 'Pod', metadata: pod.metadata, fieldPath }, type, reason, message);
}

/** Speaks for one container of the pod. */
export function containerEvents(events: EventRecorder, pod: Pod, name: string): ContainerEvent {
  const role = containersByRole(pod).find(({ container }) => container.name === name)?.role;
  const list =
    role === 'ephemeral'
      ? 'ephemeralContainers'
      : role === 'init' || role === 'sidecar'
        ? 'initContainers'
        : 'containers';
  const fieldPath = `spec.${list}{${name}}`;
  return (type, reason, message) => podEvent(events, pod, type, reason, message, fieldPath);
}

/** Tells of a probe that failed or warns; of a pod on its way out only whether it is ready is of interest. */
export function probeNotice(
  events: EventRecorder,
  state: PodState,
  { kind, containerName }: Pick<ProbeTarget, 'kind' | 'containerName'>,
  { ok, output }: ProbeOutcome,
): void {
  if (isEnding(state) && kind !== 'readiness') return;
  const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  const event = containerEvents(events, state.pod, containerName);
  if (ok) event('Warning', 'ProbeWarning', `${name} probe warning: ${output}`);
  else event('Warning', 'Unhealthy', `${name} probe failed: ${output}`);
}
