/**
 * Fields of a pod's spec that belong to features which are off in Kubernetes 1.33 unless somebody turns them on. As
 * there, they are dropped when an object is written, unless the stored one has them already: what looks confirmed is
 * done. In place. @see Kubernetes pkg/api/pod/util.go, `dropDisabledFields`
 */
import type { Container, PodSpec } from '../types/core.js';

/** @param old the spec that is stored; undefined for a new object */
export function dropGatedFields(next: PodSpec | undefined, old: PodSpec | undefined): void {
  if (next === undefined) return;
  // PodLevelResources: alpha.
  const { requests = {}, limits = {} } = old?.resources ?? {};
  const hasPodResources = Object.keys(requests).length > 0 || Object.keys(limits).length > 0;
  if (!hasPodResources) delete next.resources;
  // DynamicResourceAllocation: beta, and off.
  if ((old?.resourceClaims ?? []).length > 0) return;
  delete next.resourceClaims;
  for (const { resources } of containersOf(next))
    if (resources !== undefined) delete resources.claims;
}

function containersOf(spec: PodSpec): readonly Pick<Container, 'resources'>[] {
  return [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
}
