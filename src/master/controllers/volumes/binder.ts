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
} from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { resources } from '../../../client/resources.js';
import { now } from '../../../api/facts/time.js';
import {
  bindCompletedAnnotation,
  boundByControllerAnnotation,
  classOfClaim,
  storageProvisionerAnnotation,
} from '../../../api/facts/volume-match.js';
import type { Notice } from './plan.js';
import { boundStatus, planClaim, planNamedClaim } from './plan.js';
import { localPath } from '../../../api/facts/local-path.js';

/** Creates the two controllers that bind claims to volumes: one goes by claims, the other by volumes. */
export function createVolumeBinder(context: ControllerContext): Controller[] {
  const binder = new Binder(context);
  return [binder.claimReconciler, binder.volumeReconciler];
}

const claimUidIndex = 'claim-uid';

class Binder {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
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
    this.#classes = context.informers.informer<StorageClass>(resources.storageClasses);
    this.#claims = watchSelf<PersistentVolumeClaim>(context, resources.claims, (key) =>
      this.claimReconciler.enqueue(key),
    );
    this.#volumes = watchSelf<PersistentVolume>(context, resources.volumes, (key) =>
      this.volumeReconciler.enqueue(key),
    );
    this.#volumes.addIndex(claimUidIndex, ({ spec }) => [spec.claimRef?.uid ?? '']);
    this.#claims.onChange(({ type, object }) => {
      const volume = object.spec.volumeName ?? '';
      if (volume !== '') this.volumeReconciler.enqueue(volume);
      if (type !== 'delete') return;
      // A volume may be for a claim that goes before it has been bound.
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
        ? planClaim(claim, this.#volumes.list(), storageClass)
        : planNamedClaim(claim, this.#volumes.get({ name: named }));
    if (step.type === 'bind') {
      await this.#bind(claim, step.volume);
      return;
    }
    await this.#setPhase(claim, { phase: 'Pending' });
    if (step.type === 'provision') await this.#askProvisioner(claim, step.provisioner);
    else if (step.notice !== undefined) this.#tell(claim, step.notice);
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
        { metadata: { annotations: { [storageProvisionerAnnotation]: provisioner } } },
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
    await this.#setPhase(updated, boundStatus(bound));
  }

  async #checkBound(claim: PersistentVolumeClaim): Promise<void> {
    const name = claim.spec.volumeName ?? '';
    const volume = this.#volumes.get({ name });
    if (volume !== undefined && volume.spec.claimRef?.uid === claim.metadata.uid) {
      await this.#setPhase(claim, boundStatus(volume));
      return;
    }
    // The cache of volumes may lag behind: ask before declaring a loss.
    const fresh = await this.#context.client
      .get<PersistentVolume>(resources.volumes, { name })
      .catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      });
    if (fresh?.spec.claimRef?.uid === claim.metadata.uid && fresh !== undefined) {
      await this.#setPhase(claim, boundStatus(fresh));
      return;
    }
    if (claim.status?.phase === 'Lost') return;
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
    const message = 'Bound claim has lost its PersistentVolume. Data on the volume is lost!';
    this.#recorder.warning(subject, 'ClaimLost', message);
    await this.#setPhase(claim, { phase: 'Lost' });
  }

  async #setPhase(
    claim: PersistentVolumeClaim,
    change: PersistentVolumeClaimStatus,
  ): Promise<void> {
    const status = { ...claim.status, ...change };
    if (jsonEqual(status, claim.status)) return;
    await this.#context.client
      .updateStatus<PersistentVolumeClaim>(resources.claims, { ...claim, status })
      .catch(ignoreNotFound);
  }

  async #syncVolume(name: string): Promise<void> {
    const volume = this.#volumes.get({ name });
    if (volume === undefined) return;
    const phase = await this.#phaseOf(volume);
    if (phase !== volume.status?.phase) {
      const lastPhaseTransitionTime = now(this.#context.clock);
      await this.#context.client
        .updateStatus<PersistentVolume>(resources.volumes, {
          ...volume,
          status: { ...volume.status, phase, lastPhaseTransitionTime },
        })
        .catch(ignoreNotFound);
    }
    const reclaims = volume.spec.persistentVolumeReclaimPolicy === 'Delete';
    if (phase !== 'Released' || !reclaims || volume.metadata.deletionTimestamp !== undefined)
      return;
    await this.#context.client
      .delete(resources.volumes, volume.metadata, {
        preconditions: { uid: volume.metadata.uid ?? '' },
      })
      .catch(ignoreNotFound);
  }

  async #phaseOf(volume: PersistentVolume): Promise<string> {
    const reference = volume.spec.claimRef;
    if (reference === undefined) return 'Available';
    if (reference.uid === undefined || reference.uid === '') return 'Available';
    const { namespace = '', name = '' } = reference;
    const cached = this.#claims.get({ namespace, name });
    if (cached !== undefined && cached.metadata.uid === reference.uid) {
      const bound = cached.spec.volumeName === volume.metadata.name;
      return bound ? 'Bound' : (volume.status?.phase ?? 'Available');
    }
    // A claim that the cache does not show may be too new for it.
    try {
      const fresh = await this.#context.client.get(resources.claims, { namespace, name });
      if (fresh.metadata.uid === reference.uid) return volume.status?.phase ?? 'Available';
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    return 'Released';
  }
}
