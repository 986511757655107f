/**
 * Controllers "persistentvolumeclaim-protection-controller" and "persistentvolume-protection-controller": a finalizer keeps a claim while a pod uses it
 * and a volume while it is bound.
 */
import { claimNames } from '../../../api/facts/pod-claims.js';
import type { ResourceId } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import type { Controller } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const claimIndex = 'claims';

export function createVolumeProtection(context: ControllerContext): Controller[] {
  const pods = podInformer(context);
  const keysOf = (pod: Pod): string[] =>
    claimNames(pod).map((name) => `${pod.metadata.namespace ?? ''}/${name}`);
  pods.addIndex(claimIndex, keysOf);
  const claimReconciler = createReconciler(context, {
    name: 'persistentvolumeclaim-protection-controller',
    reconcile: protectClaim,
  });
  const volumeReconciler = createReconciler(context, {
    name: 'persistentvolume-protection-controller',
    reconcile: protectVolume,
  });
  const claims = watchSelf<PersistentVolumeClaim>(context, resources.claims, (key) =>
    claimReconciler.enqueue(key),
  );
  const volumes = watchSelf<PersistentVolume>(context, resources.volumes, (key) =>
    volumeReconciler.enqueue(key),
  );
  pods.onChange(({ type, object }) => {
    if (type !== 'delete' && !isPodTerminal(object)) return;
    for (const key of keysOf(object)) claimReconciler.enqueue(key);
  });

  async function protectClaim(key: string): Promise<void> {
    const claim = claims.get(splitNamespaced(key));
    if (claim === undefined) return;
    const used = (): boolean =>
      pods
        .byIndex(claimIndex, keyOf(claim))
        .some((pod) => !isPodTerminal(pod) && (pod.spec.nodeName ?? '') !== '');
    await keep(resources.claims, claim, claimFinalizer, used);
  }

  async function protectVolume(name: string): Promise<void> {
    const volume = volumes.get({ name });
    if (volume === undefined) return;
    await keep(resources.volumes, volume, volumeFinalizer, () => volume.status?.phase === 'Bound');
  }

  async function keep(
    resource: ResourceId,
    object: PersistentVolumeClaim | PersistentVolume,
    finalizer: string,
    inUse: () => boolean,
  ): Promise<void> {
    const present = object.metadata.finalizers ?? [];
    const deleting = object.metadata.deletionTimestamp !== undefined;
    let next: string[];
    if (!deleting && !present.includes(finalizer)) next = [...present, finalizer];
    else if (deleting && present.includes(finalizer) && !inUse()) {
      next = present.filter((name) => name !== finalizer);
    } else return;
    await context.client
      .patch(resource, object.metadata, 'application/merge-patch+json', {
        metadata: { resourceVersion: object.metadata.resourceVersion, finalizers: next },
      })
      .catch(ignoreNotFound);
  }
  return [claimReconciler, volumeReconciler];
}
