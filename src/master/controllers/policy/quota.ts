/** Controller "resourcequota": what a namespace uses of each ResourceQuota, in its status. */
import type { KubeObject } from '../../../api/object.js';
import type { Change } from '../../../client/types.js';
import type { Amounts } from '../../../api/facts/amounts.js';
import { addAmounts, maskAmounts } from '../../../api/facts/amounts.js';
import { isInScope } from '../../../api/facts/quota-scopes.js';
import { usageOf } from '../../../api/facts/quota-usage.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
} from '../../../client/controller/reconciler.js';
import type { Pod, ResourceQuota } from '../../../api/types/core.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';

/**
 * What is added has been charged by admission. It is counted all the same, for what went past admission; later, so that
 * a count which does not see all additions yet does not undo charges of a burst.
 */
const recountAfterMs = 2_000;

export function createQuotaController(context: ControllerContext): Reconciler {
  const reconciler = createReconciler(context, { name: 'resourcequota', reconcile });
  const quotas = context.informers.informer<ResourceQuota>(resources.resourceQuotas);
  quotas.onChange((change) => {
    // Admission writes the status with every charge; only other limits are a reason to count.
    if (change.type === 'update' && jsonEqual(change.old.spec, change.object.spec)) return;
    reconciler.enqueue(keyOf(change.object));
  });
  const entries = new Catalog(context)
    .all()
    .filter(({ namespaced, resource }) => namespaced && resource !== 'leases')
    .map((entry) => ({
      entry,
      informer: context.informers.informer<KubeObject>({
        group: entry.group,
        resource: entry.resource,
      }),
    }));
  for (const { entry, informer } of entries) {
    informer.onChange((change) => {
      const isAdded = change.type === 'add';
      if (!isAdded && !isRelease(entry.resource, change)) return;
      for (const quota of quotas.list(change.object.metadata.namespace)) {
        if (isAdded) reconciler.enqueueAfter(keyOf(quota), recountAfterMs);
        else reconciler.enqueue(keyOf(quota));
      }
    });
  }

  function measure(quota: ResourceQuota): Record<string, string> {
    const hard = Object.keys(quota.spec.hard ?? {});
    const scoped = (quota.spec.scopes ?? []).length > 0 || quota.spec.scopeSelector !== undefined;
    let totals: Amounts = new Map();
    for (const { entry, informer } of entries) {
      if (scoped && entry.resource !== 'pods') continue;
      const counted = { group: entry.group, plural: entry.resource };
      for (const found of informer.list(quota.metadata.namespace)) {
        const object: KubeObject = found;
        if (!isInScope(quota, counted, object)) continue;
        totals = addAmounts(totals, maskAmounts(usageOf(counted, object), new Set(hard)));
      }
    }
    return Object.fromEntries(hard.map((name) => [name, totals.get(name)?.toString() ?? '0']));
  }

  async function reconcile(key: string): Promise<void> {
    const quota = quotas.get(splitNamespaced(key));
    if (quota === undefined) return;
    const status = { hard: quota.spec.hard ?? {}, used: measure(quota) };
    if (jsonEqual(quota.status, status)) return;
    await context.client
      .updateStatus<ResourceQuota>(resources.resourceQuotas, { ...quota, status })
      .catch(ignoreNotFound);
  }
  return reconciler;
}

/** True when a change may free something. */
function isRelease(resource: string, change: Change<KubeObject>): boolean {
  if (change.type !== 'update') return true;
  if (resource !== 'pods') return resource === 'services' || resource === 'persistentvolumeclaims';
  const [now, before] = [change.object, change.old] as unknown as [Pod, Pod];
  return isPodTerminal(now) && !isPodTerminal(before);
}
