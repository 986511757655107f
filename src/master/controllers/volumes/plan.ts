/**
 * The next steps of claims and volumes. Pure.
 * @see kubernetes pkg/controller/volume/persistentvolume/pv_controller.go
 */
import {
  boundByControllerAnnotation,
  classOfClaim,
  findVolume,
  isReservedFor,
  mismatchOf,
  provisionedByAnnotation,
  selectedNodeAnnotation,
} from '../../../api/facts/volume-match.js';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
} from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import type { Reclaim } from './reclaim.js';
import { reclaimOf } from './reclaim.js';

/** An event to write about a claim. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The next step of an unbound claim: it is bound, waits, or has a volume provisioned. */
export type ClaimStep =
  | { readonly type: 'bind'; readonly volume: PersistentVolume }
  /** The claim waits, and says why if there is something to say. */
  | { readonly type: 'wait'; readonly notice?: Notice }
  | { readonly type: 'provision'; readonly provisioner: string };

/**
 * Returns the next step of a claim that has no volume yet, and names none.
 * @param unplaced names of pods that use the claim and have no node
 */
export function planClaim(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  storageClass: StorageClass | undefined,
  unplaced: readonly string[] = [],
): ClaimStep {
  const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const reserved = volumes.filter((volume) => isReservedFor(volume, claim));
  const found = reserved.find(isBoundByUid) ?? (waits ? reserved[0] : findVolume(claim, volumes));
  if (found !== undefined) return { type: 'bind', volume: found };
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
  if (waits && selected === undefined) return { type: 'wait', notice: waitsForPods(unplaced) };
  if (storageClass === undefined) {
    return { type: 'wait', notice: withoutClass(classOfClaim(claim)) };
  }
  const { provisioner } = storageClass;
  if (provisioner.startsWith('kubernetes.io/')) {
    const message = `no volume plugin matched name: ${provisioner}`;
    return { type: 'wait', notice: { type: 'Warning', reason: 'ProvisioningFailed', message } };
  }
  return { type: 'provision', provisioner };
}

/** Returns the next step of a claim that names its volume. */
export function planNamedClaim(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
): ClaimStep {
  if (volume === undefined) return { type: 'wait' };
  const { name } = volume.metadata;
  if (volume.spec.claimRef !== undefined) {
    if (isReservedFor(volume, claim)) return { type: 'bind', volume };
    const message = `volume "${name}" already bound to a different claim.`;
    return { type: 'wait', notice: { type: 'Warning', reason: 'FailedBinding', message } };
  }
  const mismatch = mismatchOf(claim, volume);
  if (mismatch === undefined) return { type: 'bind', volume };
  const message = `Cannot bind to requested volume "${name}": ${mismatch}`;
  return { type: 'wait', notice: { type: 'Warning', reason: 'VolumeMismatch', message } };
}

function waitsForPods(names: readonly string[]): Notice {
  if (names.length > 0) {
    const pods = `${names.length > 1 ? 'pods' : 'pod'} ${names.join(',')}`;
    const message = `waiting for ${pods} to be scheduled`;
    return { type: 'Normal', reason: 'WaitForPodScheduled', message };
  }
  const message = 'waiting for first consumer to be created before binding';
  return { type: 'Normal', reason: 'WaitForFirstConsumer', message };
}

function withoutClass(name: string): Notice {
  if (name !== '') {
    const message = `storageclass.storage.k8s.io "${name}" not found`;
    return { type: 'Warning', reason: 'ProvisioningFailed', message };
  }
  const message = 'no persistent volumes available for this claim and no storage class is set';
  return { type: 'Normal', reason: 'FailedBinding', message };
}

/** The next step of a claim that has been bound. */
export type BoundClaimStep =
  | { readonly type: 'bound' }
  /** The volume was unbound; it is bound again. */
  | { readonly type: 'bind' }
  | { readonly type: 'lost'; readonly notice: Notice };

/** Returns the next step of a claim that has been bound. @param volume the one it names; undefined when that is gone */
export function planBoundClaim(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
): BoundClaimStep {
  if ((claim.spec.volumeName ?? '') === '') {
    return lost(
      'ClaimLost',
      'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
    );
  }
  if (volume === undefined) {
    return lost(
      'ClaimLost',
      'Bound claim has lost its PersistentVolume. Data on the volume is lost!',
    );
  }
  if (volume.spec.claimRef === undefined) return { type: 'bind' };
  if (volume.spec.claimRef.uid === claim.metadata.uid) return { type: 'bound' };
  const message = 'Two claims are bound to the same volume, this one is bound incorrectly';
  return lost('ClaimMisbound', message);
}

