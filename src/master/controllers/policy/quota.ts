/** Controller "resourcequota": what a namespace uses of each ResourceQuota, in its status. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import type { CountedResource } from '../../../api/facts/quota-usage.js';
import type { KubeObject } from '../../../api/object.js';
import type { ResourceQuota } from '../../../api/types/core.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { isRelease, limitsCount, measureQuota } from './quota-plan.js';

/**
 * The delay before additions are recounted, though admission has charged them: some go past admission. It is long, so
 * that a count which does not see all additions yet does not undo charges of a burst.
 */
const recountAfterMs = 2_000;

/** Controller "resourcequota". */
export function createQuotaController(context: ControllerContext): Reconciler {
  return new QuotaController(context).reconciler;
}

/** The delay before an informer that is still reading is looked at again. */
const whileReadingMs = 250;

class QuotaController {
  readonly #context: ControllerContext;
  readonly #catalog: Catalog;
  readonly #quotas: Informer<ResourceQuota>;
  /** What is read and counted. */
  readonly #watched = new Set<CatalogEntry>();
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
    this.#catalog = new Catalog(context);
    for (const entry of this.#catalog.all()) if (!isBusy(entry)) this.#watch(entry);
    this.#catalog.onAdd((entry) => {
      if (!isBusy(entry)) this.#watch(entry);
      for (const quota of this.#quotas.list()) {
        if (limitsCount(quota, countedOf(entry))) this.reconciler.enqueue(keyOf(quota));
      }
    });
  }

  #watch(entry: CatalogEntry): void {
    if (!entry.namespaced || this.#watched.has(entry)) return;
    this.#watched.add(entry);
    this.#informerOf(entry).onChange((change) => this.#onChange(entry.resource, change));
  }

  #informerOf({ group, resource }: CatalogEntry): Informer<KubeObject> {
    return this.#context.informers.informer<KubeObject>({ group, resource });
  }

  #onChange(resource: string, change: Change<KubeObject>): void {
    const isAdded = change.type === 'add';
    if (!isAdded && !isRelease(resource, change)) return;
    for (const quota of this.#quotas.list(change.object.metadata.namespace)) {
      if (isAdded) this.reconciler.enqueueAfter(keyOf(quota), recountAfterMs);
      else this.reconciler.enqueue(keyOf(quota));
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const quota = this.#quotas.get(splitKey(key));
    if (quota === undefined) return undefined;
    for (const entry of this.#catalog.all().filter(isBusy)) {
      if (limitsCount(quota, countedOf(entry))) this.#watch(entry);
    }
    const entries = [...this.#watched];
    // One that is still reading knows too few objects: nobody is to be let beyond the limit for that.
    const isReading = (entry: CatalogEntry): boolean => !this.#informerOf(entry).synced;
    const all = entries
      .filter((entry) => !isReading(entry))
      .map((entry) => ({
        counted: countedOf(entry),
        objects: this.#informerOf(entry).list(quota.metadata.namespace),
      }));
    const status = { hard: quota.spec.hard ?? {}, used: measureQuota(quota, all) };
    if (!jsonEqual(quota.status, status)) {
      await this.#context.client
        .updateStatus<ResourceQuota>(resources.resourceQuotas, { ...quota, status })
        .catch(ignoreNotFound);
    }
    const waits = entries.some((entry) => limitsCount(quota, countedOf(entry)) && isReading(entry));
    return waits ? { requeueAfterMs: whileReadingMs } : undefined;
  }
}

/** True of what is written all the time, and hardly ever limited: it is read once a quota limits it. */
function isBusy({ group, resource }: CatalogEntry): boolean {
  return group === 'coordination.k8s.io' && resource === 'leases';
}

function countedOf({ group, resource }: CatalogEntry): CountedResource {
  return { group, plural: resource };
}
