/** The usage that a namespace makes of a ResourceQuota. Pure. */
import type { Amounts } from '../../../api/facts/amounts.js';
import { addAmounts, maskAmounts } from '../../../api/facts/amounts.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { isInScope } from '../../../api/facts/quota-scopes.js';
import type { CountedResource } from '../../../api/facts/quota-usage.js';
import { countName, countPrefix, usageOf } from '../../../api/facts/quota-usage.js';
import type { KubeObject } from '../../../api/object.js';
import type { Pod, ResourceQuota } from '../../../api/types/core.js';
import type { Change } from '../../../client/types.js';

/** The objects of one resource in the quota's namespace. */
export interface CountedObjects {
  readonly counted: CountedResource;
  readonly objects: readonly KubeObject[];
}

/**
 * `status.used`: an amount for each name that the quota limits, but for `count/…` of resources that are not in `all`:
 * nobody knows how many there are. Quotas with scopes count pods only.
 */
export function measureQuota(
  quota: ResourceQuota,
  all: Iterable<CountedObjects>,
): Record<string, string> {
  const hard = Object.keys(quota.spec.hard ?? {});
  const limited = new Set(hard);
  const scoped = (quota.spec.scopes ?? []).length > 0 || quota.spec.scopeSelector !== undefined;
  const counts = new Set<string>();
  let totals: Amounts = new Map();
  for (const { counted, objects } of all) {
    counts.add(countName(counted));
    if (scoped && counted.plural !== 'pods') continue;
    for (const object of objects) {
      if (!isInScope(quota, counted, object)) continue;
      totals = addAmounts(totals, maskAmounts(usageOf(counted, object), limited));
    }
  }
  const known = hard.filter((name) => !name.startsWith(countPrefix) || counts.has(name));
  return Object.fromEntries(known.map((name) => [name, totals.get(name)?.toString() ?? '0']));
}

/** True when a quota limits how many objects of a resource there are. */
export function limitsCount({ spec }: ResourceQuota, counted: CountedResource): boolean {
  return spec.hard?.[countName(counted)] !== undefined;
}

/** True when a change may free something. */
export function isRelease(resource: string, change: Change<KubeObject>): boolean {
  if (change.type !== 'update') return true;
  if (resource !== 'pods') return resource === 'services' || resource === 'persistentvolumeclaims';
  const [now, before] = [change.object, change.old] as unknown as [Pod, Pod];
  // A pod that gets an end leaves the quotas of those without, or the other way round.
  const changesScope = hasEnd(now) !== hasEnd(before);
  return changesScope || (isPodTerminal(now) && !isPodTerminal(before));
}

function hasEnd({ spec }: Pod): boolean {
  return spec.activeDeadlineSeconds !== undefined;
}
