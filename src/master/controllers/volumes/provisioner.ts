/** Controller "local-path-provisioner": volumes in a directory of the node that the scheduler chose; see README.md. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import type { ControllerContext } from '../context.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import type { Informer } from '../../../client/types.js';
import {
  createReconciler,
  ignoreAlreadyExists,
  ignoreNotFound,
} from '../../../client/controller/reconciler.js';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import { resources } from '../../../client/resources.js';
import {
  classOfClaim,
  provisionedByAnnotation,
  selectedNodeAnnotation,
} from '../../../api/facts/volume-match.js';
import { localPath } from '../../../api/facts/local-path.js';
import { volumeFinalizer } from '../../../api/facts/volume-protection.js';

/** The volume for a claim. Pure. */
export function localVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: string,
  root: string,
): PersistentVolume {
  const { namespace = '', name, uid = '' } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const path = `${root}/${volumeName}_${namespace}_${name}`;
  const storage = claim.spec.resources?.requests?.['storage'] ?? '0';
  const { mountOptions } = storageClass;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName,
      annotations: {
        [provisionedByAnnotation]: localPath,
        [localPath]: path,
      },
      finalizers: [volumeFinalizer, localPath],
    },
    spec: {
      capacity: { storage },
      accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      local: { path },
      ...(mountOptions === undefined ? {} : { mountOptions }),
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] },
          ],
        },
      },
    },
  };
}

/** Controller "local-path-provisioner", and the one that cleans up after nodes that are gone. */
export function createLocalPathProvisioner(context: ControllerContext): Controller[] {
  const provisioner = new LocalPathProvisioner(context);
  return [provisioner.provisioning, provisioner.cleaning];
}

class LocalPathProvisioner {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #classes: Informer<StorageClass>;
  readonly #nodes: Informer<Node>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly provisioning: Reconciler;
  readonly cleaning: Reconciler;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.#recorder = context.recorder(localPath);
    this.#claims = informers.informer<PersistentVolumeClaim>(resources.claims);
    this.#classes = informers.informer<StorageClass>(resources.storageClasses);
    this.#nodes = informers.informer<Node>(resources.nodes);
    this.#volumes = informers.informer<PersistentVolume>(resources.volumes);
    this.provisioning = createReconciler(context, {
      name: 'local-path-provisioner',
      workers: 8,
      reconcile: (key) => this.#provision(key),
    });
    this.cleaning = createReconciler(context, {
      name: 'local-path-cleaner',
      workers: 2,
      reconcile: (name) => this.#cleanAfterNode(name),
    });
    this.#claims.onChange(({ type, object }) => {
      if (type !== 'delete') this.provisioning.enqueue(keyOf(object));
    });
    this.#volumes.onChange(({ type, object }) => {
      if (type !== 'delete') this.#cleanLater(object);
    });
    this.#nodes.onChange(({ type }) => {
      if (type === 'delete') for (const volume of this.#volumes.list()) this.#cleanLater(volume);
    });
  }

  #cleanLater({ metadata }: PersistentVolume): void {
    if (metadata.deletionTimestamp !== undefined) this.cleaning.enqueue(metadata.name);
  }

  async #provision(key: string): Promise<void> {
    const claim = this.#claims.get(splitKey(key));
    if (claim === undefined || (claim.spec.volumeName ?? '') !== '') return;
    if (claim.metadata.deletionTimestamp !== undefined) return;
    const storageClass = this.#classes.get({ name: classOfClaim(claim) });
    if (storageClass?.provisioner !== localPath) return;
    const node = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (node === undefined) {
      if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') return;
      this.#failed(
        claim,
        'configuration error, no node was specified: use volumeBindingMode WaitForFirstConsumer',
      );
    } else if (this.#nodes.get({ name: node }) === undefined) await this.#chooseAgain(claim);
    else if (claim.spec.volumeMode === 'Block') {
      this.#failed(claim, 'local-path volumes are file systems, volumeMode Block is not supported');
    } else await this.#create(claim, storageClass, node);
  }

  #failed({ metadata }: PersistentVolumeClaim, message: string): void {
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
    this.#recorder.warning(subject, 'ProvisioningFailed', message);
  }

  /** The node has gone meanwhile: the scheduler chooses again. */
  async #chooseAgain({ metadata }: PersistentVolumeClaim): Promise<void> {
    await this.#context.client.patch(resources.claims, metadata, 'application/merge-patch+json', {
      metadata: { annotations: { [selectedNodeAnnotation]: null } },
    });
  }

  async #create(
    claim: PersistentVolumeClaim,
    storageClass: StorageClass,
    node: string,
  ): Promise<void> {
    const { client, flags } = this.#context;
    const volume = localVolume(claim, storageClass, node, flags.localPathRoot);
    if (this.#volumes.get(volume.metadata) !== undefined) return;
    await client.create<PersistentVolume>(resources.volumes, volume).catch(ignoreAlreadyExists);
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
    const message = `Successfully provisioned volume ${volume.metadata.name}`;
    this.#recorder.normal(subject, 'ProvisioningSucceeded', message);
  }

  /** No worker is left to remove the directory. */
  async #cleanAfterNode(name: string): Promise<void> {
    const volume = this.#volumes.get({ name });
    const finalizers = volume?.metadata.finalizers ?? [];
    if (volume?.metadata.deletionTimestamp === undefined) return;
    if (!finalizers.includes(localPath)) return;
    const node =
      volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];
    if (node === undefined || this.#nodes.get({ name: node }) !== undefined) return;
    await this.#context.client
      .patch(resources.volumes, { name }, 'application/merge-patch+json', {
        metadata: {
          resourceVersion: volume.metadata.resourceVersion,
          finalizers: finalizers.filter((finalizer) => finalizer !== localPath),
        },
      })
      .catch(ignoreNotFound);
  }
}
