/** Controller "local-path-provisioner": volumes in a directory of the node that the scheduler chose; see README.md. */
import type { ControllerContext } from '../context.js';
import type { Controller } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreAlreadyExists,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
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
      finalizers: ['kubernetes.io/pv-protection', localPath],
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

export function createLocalPathProvisioner(context: ControllerContext): Controller[] {
  const { client, flags } = context;
  const recorder = context.recorder(localPath);
  const claims = context.informers.informer<PersistentVolumeClaim>(resources.claims);
  const classes = context.informers.informer<StorageClass>(resources.storageClasses);
  const nodes = context.informers.informer<Node>(resources.nodes);
  const volumes = context.informers.informer<PersistentVolume>(resources.volumes);
  const provisioning = createReconciler(context, {
    name: 'local-path-provisioner',
    workers: 8,
    reconcile: provision,
  });
  const cleaning = createReconciler(context, {
    name: 'local-path-cleaner',
    workers: 2,
    reconcile: cleanAfterNode,
  });
  claims.onChange(({ type, object }) => {
    if (type !== 'delete') provisioning.enqueue(keyOf(object));
  });
  volumes.onChange(({ type, object }) => {
    if (type !== 'delete' && object.metadata.deletionTimestamp !== undefined) {
      cleaning.enqueue(object.metadata.name);
    }
  });
  nodes.onChange(({ type }) => {
    if (type !== 'delete') return;
    for (const volume of volumes.list()) {
      if (volume.metadata.deletionTimestamp !== undefined) cleaning.enqueue(volume.metadata.name);
    }
  });

  async function provision(key: string): Promise<void> {
    const claim = claims.get(splitNamespaced(key));
    if (claim === undefined || (claim.spec.volumeName ?? '') !== '') return;
    if (claim.metadata.deletionTimestamp !== undefined) return;
    const storageClass = classes.get({ name: classOfClaim(claim) });
    if (storageClass?.provisioner !== localPath) return;
    const node = claim.metadata.annotations?.[selectedNodeAnnotation];
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
    if (node === undefined) {
      if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') return;
      const message =
        'configuration error, no node was specified: use volumeBindingMode WaitForFirstConsumer';
      recorder.warning(subject, 'ProvisioningFailed', message);
      return;
    }
    if (nodes.get({ name: node }) === undefined) {
      // The node has gone meanwhile: the scheduler chooses again.
      await client.patch(resources.claims, claim.metadata, 'application/merge-patch+json', {
        metadata: { annotations: { [selectedNodeAnnotation]: null } },
      });
      return;
    }
    if (claim.spec.volumeMode === 'Block') {
      const message = 'local-path volumes are file systems, volumeMode Block is not supported';
      recorder.warning(subject, 'ProvisioningFailed', message);
      return;
    }
    const volume = localVolume(claim, storageClass, node, flags.localPathRoot);
    if (volumes.get(volume.metadata) !== undefined) return;
    await client.create<PersistentVolume>(resources.volumes, volume).catch(ignoreAlreadyExists);
    const message = `Successfully provisioned volume ${volume.metadata.name}`;
    recorder.normal(subject, 'ProvisioningSucceeded', message);
  }

  /** No worker is left to remove the directory. */
  async function cleanAfterNode(name: string): Promise<void> {
    const volume = volumes.get({ name });
    const finalizers = volume?.metadata.finalizers ?? [];
    if (volume?.metadata.deletionTimestamp === undefined) return;
    if (!finalizers.includes(localPath)) return;
    const node =
      volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];
    if (node === undefined || nodes.get({ name: node }) !== undefined) return;
    await client
      .patch(resources.volumes, { name }, 'application/merge-patch+json', {
        metadata: {
          resourceVersion: volume.metadata.resourceVersion,
          finalizers: finalizers.filter((finalizer) => finalizer !== localPath),
        },
      })
      .catch(ignoreNotFound);
  }
  return [provisioning, cleaning];
}
