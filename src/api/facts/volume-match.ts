/**
 * The choice of a PersistentVolume for a claim. Pure.
 * @see kubernetes component-helpers/storage/volume/pv_helpers.go
 */
import { amountOf } from './pod-requests.js';
import { matchesNodeSelector } from './node-selector.js';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../types/core.js';
import { compileSelector } from './selectors.js';

/** Annotations by which the scheduler and the controllers of volumes and claims tell each other what was decided. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
export const bindCompletedAnnotation = 'pv.kubernetes.io/bind-completed';
export const boundByControllerAnnotation = 'pv.kubernetes.io/bound-by-controller';
export const provisionedByAnnotation = 'pv.kubernetes.io/provisioned-by';
export const storageProvisionerAnnotation = 'volume.kubernetes.io/storage-provisioner';

/** The older name of that annotation, which provisioners read still. */
export const betaStorageProvisionerAnnotation = 'volume.beta.kubernetes.io/storage-provisioner';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** True for a claim that says which class it wants, be it none. */
export function namesClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (
    metadata.annotations?.[classAnnotation] !== undefined || spec.storageClassName !== undefined
  );
}

/** The claim's class; '' means none. */
export function classOfClaim(claim: PersistentVolumeClaim): string {
  return claim.metadata.annotations?.[classAnnotation] ?? claim.spec.storageClassName ?? '';
}

/** The name of the volume's storage class; empty for none. */
export function classOfVolume(volume: PersistentVolume): string {
  return volume.metadata.annotations?.[classAnnotation] ?? volume.spec.storageClassName ?? '';
}

/** True when the volume is reserved for this claim, by name at least. */
export function isReservedFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = volume.spec.claimRef;
  return (
    reference !== undefined &&
    reference.name === claim.metadata.name &&
    reference.namespace === claim.metadata.namespace &&
    (reference.uid === undefined || reference.uid === '' || reference.uid === claim.metadata.uid)
  );
}

/** True when the claim is bound to a volume, both ways. */
export function isClaimBound(claim: PersistentVolumeClaim): boolean {
  return (
    (claim.spec.volumeName ?? '') !== '' &&
    claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined
  );
}

/** The volume's topology allows the node. */
export function volumeAllowsNode(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

/**
 * The volume to bind: one that is already reserved for the claim, else the smallest that fits.
 * @param node when given, the volume must be reachable from it
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node?: Node,
): PersistentVolume | undefined {
  const wanted = amountOf('storage', claim.spec.resources?.requests?.['storage'] ?? '0');
  const selects =
    claim.spec.selector === undefined ? undefined : compileSelector(claim.spec.selector);
  let best: PersistentVolume | undefined;
  let bestSize = Number.POSITIVE_INFINITY;
  for (const volume of volumes) {
    const size = amountOf('storage', volume.spec.capacity?.['storage'] ?? '0');
    if (volume.metadata.deletionTimestamp !== undefined) continue;
    if (size < wanted || !modesSuit(claim, volume)) continue;
    if (node !== undefined && !volumeAllowsNode(volume, node)) continue;
    if (isReservedFor(volume, claim)) return volume;
    if (volume.spec.claimRef !== undefined || volume.status?.phase !== 'Available') continue;
    if (classOfVolume(volume) !== classOfClaim(claim)) continue;
    if (selects?.(volume.metadata.labels) === false) continue;
    if (size < bestSize) {
      best = volume;
      bestSize = size;
    }
  }
  return best;
}

function modesSuit(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return isOfMode(claim, volume) && offersAccess(claim, volume);
}

function isOfMode(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return (claim.spec.volumeMode ?? 'Filesystem') === (volume.spec.volumeMode ?? 'Filesystem');
}

function offersAccess(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const offered = volume.spec.accessModes ?? [];
  return (claim.spec.accessModes ?? []).every((mode) => offered.includes(mode));
}

/** Why a volume that the claim names does not suit it, in Kubernetes' words; undefined when it does. */
export function mismatchOf(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): string | undefined {
  const { metadata, spec } = volume;
  if (metadata.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion "${metadata.name}"`;
  }
  const wanted = amountOf('storage', claim.spec.resources?.requests?.['storage'] ?? '0');
  if (amountOf('storage', spec.capacity?.['storage'] ?? '0') < wanted) {
    return 'requested PV is too small';
  }
  if (classOfVolume(volume) !== classOfClaim(claim)) return 'storageClassName does not match';
  if (!isOfMode(claim, volume)) return 'incompatible volumeMode';
  return offersAccess(claim, volume) ? undefined : 'incompatible accessMode';
}
