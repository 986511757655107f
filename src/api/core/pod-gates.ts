/**
 * Fields of a pod's spec that belong to features which are off in Kubernetes 1.33 unless somebody turns them on. As
 * there, they are dropped when an object is written, unless the stored one has them already: what looks confirmed is
 * done. In place. Features that are off there and work here stay. @see Kubernetes pkg/api/pod/util.go,
 * `dropDisabledFields`
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
  if ((old?.resourceClaims ?? []).length === 0) dropClaims(next);
  // ClusterTrustBundleProjection: beta, and off.
  if (!projectionsOf(old).some((source) => source.clusterTrustBundle !== undefined)) {
    for (const source of projectionsOf(next)) delete source.clusterTrustBundle;
  }
  // ImageVolume: beta, and off.
  if (!(old?.volumes ?? []).some(({ image }) => image !== undefined)) dropImageVolumes(next);
}

type PartOfContainer = Pick<Container, 'resources' | 'volumeMounts'>;

function containersOf(spec: PodSpec): readonly PartOfContainer[] {
  return [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
}

function dropClaims(spec: PodSpec): void {
  delete spec.resourceClaims;
  for (const { resources } of containersOf(spec))
    if (resources !== undefined) delete resources.claims;
}

type Projection = NonNullable<
  NonNullable<NonNullable<PodSpec['volumes']>[number]['projected']>['sources']
>[number];

function projectionsOf(spec: PodSpec | undefined): readonly Projection[] {
  return (spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
}

/** The volumes go as a whole, and what mounts them. */
function dropImageVolumes(spec: PodSpec): void {
  const volumes = spec.volumes ?? [];
  const names = new Set(volumes.filter(({ image }) => image !== undefined).map(({ name }) => name));
  if (names.size === 0) return;
  const left = volumes.filter(({ image }) => image === undefined);
  if (left.length > 0) spec.volumes = left;
  else delete spec.volumes;
  for (const container of containersOf(spec)) {
    const mounts = (container.volumeMounts ?? []).filter(({ name }) => !names.has(name));
    if (mounts.length > 0) container.volumeMounts = mounts;
    else delete container.volumeMounts;
  }
}
