import { isJsonObject } from '../../../api/object.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Pod } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import { isPodReady } from '../../../api/facts/pods.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { Deleter } from '../registry/deleter.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { forbidden, internal, StatusError, tooManyRequests } from '../status.js';
import { readDeleteOptions } from '../registry/delete-options.js';

/** Evicts a pod: deletes it, if its disruption budget has room. @throws StatusError 429 without */
export async function evictPod(
  context: RequestContext,
  eviction: unknown,
  deps: { readonly objects: Objects; readonly deleter: Deleter; readonly kinds: KindRegistry },
): Promise<void> {
  const { objects, deleter } = deps;
  const options = isJsonObject(eviction) ? eviction['deleteOptions'] : undefined;
  const entry = await objects.get(context.target);
  const pod = entry.parse<Pod>();
  mustRunHere(context, pod);
  const phase = pod.status?.phase;
  const counts = phase !== 'Succeeded' && phase !== 'Failed' && phase !== 'Pending';
  const parsed = readDeleteOptions(options);
  const dryRun = parsed.dryRun || context.options.dryRun;
  if (counts && pod.metadata.deletionTimestamp === undefined) {
    await takeFromBudget(context, pod, dryRun, deps);
  }
  await deleter.delete(context, { ...parsed, dryRun });
}

/** A node evicts its own pods only; NodeRestriction says so at the deletion, when the budget has been drawn on. */
function mustRunHere({ user, target }: RequestContext, pod: Pod): void {
  const node = nodeNameOf(user);
  if (node === undefined || pod.spec.nodeName === node) return;
  const text = `node ${node} can only evict pods with spec.nodeName set to itself`;
  throw forbidden({ group: '', resource: 'pods' }, target.name, text);
}

async function takeFromBudget(
  context: RequestContext,
  pod: Pod,
  dryRun: boolean,
  deps: { readonly objects: Objects; readonly kinds: KindRegistry },
): Promise<void> {
  const { objects } = deps;
  const kind = deps.kinds.byKind('policy', '', 'PodDisruptionBudget');
  if (kind === undefined) return;
  const { namespace, name } = context.target;
  const labels = pod.metadata.labels ?? {};
  const matching = [...objects.cache(kind).list(namespace)].filter((entry) =>
    compileSelector(entry.object<PodDisruptionBudget>().spec.selector)(labels),
  );
  if (matching.length > 1) {
    throw internal(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = matching;
  if (budget === undefined) return;
  const now = objects.now();
  await objects.change({ kind, namespace, name: budget.name }, (old) => {
    const found = old as PodDisruptionBudget;
    const status = found.status ?? noStatus();
    const allowed = status.disruptionsAllowed;
    if ((status.observedGeneration ?? 0) < (found.metadata.generation ?? 0)) {
      throw tooManyRequests(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        10,
      );
    }
    if (isUnhealthyAndFree(pod, found)) return { next: old };
    if (allowed <= 0) throw violates(found);
    if (dryRun) return { next: old };
    const disruptedPods = { ...status.disruptedPods, [name]: now };
    found.status = { ...status, disruptionsAllowed: allowed - 1, disruptedPods };
    return { next: found };
  });
}

/** A pod that does not serve may go while the others suffice, or always when the budget says so. */
function isUnhealthyAndFree(pod: Pod, budget: PodDisruptionBudget): boolean {
  if (isPodReady(pod)) return false;
  if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** The status of a budget that no controller has looked at: it allows nothing. */
function noStatus(): NonNullable<PodDisruptionBudget['status']> {
  return { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
}

function violates(budget: PodDisruptionBudget): StatusError {
  const { desiredHealthy = 0, currentHealthy = 0 } = budget.status ?? {};
  const error = tooManyRequests(
    "Cannot evict pod as it would violate the pod's disruption budget.",
    0,
  );
  const message =
    `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods ` +
    `and has ${currentHealthy} currently`;
  return new StatusError({
    ...error.status,
    details: { causes: [{ reason: 'DisruptionBudget', message }] },
  });
}
