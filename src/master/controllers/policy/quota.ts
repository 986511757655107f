/** Controller "resourcequota": what a namespace uses of each ResourceQuota, in its status. */
import { parseQuantity, quantityOf } from '../../../api/quantity.js';
import type { Quantity } from '../../../api/quantity.js';
import type { ApiObject } from '../../../client/types.js';
import { Catalog } from '../runtime/catalog.js';
import type { ControllerContext } from '../runtime/context.js';
import type { Reconciler } from '../runtime/controller.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
  watchSelf,
} from '../runtime/controller.js';
import type { Claim, Pod, ResourceQuota, Service } from '../runtime/core-types.js';
import { jsonEqual } from '../runtime/hash.js';
import { isPodTerminal } from '../runtime/pods.js';
import { resources } from '../runtime/resources.js';
import { classOfClaim } from '../volumes/match.js';

/** Counted under their bare names besides `count/<resource>` (kubernetes pkg/quota/v1/evaluator/core). */
const bareNames = new Set([
  'pods',
  'services',
  'secrets',
  'configmaps',
  'replicationcontrollers',
  'resourcequotas',
  'persistentvolumeclaims',
]);

function add(used: Map<string, Quantity>, name: string, amount: string | number | undefined): void {
  const quantity = typeof amount === 'number' ? quantityOf(amount) : parseQuantity(amount ?? '0');
  if (quantity === undefined) return;
  used.set(name, used.get(name)?.add(quantity) ?? quantity);
}

/** What one object uses, by the names that `hard` may list. Pure. */
export function usageOf(resource: string, object: ApiObject): Map<string, Quantity> {
  const used = new Map<string, Quantity>();
  if (resource === 'pods') usePod(used, object as unknown as Pod);
  else if (bareNames.has(resource)) add(used, resource, 1);
  if (resource === 'services') {
    const { spec } = object as unknown as Service;
    if (spec.type === 'LoadBalancer') add(used, 'services.loadbalancers', 1);
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') {
      add(used, 'services.nodeports', (spec.ports ?? []).length);
    }
  }
  if (resource === 'persistentvolumeclaims') {
    const claim = object as unknown as Claim;
    const storage = claim.spec.resources?.requests?.['storage'];
    const prefix = `${classOfClaim(claim)}.storageclass.storage.k8s.io`;
    add(used, 'requests.storage', storage);
    add(used, `${prefix}/requests.storage`, storage);
    add(used, `${prefix}/persistentvolumeclaims`, 1);
  }
  return used;
}

function usePod(used: Map<string, Quantity>, pod: Pod): void {
  if (isPodTerminal(pod)) return;
  add(used, 'pods', 1);
  for (const container of pod.spec.containers) {
    const { requests = {}, limits = {} } = container.resources ?? {};
    for (const [name, amount] of Object.entries(requests)) {
      add(used, `requests.${name}`, amount);
      if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') {
        add(used, name, amount);
      }
    }
    for (const [name, amount] of Object.entries(limits)) add(used, `limits.${name}`, amount);
  }
}

/** Quota scopes that concern pods; the quota counts pods only then. */
function inScope(quota: ResourceQuota, pod: Pod): boolean {
  const requests = pod.spec.containers.some(({ resources: r }) =>
    ['cpu', 'memory'].some((name) => (r?.requests?.[name] ?? r?.limits?.[name]) !== undefined),
  );
  return (quota.spec.scopes ?? []).every((scope) => {
    if (scope === 'Terminating') return pod.spec.activeDeadlineSeconds !== undefined;
    if (scope === 'NotTerminating') return pod.spec.activeDeadlineSeconds === undefined;
    if (scope === 'BestEffort') return !requests;
    return scope === 'NotBestEffort' ? requests : true;
  });
}

export function createQuotaController(context: ControllerContext): Reconciler {
  const reconciler = createReconciler(context, { name: 'resourcequota', reconcile });
  const quotas = watchSelf<ResourceQuota>(context, resources.resourceQuotas, (key) =>
    reconciler.enqueue(key),
  );
  const entries = new Catalog(context)
    .all()
    .filter(({ namespaced, resource }) => namespaced && resource !== 'leases')
    .map((entry) => ({
      entry,
      informer: context.informers.informer<ApiObject>({
        group: entry.group,
        resource: entry.resource,
      }),
    }));
  for (const { entry, informer } of entries) {
    informer.onChange(({ type, object }) => {
      const { resource } = entry;
      const counts = resource === 'pods' || resource === 'services' || bareNames.has(resource);
      if (type === 'update' && !counts) return;
      for (const quota of quotas.list(object.metadata.namespace)) {
        reconciler.enqueue(keyOf(quota));
      }
    });
  }

  function measure(quota: ResourceQuota): Record<string, string> {
    const hard = Object.keys(quota.spec.hard ?? {});
    const totals = new Map<string, Quantity>();
    const scoped = (quota.spec.scopes ?? []).length > 0;
    for (const { entry, informer } of entries) {
      if (scoped && entry.resource !== 'pods') continue;
      const { group, resource } = entry;
      const countName = `count/${resource}${group === '' ? '' : `.${group}`}`;
      for (const object of informer.list(quota.metadata.namespace)) {
        if (resource === 'pods' && !inScope(quota, object as unknown as Pod)) continue;
        add(totals, countName, 1);
        if (group !== '') continue;
        for (const [name, amount] of usageOf(resource, object)) {
          totals.set(name, totals.get(name)?.add(amount) ?? amount);
        }
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
