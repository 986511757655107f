/** Controller "persistentvolume-binder". @see kubernetes pkg/controller/volume/persistentvolume/pv_controller.go */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import { isApiError } from '../../../client/types.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
  Pod,
} from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jsonEqual } from '../../../api/equal.js';
import { resources } from '../../../client/resources.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { now } from '../../../api/facts/time.js';
import { claimIndex, podsByClaim } from './pods-by-claim.js';
import {
  bindCompletedAnnotation,
  boundByControllerAnnotation,
  classOfClaim,
  betaStorageProvisionerAnnotation,
  storageProvisionerAnnotation,
} from '../../../api/facts/volume-match.js';
import type { Notice } from './plan.js';
import {
  boundStatus,
  planBoundClaim,
  planClaim,
  planNamedClaim,
  planVolume,
  unboundStatus,
} from './plan.js';
import { localPath } from '../../../api/facts/local-path.js';

/** Creates the two controllers that bind claims to volumes: one goes by claims, the other by volumes. */
export function createVolumeBinder(context: ControllerContext): Controller[] {
  const binder = new Binder(context);
  return [binder.claimReconciler, binder.volumeReconciler];
}

const claimUidIndex = 'claim-uid';
const volumeNameIndex = 'volume-name';

class Binder {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #pods: Informer<Pod>;
  readonly #classes: Informer<StorageClass>;
  readonly claimReconciler: Reconciler;
  readonly volumeReconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('persistentvolume-controller');
    // One worker: two claims must not pick the same volume.
    this.claimReconciler = createReconciler(context, {
      name: 'persistentvolume-binder',
      workers: 1,
      reconcile: (key) => this.#syncClaim(key),
    });
    this.volumeReconciler = createReconciler(context, {
      name: 'persistentvolume-binder-volumes',
      workers: 4,
      reconcile: (name) => this.#syncVolume(name),
    });
    this.#pods = podsByClaim(context);
    this.#classes = context.informers.informer<StorageClass>(resources.storageClasses);
    this.#claims = watchSelf<PersistentVolumeClaim>(context, resources.claims, (key) =>
      this.claimReconciler.enqueue(key),
    );
    this.#volumes = watchSelf<PersistentVolume>(context, resources.volumes, (key) =>
      this.volumeReconciler.enqueue(key),
    );
    this.#volumes.addIndex(claimUidIndex, ({ spec }) => [spec.claimRef?.uid ?? '']);
    this.#claims.addIndex(volumeNameIndex, ({ spec }) => [spec.volumeName ?? '']);
    this.#claims.onChange(({ object }) => {
      const volume = object.spec.volumeName ?? '';
      if (volume !== '') this.volumeReconciler.enqueue(volume);
      // A volume may be for a claim that goes before it has been bound, or is bound to another one.
      for (const { metadata } of this.#volumes.byIndex(claimUidIndex, object.metadata.uid ?? '')) {
        this.volumeReconciler.enqueue(metadata.name);
      }
    });
    this.#volumes.onChange(({ object }) => this.#enqueueClaimsFor(object));
    this.#classes.onChange(() => {
      for (const claim of this.#claims.list()) {
        if ((claim.spec.volumeName ?? '') === '') this.claimReconciler.enqueue(keyOf(claim));
      }
    });
  }

  #enqueueClaimsFor(volume: PersistentVolume): void {
    for (const claim of this.#claims.byIndex(volumeNameIndex, volume.metadata.name)) {
      this.claimReconciler.enqueue(keyOf(claim));
    }
    const { namespace, name } = volume.spec.claimRef ?? {};
    if (namespace !== undefined && name !== undefined) {
      this.claimReconciler.enqueue(objectKey({ namespace, name }));
      return;
    }
    for (const claim of this.#claims.list()) {
      if (claim.status?.phase === 'Pending') this.claimReconciler.enqueue(keyOf(claim));
    }
  }

  async #syncClaim(key: string): Promise<void> {
    const claim = this.#claims.get(splitKey(key));
    if (claim === undefined) return;
    if (claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined) {
      await this.#checkBound(claim);
      return;
    }
    if (claim.metadata.deletionTimestamp !== undefined) return;
    const named = claim.spec.volumeName ?? '';
    const storageClass = this.#classes.get({ name: classOfClaim(claim) });
    const step =
      named === ''
        ? planClaim(claim, this.#volumes.list(), storageClass, this.#unplacedPods(claim))
        : planNamedClaim(claim, this.#volumes.get({ name: named }));
    if (step.type === 'bind') {
      await this.#bind(claim, step.volume);
      return;
    }
    await this.#setStatus(claim, unboundStatus(claim, 'Pending'));
    if (step.type === 'provision') await this.#askProvisioner(claim, step.provisioner);
    else if (step.notice !== undefined) this.#tell(claim, step.notice);
  }

  /** Names of the pods that use the claim, have no node and have not ended. */
  #unplacedPods(claim: PersistentVolumeClaim): string[] {
    return this.#pods
      .byIndex(claimIndex, keyOf(claim))
      .filter((pod) => (pod.spec.nodeName ?? '') === '' && !isPodTerminal(pod))
      .map(({ metadata }) => metadata.name);
  }

  #tell({ metadata }: PersistentVolumeClaim, { type, reason, message }: Notice): void {
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
    if (type === 'Normal') this.#recorder.normal(subject, reason, message);
    else this.#recorder.warning(subject, reason, message);
  }

  async #askProvisioner(claim: PersistentVolumeClaim, provisioner: string): Promise<void> {
    if (claim.metadata.annotations?.[storageProvisionerAnnotation] !== provisioner) {
      await this.#context.client.patch(
        resources.claims,
        claim.metadata,
        'application/merge-patch+json',
        {
          metadata: {
            annotations: {
              [betaStorageProvisionerAnnotation]: provisioner,
              [storageProvisionerAnnotation]: provisioner,
            },
          },
        },
      );
    }
    if (provisioner === localPath) return;
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    this.#recorder.normal(subject, 'ExternalProvisioning', message);
  }

  /** Volume first, claim second, statuses last; any step may be repeated. */
  async #bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const { client } = this.#context;
    const { namespace = '', name, uid = '' } = claim.metadata;
    let bound = volume;
    if (volume.spec.claimRef?.uid !== uid) {
      const byUs = volume.spec.claimRef === undefined;
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
      bound = await client.update<PersistentVolume>(resources.volumes, {
        ...volume,
        metadata: {
          ...volume.metadata,
          annotations: {
            ...volume.metadata.annotations,
            ...(byUs ? { [boundByControllerAnnotation]: 'yes' } : {}),
          },
        },
        spec: { ...volume.spec, claimRef },
      });
    }
    const chosen = (claim.spec.volumeName ?? '') === '';
    const updated = await client.update<PersistentVolumeClaim>(resources.claims, {
      ...claim,
      metadata: {
        ...claim.metadata,
        annotations: {
          ...claim.metadata.annotations,
          [bindCompletedAnnotation]: 'yes',
          ...(chosen ? { [boundByControllerAnnotation]: 'yes' } : {}),
        },
      },
      spec: { ...claim.spec, volumeName: bound.metadata.name },
    });
    await this.#setStatus(updated, boundStatus(updated, bound));
  }

  async #checkBound(claim: PersistentVolumeClaim): Promise<void> {
    const name = claim.spec.volumeName ?? '';
    let volume = this.#volumes.get({ name });
    // The cache of volumes may lag behind: ask before declaring a loss.
    if (name !== '' && planBoundClaim(claim, volume).type === 'lost') {
      volume = await this.#freshVolume(name);
    }
    const step = planBoundClaim(claim, volume);
    if (step.type === 'lost') {
      if (claim.status?.phase === 'Lost') return;
      this.#tell(claim, step.notice);
      await this.#setStatus(claim, unboundStatus(claim, 'Lost'));
    } else if (volume !== undefined) {
      if (step.type === 'bind') await this.#bind(claim, volume);
      else await this.#setStatus(claim, boundStatus(claim, volume));
    }
  }

  async #freshVolume(name: string): Promise<PersistentVolume | undefined> {
    try {
      return await this.#context.client.get<PersistentVolume>(resources.volumes, { name });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      return undefined;
    }
  }

  async #setStatus(
    claim: PersistentVolumeClaim,
    status: PersistentVolumeClaimStatus,
  ): Promise<void> {
    if (jsonEqual(status, claim.status)) return;
    await this.#context.client
      .updateStatus<PersistentVolumeClaim>(resources.claims, { ...claim, status })
      .catch(ignoreNotFound);
  }

  async #syncVolume(name: string): Promise<void> {
    const volume = this.#volumes.get({ name });
    if (volume === undefined) return;
    const step = planVolume(volume, await this.#claimOf(volume));
    if (step.type === 'wait') return;
    if (step.type === 'unbind') {
      const free = await this.#context.client.update<PersistentVolume>(
        resources.volumes,
        step.volume,
      );
      await this.#setVolumePhase(free, 'Available');
      return;
    }
    const { reclaim } = step;
    if (reclaim.type === 'fail') {
      await this.#failToReclaim(volume, reclaim);
      return;
    }
    await this.#setVolumePhase(volume, step.phase);
    if (reclaim.type === 'keep' || volume.metadata.deletionTimestamp !== undefined) return;
    await this.#context.client
      .delete(resources.volumes, volume.metadata, {
        preconditions: { uid: volume.metadata.uid ?? '' },
      })
      .catch(ignoreNotFound);
  }

  async #failToReclaim(
    volume: PersistentVolume,
    { reason, message }: { readonly reason: string; readonly message: string },
  ): Promise<void> {
    if (volume.status?.phase === 'Failed') return;
    await this.#setVolumePhase(volume, 'Failed', message);
    const subject = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: volume.metadata };
    this.#recorder.warning(subject, reason, message);
  }

  async #setVolumePhase(volume: PersistentVolume, phase: string, message?: string): Promise<void> {
    if (phase === volume.status?.phase) return;
    const lastPhaseTransitionTime = now(this.#context.clock);
    const { message: _, ...status } = volume.status ?? {};
    const why = message === undefined ? {} : { message };
    await this.#context.client
      .updateStatus<PersistentVolume>(resources.volumes, {
        ...volume,
        status: { ...status, phase, ...why, lastPhaseTransitionTime },
      })
      .catch(ignoreNotFound);
  }

  /** The claim that the volume is for; undefined when that one is gone. */
  async #claimOf(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace = '', name = '', uid = '' } = volume.spec.claimRef ?? {};
    if (uid === '') return undefined;
    const cached = this.#claims.get({ namespace, name });
    if (cached?.metadata.uid === uid) return cached;
    // A claim that the cache does not show may be too new for it.
    try {
      const at = { namespace, name };
      const fresh = await this.#context.client.get<PersistentVolumeClaim>(resources.claims, at);
      return fresh.metadata.uid === uid ? fresh : undefined;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      return undefined;
    }
  }
}
