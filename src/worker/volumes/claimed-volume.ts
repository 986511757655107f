/** Finds the PersistentVolume behind a pod's claim: pure. */
import { claimUseOf } from '../../api/facts/pod-claims.js';
import type {
  Container,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
} from '../../api/types/core.js';
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
  const holder = found.spec.claimRef?.uid;
  if (holder !== claim.metadata.uid) {
    throw new VolumeError(
      `persistentvolume "${bound}" is bound to another claim: the pvc.UID ${claim.metadata.uid ?? ''} does not match pv.ClaimRef.UID ${holder ?? ''}`,
    );
  }
  mustFitUse(pod, volume.name, found);
  return found;
}

/** True for a volume that containers get as a device, without a file system. */
export function isBlock(volume: PersistentVolume): boolean {
  return volume.spec.volumeMode === 'Block';
}

/** @see kubelet desired_state_of_world_populator.go, `createVolumeSpec` */
function mustFitUse(pod: Pod, name: string, volume: PersistentVolume): void {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const all: readonly VolumeUser[] = [...initContainers, ...containers, ...ephemeralContainers];
  const isUsed = (list: 'volumeMounts' | 'volumeDevices'): boolean =>
    all.some((container) => container[list]?.some((use) => use.name === name) === true);
  const wrong = isBlock(volume) ? 'volumeMounts' : 'volumeDevices';
  if (!isUsed(wrong)) return;
  const mode = volume.spec.volumeMode ?? 'Filesystem';
  throw new VolumeError(`volume ${name} has volumeMode ${mode}, but is specified in ${wrong}`);
}

type VolumeUser = Pick<Container, 'volumeMounts' | 'volumeDevices'>;

/** A claim of that name may be somebody else's. @see kubelet ephemeral.VolumeIsForPod */
function mustBelongTo(claim: PersistentVolumeClaim, pod: Pod): void {
  const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.uid === pod.metadata.uid) return;
  const { namespace = '', name } = pod.metadata;
  throw new VolumeError(
    `PVC ${claim.metadata.namespace ?? namespace}/${claim.metadata.name} was not created for pod ${namespace}/${name} (pod is not owner)`,
  );
}
