/** What becomes of a volume whose claim is gone. Pure. @see kubernetes pkg/controller/volume/persistentvolume */
import { localPath } from '../../../api/facts/local-path.js';
import { provisionedByAnnotation } from '../../../api/facts/volume-match.js';
import type { PersistentVolume } from '../../../api/types/core.js';

const migratedToAnnotation = 'pv.kubernetes.io/migrated-to';

/** The end of a released volume: it stays for its owner or for who has made it, goes, or cannot be reclaimed. */
export type Reclaim =
  | { readonly type: 'keep' | 'delete' }
  | { readonly type: 'fail'; readonly reason: string; readonly message: string };

/** Tells what is to be done with a released volume, by its policy and by who has made it. */
export function reclaimOf(volume: PersistentVolume): Reclaim {
  const { persistentVolumeReclaimPolicy: policy = 'Retain' } = volume.spec;
  if (policy === 'Retain') return { type: 'keep' };
  if (policy === 'Delete') return deletion(volume);
  const message = 'No recycler plugin found for the volume!';
  return { type: 'fail', reason: 'VolumeFailedRecycle', message };
}

/** A volume of an external provisioner is deleted by that, once its storage is: before, the storage would be lost. */
function deletion({ metadata, spec }: PersistentVolume): Reclaim {
  const by = metadata.annotations?.[provisionedByAnnotation] ?? '';
  if (by === localPath) return { type: 'delete' };
  if (by !== '' && !by.startsWith('kubernetes.io/')) return { type: 'keep' };
  const isMigrated = metadata.annotations?.[migratedToAnnotation] !== undefined;
  if (by === '' && (isMigrated || spec.csi !== undefined)) return { type: 'keep' };
  const path = spec.hostPath?.path;
  if (path?.startsWith('/tmp/') === true) return { type: 'delete' };
  const message =
    path === undefined
      ? `error getting deleter volume plugin for volume "${metadata.name}": no deletable volume plugin matched`
      : `host_path deleter only supports /tmp/.+ but received provided ${path}`;
  return { type: 'fail', reason: 'VolumeFailedDelete', message };
}
