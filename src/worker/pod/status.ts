/** A pod's status out of its state: pure. @see kubelet generateAPIPodStatus */
import type { ContainerStatus, PodStatus } from '../../api/types/core.js';
import { qosClass } from '../resources/qos.js';
import { podConditions } from './conditions.js';
import { formatTime } from '../../api/facts/time.js';
import { containerStatus } from './container-status.js';
import { podPhase } from './phase.js';
import type { ContainerRole, PodFailure, PodState } from './state.js';
import { containersByRole } from './state.js';

/** The inputs of a status besides the pod's state. */
export interface StatusOptions {
  readonly hostIps: readonly string[];
  readonly nowMs: number;
}

/** The status to report. A finished pod that this node never ran keeps the one that it has. */
export function podStatus(state: PodState, options: StatusOptions): PodStatus {
  const reported = state.pod.status;
  const known = [...state.trackedContainers.values()].some(
    (tracked) => tracked.current !== undefined,
  );
  if (state.finished && !known && reported?.containerStatuses !== undefined) return reported;
  const { hostIps, nowMs } = options;
  const phase = podPhase(state);
  const statuses = statusesOf(state, nowMs, 'main');
  const initStatuses = statusesOf(state, nowMs, 'init', 'sidecar');
  const ephemeral = statusesOf(state, nowMs, 'ephemeral');
  const { failure } = state;
  if (failure?.isRejection === true && !known) return rejectedStatus(state, failure);
  const ips =
    state.pod.spec.hostNetwork === true && state.sandbox.id !== undefined ? hostIps : state.ips;
  const ended = phase === 'Failed' || phase === 'Succeeded';
  return {
    phase,
    conditions: podConditions({ state, phase, statuses, initStatuses, nowMs }),
    ...(hostIps[0] === undefined
      ? {}
      : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: formatTime(state.startedAtMs),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: reported?.qosClass ?? qosClass(state.pod),
    ...(failure !== undefined && ended ? { reason: failure.reason, message: failure.message } : {}),
  };
}

/** Of a pod that was not taken its node tells nothing else: its phase would be read from its containers. */
function rejectedStatus({ pod, startedAtMs }: PodState, failure: PodFailure): PodStatus {
  return {
    phase: 'Failed',
    message: failure.message,
    reason: failure.reason,
    startTime: formatTime(startedAtMs),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

function statusesOf(
  state: PodState,
  nowMs: number,
  ...roles: readonly ContainerRole[]
): ContainerStatus[] {
  return containersByRole(state.pod).flatMap(({ container, role }) => {
    const tracked = state.trackedContainers.get(container.name);
    if (!roles.includes(role) || tracked === undefined) return [];
    return [containerStatus({ state, tracked, container, nowMs })];
  });
}
