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
import { forbidden, internal, isStatusError, StatusError, tooManyRequests } from '../status.js';
import { readDeleteOptions } from '../registry/delete-options.js';

const noRoom = "Cannot evict pod as it would violate the pod's disruption budget.";

/** How often an eviction reads a pod anew that changes meanwhile. */
const maxAttempts = 5;

/** The parts of the API server that an eviction needs. */
interface EvictionDeps {
  readonly objects: Objects;
  readonly deleter: Pick<Deleter, 'delete'>;
  readonly kinds: KindRegistry;
}

/** Evicts a pod: deletes it, if its disruption budget has room. @throws StatusError 429 without */
export async function evictPod(
  context: RequestContext,
  eviction: unknown,
  deps: EvictionDeps,
): Promise<void> {
  const given = readDeleteOptions(isJsonObject(eviction) ? eviction['deleteOptions'] : undefined);
  const options = { ...given, dryRun: given.dryRun || context.options.dryRun };
  for (let attempt = 1; ; attempt++) {
    const entry = await deps.objects.get(context.target);
    const pod = entry.parse<Pod>();
    mustRunHere(context, pod);
    const draws = drawsOnBudget(pod);
    const free = draws && (await takeFromBudget(context, pod, options.dryRun, deps));
    // What spared the budget has to be true of the pod that is deleted; none but the pod that was read is.
    const pinsVersion = (free || isPending(pod)) && options.resourceVersion === undefined;
    const { uid, resourceVersion } = pod.metadata;
    try {
      await deps.deleter.delete(context, {
        ...options,
        uid: options.uid ?? uid,
        ...(pinsVersion ? { resourceVersion } : {}),
      });
      return;
    } catch (error) {
      if (!pinsVersion || !isStatusError(error, 'Conflict')) throw error;
      if (free) throw tooManyRequests(noRoom, 0);
      if (attempt >= maxAttempts) throw error;
    }
  }
}

/** A pod that has ended, has not begun or is going already disrupts nobody. */
function drawsOnBudget(pod: Pod): boolean {
  const phase = pod.status?.phase;
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return phase !== 'Succeeded' && phase !== 'Failed' && phase !== 'Pending';
}

function isPending(pod: Pod): boolean {
  return pod.status?.phase === 'Pending' && pod.metadata.deletionTimestamp === undefined;
}

/** A node evicts its own pods only; NodeRestriction says so at the deletion, when the budget has been drawn on. */
function mustRunHere({ user, target }: RequestContext, pod: Pod): void {
  const node = nodeNameOf(user);
  if (node === undefined || pod.spec.nodeName === node) return;
  const text = `node ${node} can only evict pods with spec.nodeName set to itself`;
  throw forbidden({ group: '', resource: 'pods' }, target.name, text);
}

/**
 * Draws on the pod's budget, if it has one.
 * @returns true when the budget lets the pod go without, since it does not serve
 * @throws StatusError 429 when the budget has no room
 */
async function takeFromBudget(
  context: RequestContext,
  pod: Pod,
  dryRun: boolean,
  deps: EvictionDeps,
): Promise<boolean> {
  const { objects } = deps;
  const kind = deps.kinds.byKind('policy', '', 'PodDisruptionBudget');
  if (kind === undefined) return false;
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
  if (budget === undefined) return false;
  const now = objects.now();
  let free = false;
  await objects.change({ kind, namespace, name: budget.name }, (old) => {
    const found = old as PodDisruptionBudget;
    const status = found.status ?? noStatus();
    const allowed = status.disruptionsAllowed;
    if ((status.observedGeneration ?? 0) < (found.metadata.generation ?? 0)) {
      throw tooManyRequests(noRoom, 10);
    }
    free = isUnhealthyAndFree(pod, found);
    if (free) return { next: old };
    if (allowed <= 0) throw violates(found);
    if (dryRun) return { next: old };
    const disruptedPods = { ...status.disruptedPods, [name]: now };
    found.status = { ...status, disruptionsAllowed: allowed - 1, disruptedPods };
    return { next: found };
  });
  return free;
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
  const error = tooManyRequests(noRoom, 0);
  const message =
    `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods ` +
    `and has ${currentHealthy} currently`;
  return new StatusError({
    ...error.status,
    details: { causes: [{ reason: 'DisruptionBudget', message }] },
  });
}
