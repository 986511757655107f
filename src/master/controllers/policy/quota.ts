/** Controller "resourcequota": what a namespace uses of each ResourceQuota, in its status. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { ResourceQuota } from '../../../api/types/core.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { isRelease, measureQuota } from './quota-plan.js';

/**
 * The delay before additions are recounted, though admission has charged them: some go past admission. It is long, so
 * that a count which does not see all additions yet does not undo charges of a burst.
 */
const recountAfterMs = 2_000;

/** Controller "resourcequota". */
export function createQuotaController(context: ControllerContext): Reconciler {
  return new QuotaController(context).reconciler;
}

class QuotaController {
  readonly #context: ControllerContext;
  readonly #quotas: Informer<ResourceQuota>;
  readonly #entries: readonly {
    readonly entry: CatalogEntry;
    readonly informer: Informer<KubeObject>;
  }[];
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'resourcequota',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#quotas = context.informers.informer<ResourceQuota>(resources.resourceQuotas);
    this.#quotas.onChange((change) => {
      const key = keyOf(change.object);
      // Admission writes the status with every charge, which is no reason to count at once. Anybody else may write it
      // as well: what they wrote does not stay (Kubernetes comes by every five minutes).
      if (change.type === 'update' && jsonEqual(change.old.spec, change.object.spec)) {
        this.reconciler.enqueueAfter(key, recountAfterMs);
      } else this.reconciler.enqueue(key);
    });
    this.#entries = new Catalog(context)
      .all()
      .filter(({ namespaced, resource }) => namespaced && resource !== 'leases')
      .map((entry) => {
        const { group, resource } = entry;
        const informer = context.informers.informer<KubeObject>({ group, resource });
        informer.onChange((change) => this.#onChange(resource, change));
        return { entry, informer };
      });
  }

  #onChange(resource: string, change: Change<KubeObject>): void {
    const isAdded = change.type === 'add';
    if (!isAdded && !isRelease(resource, change)) return;
    for (const quota of this.#quotas.list(change.object.metadata.namespace)) {
      if (isAdded) this.reconciler.enqueueAfter(keyOf(quota), recountAfterMs);
      else this.reconciler.enqueue(keyOf(quota));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const quota = this.#quotas.get(splitKey(key));
    if (quota === undefined) return;
    const all = this.#entries.map(({ entry, informer }) => ({
      counted: { group: entry.group, plural: entry.resource },
      objects: informer.list(quota.metadata.namespace),
    }));
    const status = { hard: quota.spec.hard ?? {}, used: measureQuota(quota, all) };
    if (jsonEqual(quota.status, status)) return;
    await this.#context.client
      .updateStatus<ResourceQuota>(resources.resourceQuotas, { ...quota, status })
      .catch(ignoreNotFound);
  }
}