function lost(reason: string, message: string): BoundClaimStep {
  return { type: 'lost', notice: { type: 'Warning', reason, message } };
}

/** The next step of a volume. */
export type VolumeStep =
  /** It gets the phase; a released one is reclaimed. */
  | { readonly type: 'phase'; readonly phase: string; readonly reclaim: Reclaim }
  /** It is written without what binds it to its claim, and is Available again. */
  | { readonly type: 'unbind'; readonly volume: PersistentVolume }
  /** It stays as it is, until its claim has been bound. */
  | { readonly type: 'wait' };

const kept: Reclaim = { type: 'keep' };

/** Returns the next step of a volume. @param claim the one that its claimRef is about; undefined when that is gone */
export function planVolume(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
): VolumeStep {
  if (!isBoundByUid(volume)) return { type: 'phase', phase: 'Available', reclaim: kept };
  if (claim === undefined) return released(volume);
  const named = claim.spec.volumeName ?? '';
  if (named === volume.metadata.name) return { type: 'phase', phase: 'Bound', reclaim: kept };
  if (named === '') {
    if (volume.status?.phase !== undefined) return { type: 'wait' };
    return { type: 'phase', phase: 'Available', reclaim: kept };
  }
  const { annotations = {} } = volume.metadata;
  const isProvisioned = annotations[provisionedByAnnotation] !== undefined;
  if (isProvisioned && isDeletedAfterUse(volume)) return released(volume);
  return { type: 'unbind', volume: unbound(volume) };
}

/** True for a volume that is for one claim, and not just for whichever has its name. */
export function isBoundByUid({ spec }: PersistentVolume): boolean {
  return (spec.claimRef?.uid ?? '') !== '';
}

/** A volume that could not be reclaimed says so while it is tried again. */
function released(volume: PersistentVolume): VolumeStep {
  const phase = volume.status?.phase === 'Failed' ? 'Failed' : 'Released';
  return { type: 'phase', phase, reclaim: reclaimOf(volume) };
}

function isDeletedAfterUse({ spec }: PersistentVolume): boolean {
  return spec.persistentVolumeReclaimPolicy === 'Delete';
}

/** The volume without its claim; one that its owner reserved by name stays reserved (kubernetes unbindVolume). */
function unbound(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...spec } = volume.spec;
  const { [boundByControllerAnnotation]: byUs, ...annotations } = volume.metadata.annotations ?? {};
  if (byUs !== undefined) return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
  const { uid: _, resourceVersion: __, ...reserved } = claimRef ?? {};
  return { ...volume, spec: { ...spec, claimRef: reserved } };
}

/**
 * The status of a claim that is bound to the volume. The capacity is written when it becomes so: the file system of a
 * bound claim may have another size than its volume.
 */
export function boundStatus(
  { status }: PersistentVolumeClaim,
  { spec }: PersistentVolume,
): PersistentVolumeClaimStatus {
  const { accessModes, capacity } = spec;
  const isNew = status?.phase !== 'Bound' || status.capacity === undefined;
  return {
    ...status,
    phase: 'Bound',
    ...(accessModes === undefined ? {} : { accessModes }),
    ...(capacity === undefined || !isNew ? {} : { capacity }),
  };
}

/** The status of a claim without a volume: nothing is said of how much it has, and how it may be mounted. */
export function unboundStatus(
  { status }: PersistentVolumeClaim,
  phase: 'Pending' | 'Lost',
): PersistentVolumeClaimStatus {
  const { accessModes: _, capacity: __, ...rest } = status ?? {};
  return { ...rest, phase };
}

/**
 * The finalizers with the one that protects the object, or without it once it is deleted and not in use; undefined when
 * they stay.
 */
export function protectedFinalizers(
  { metadata }: PersistentVolume | PersistentVolumeClaim,
  finalizer: string,
  inUse: () => boolean,
): string[] | undefined {
  const present = metadata.finalizers ?? [];
  const deleting = metadata.deletionTimestamp !== undefined;
  if (!deleting) return present.includes(finalizer) ? undefined : [...present, finalizer];
  if (!present.includes(finalizer) || inUse()) return undefined;
  return present.filter((name) => name !== finalizer);
}
