/** Controller "ephemeral-volume-controller": makes the claim of each generic ephemeral volume, owned by its pod. */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import { claimUseOf, claimUses } from '../../../api/facts/pod-claims.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import type { PersistentVolumeClaim, Pod, Volume } from '../../../api/types/core.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreAlreadyExists } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';

const claimIndex = 'ephemeral-claims';

/** The controller. */
export function createEphemeralVolumeController(context: ControllerContext): Reconciler {
  return new EphemeralVolumes(context).reconciler;
}

/** @returns the claim to make for a volume of a pod; undefined for volumes of other kinds */
export function ephemeralClaim(pod: Pod, volume: Volume): PersistentVolumeClaim | undefined {
  const template = volume.ephemeral?.volumeClaimTemplate;
  const use = claimUseOf(pod, volume);
  if (template === undefined || use === undefined) return undefined;
  const { name, namespace, uid = '' } = pod.metadata;
  const { labels, annotations } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: use.name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: template.spec,
  };
}

class EphemeralVolumes {
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'ephemeral-volume-controller',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#pods.addIndex(claimIndex, ephemeralClaimKeys);
    this.#claims = context.informers.informer<PersistentVolumeClaim>(resources.claims);
    this.#pods.onChange(({ type, object }) => {
      if (type !== 'delete' && ephemeralClaimKeys(object).length > 0) {
        this.reconciler.enqueue(keyOf(object));
      }
    });
    // A claim that was deleted, or stood in the way, is looked for again.
    this.#claims.onChange(({ type, object }) => {
      if (type !== 'delete') return;
      for (const pod of this.#pods.byIndex(claimIndex, keyOf(object))) {
        this.reconciler.enqueue(keyOf(pod));
      }
    });
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(splitKey(key));
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) {
      return;
    }
    for (const volume of pod.spec.volumes ?? []) {
      const wanted = ephemeralClaim(pod, volume);
      if (wanted === undefined) continue;
      const there = this.#claims.get(wanted.metadata);
      // Somebody else's of that name is left alone; the scheduler and the node refuse it with its reason.
      if (there === undefined) {
        await this.#context.client.create(resources.claims, wanted).catch(ignoreAlreadyExists);
      }
    }
  }
}

function ephemeralClaimKeys(pod: Pod): string[] {
  const { namespace } = pod.metadata;
  return claimUses(pod).flatMap(({ name, ephemeral }) =>
    ephemeral ? [objectKey({ namespace, name })] : [],
  );
}
