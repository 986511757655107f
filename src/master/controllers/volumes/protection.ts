/**
 * Controllers "persistentvolumeclaim-protection-controller" and "persistentvolume-protection-controller": a finalizer
 * keeps a claim while a pod uses it and a volume while it is bound.
 */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer, ResourceId } from '../../../client/types.js';
import { claimFinalizer, volumeFinalizer } from '../../../api/facts/volume-protection.js';
import type { ControllerContext } from '../context.js';
import { protectedFinalizers } from './plan.js';
import { claimIndex, claimKeys, podsByClaim } from './pods-by-claim.js';

/** Both controllers. */
export function createVolumeProtection(context: ControllerContext): Controller[] {
  const protection = new VolumeProtection(context);
  return [protection.claimReconciler, protection.volumeReconciler];
}

class VolumeProtection {
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly claimReconciler: Reconciler;
  readonly volumeReconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.claimReconciler = createReconciler(context, {
      name: 'persistentvolumeclaim-protection-controller',
      reconcile: (key) => this.#protectClaim(key),
    });
    this.volumeReconciler = createReconciler(context, {
      name: 'persistentvolume-protection-controller',
      reconcile: (name) => this.#protectVolume(name),
    });
    this.#pods = podsByClaim(context);
    this.#claims = watchSelf<PersistentVolumeClaim>(context, resources.claims, (key) =>
      this.claimReconciler.enqueue(key),
    );
    this.#volumes = watchSelf<PersistentVolume>(context, resources.volumes, (key) =>
      this.volumeReconciler.enqueue(key),
    );
    this.#pods.onChange(({ type, object }) => {
      if (type !== 'delete' && !isPodTerminal(object)) return;
      for (const key of claimKeys(object)) this.claimReconciler.enqueue(key);
    });
  }

  async #protectClaim(key: string): Promise<void> {
    const claim = this.#claims.get(splitKey(key));
    if (claim === undefined) return;
    const finalizers = protectedFinalizers(claim, claimFinalizer, () =>
      this.#pods.byIndex(claimIndex, keyOf(claim)).some(isOnNode),
    );
    if (finalizers === undefined) return;
    const ends = claim.metadata.deletionTimestamp !== undefined;
    if (ends && (await this.#isUsedByNow(claim))) return;
    await this.#write(resources.claims, claim, finalizers);
  }

  /**
   * Asks the API, since a pod may have been bound that the cache does not show yet; the claim is looked at again when
   * that pod ends.
   */
  async #isUsedByNow(claim: PersistentVolumeClaim): Promise<boolean> {
    const { namespace = '' } = claim.metadata;
    const { items } = await this.#context.client.list<Pod>(resources.pods, { namespace });
    return items.some((pod) => isOnNode(pod) && claimKeys(pod).includes(keyOf(claim)));
  }

  async #protectVolume(name: string): Promise<void> {
    const volume = this.#volumes.get({ name });
    if (volume === undefined) return;
    const isBound = (): boolean => volume.status?.phase === 'Bound';
    const finalizers = protectedFinalizers(volume, volumeFinalizer, isBound);
    if (finalizers !== undefined) await this.#write(resources.volumes, volume, finalizers);
  }

  async #write(
    resource: ResourceId,
    { metadata }: PersistentVolumeClaim | PersistentVolume,
    finalizers: readonly string[],
  ): Promise<void> {
    const { resourceVersion } = metadata;
    await this.#context.client
      .patch(resource, metadata, 'application/merge-patch+json', {
        metadata: { resourceVersion, finalizers },
      })
      .catch(ignoreNotFound);
  }
}

/** True for a pod that has a node and has not ended. */
function isOnNode(pod: Pod): boolean {
  return !isPodTerminal(pod) && (pod.spec.nodeName ?? '') !== '';
}
