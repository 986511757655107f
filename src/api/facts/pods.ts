/** Facts about pods that many controllers need. Pure. */
import { cloneJson } from '../clone.js';
import { findCondition, isConditionTrue } from './conditions.js';
import { controllerReference } from './owners.js';
import type { Owner } from './owners.js';
import type { Container, Pod, PodSpec, PodTemplateSpec } from '../types/core.js';
import { parseTime } from './time.js';

/** The pod's condition Ready is True. */
export function isPodReady(pod: Pod): boolean {
  return isConditionTrue(pod.status?.conditions, 'Ready');
}

/** The containers that run as long as the pod does: its containers and its sidecars. */
export function longRunningContainers({ containers, initContainers = [] }: PodSpec): Container[] {
  return [...containers, ...initContainers.filter(isSidecar)];
}

/** An init container that is not waited for, and runs until the pod ends. */
export function isSidecar({ restartPolicy }: Pick<Container, 'restartPolicy'>): boolean {
  return restartPolicy === 'Always';
}

/** Succeeded or Failed. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither terminal nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/**
 * Ready for at least `minReadySeconds`: 0 when it is, milliseconds to wait when it will be, Infinity when it is not
 * ready.
 */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number {
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (ready?.status !== 'True') return Number.POSITIVE_INFINITY;
  if (minReadySeconds <= 0) return 0;
  const since = parseTime(ready.lastTransitionTime);
  if (since === undefined) return minReadySeconds * 1000;
  return Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

/** The pod has been Ready for that long. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  return msUntilAvailable(pod, minReadySeconds, nowMs) === 0;
}

/** A new pod from a template, in the name of its controller. `name` ending in "-" asks for a generated name. */
export function podFromTemplate(template: PodTemplateSpec, owner: Owner, name: string): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name.endsWith('-') ? { generateName: name, name: '' } : { name }),
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...labels },
      annotations: { ...annotations },
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: cloneJson(template.spec),
  };
}

/** The prefix of generated pod names: the owner's name and a dash, cut so that a name of 63 characters comes out. */
export function generateNamePrefix(ownerName: string): string {
  return `${ownerName.slice(0, 57)}-`;
}
