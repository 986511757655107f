/** The ports of the node that a pod takes. Pure. */
import type { ContainerPort, Pod } from '../types/core.js';
import { longRunningContainers } from './pods.js';

/** The host ports of containers and sidecars (kube-scheduler `GetHostPorts`). */
export function hostPortsOf(pod: Pod): ContainerPort[] {
  return longRunningContainers(pod.spec)
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0);
}

/** Host ports may be taken once per address and protocol; 0.0.0.0 is every address. */
export function hostPortsConflict(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? 'TCP') !== (b.protocol ?? 'TCP')) return false;
  const left = address(a);
  const right = address(b);
  return left === right || left === '0.0.0.0' || right === '0.0.0.0';
}

function address({ hostIP = '' }: ContainerPort): string {
  return hostIP === '' || hostIP === '::' ? '0.0.0.0' : hostIP;
}
