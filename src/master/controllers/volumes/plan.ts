/**
 * The next steps of claims and volumes. Pure.
 * @see kubernetes pkg/controller/volume/persistentvolume/pv_controller.go
 */
import {
  classOfClaim,
  findVolume,
  isReservedFor,
  selectedNodeAnnotation,
} from '../../../api/facts/volume-match.js';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
} from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';

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

/** Returns the next step of a claim that has no volume yet, and names none. */
export function planClaim(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  storageClass: StorageClass | undefined,
): ClaimStep {
  const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const reserved = volumes.filter((volume) => isReservedFor(volume, claim));
  const found =
    reserved.find(({ spec }) => spec.claimRef?.uid !== undefined) ??
    (waits ? reserved[0] : findVolume(claim, volumes));
  if (found !== undefined) return { type: 'bind', volume: found };
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
  if (waits && selected === undefined) return { type: 'wait', notice: waitsForConsumer };
  if (storageClass === undefined) {
    return { type: 'wait', notice: withoutClass(classOfClaim(claim)) };
  }
  const { provisioner } = storageClass;
  if (provisioner === 'kubernetes.io/no-provisioner') return { type: 'wait' };
  return { type: 'provision', provisioner };
}

/** Returns the next step of a claim that names its volume. */
export function planNamedClaim(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
): ClaimStep {
  const free = volume?.spec.claimRef === undefined;
  if (volume === undefined || (!free && !isReservedFor(volume, claim))) return { type: 'wait' };
  return { type: 'bind', volume };
}

const waitsForConsumer: Notice = {
  type: 'Normal',
  reason: 'WaitForFirstConsumer',
  message: 'waiting for first consumer to be created before binding',
};

function withoutClass(name: string): Notice {
  if (name !== '') {
    const message = `storageclass.storage.k8s.io "${name}" not found`;
    return { type: 'Warning', reason: 'ProvisioningFailed', message };
  }
  const message = 'no persistent volumes available for this claim and no storage class is set';
  return { type: 'Normal', reason: 'FailedBinding', message };
}

/** The status of a claim that is bound to the volume. */
export function boundStatus({ spec }: PersistentVolume): PersistentVolumeClaimStatus {
  const { accessModes, capacity } = spec;
  return {
    phase: 'Bound',
    ...(accessModes === undefined ? {} : { accessModes }),
    ...(capacity === undefined ? {} : { capacity }),
  };
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
