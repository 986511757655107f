/** Finds the PersistentVolume behind a pod's claim: pure. */
import { claimUseOf } from '../../api/facts/pod-claims.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/types/core.js';
import { VolumeError } from './volume-error.js';

/** Claims and volumes, as far as this node may read them; undefined: not there. */
export interface ClaimSources {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
}

/**
 * The volume that is bound to the claim, as both of them say.
 * @throws VolumeError with kubelet's texts
 */
export function claimedVolume(pod: Pod, volume: Volume, sources: ClaimSources): PersistentVolume {
  const { namespace = '' } = pod.metadata;
  const { name } = claimUseOf(pod, volume) ?? { name: '' };
  const claim = sources.claim(namespace, name);
  if (claim === undefined) throw new VolumeError(`persistentvolumeclaim "${name}" not found`);
  if (volume.ephemeral !== undefined) mustBelongTo(claim, pod);
  const bound = claim.spec.volumeName ?? '';
  const found = bound === '' ? undefined : sources.volume(bound);
  if (claim.status?.phase !== 'Bound' || found === undefined) {
    throw new VolumeError(`persistentvolumeclaim "${name}" is not bound`);
  }
  if (found.spec.volumeMode === 'Block') {
    throw new VolumeError(
      `volume ${volume.name} has volumeMode Block, which is not supported on this node`,
    );
  }
  const holder = found.spec.claimRef?.uid;
  if (holder !== claim.metadata.uid) {
    throw new VolumeError(
      `persistentvolume "${bound}" is bound to another claim: the pvc.UID ${claim.metadata.uid ?? ''} does not match pv.ClaimRef.UID ${holder ?? ''}`,
    );
  }
  return found;
}

/** A claim of that name may be somebody else's. @see kubelet ephemeral.VolumeIsForPod */
function mustBelongTo(claim: PersistentVolumeClaim, pod: Pod): void {
  const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.uid === pod.metadata.uid) return;
  const { namespace = '', name } = pod.metadata;
  throw new VolumeError(
    `PVC ${claim.metadata.namespace ?? namespace}/${claim.metadata.name} was not created for pod ${namespace}/${name} (pod is not owner)`,
  );
}
