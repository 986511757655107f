import { isJsonObject } from '../../../api/object.js';
import type { KubeObject } from '../../../api/object.js';
import { withCondition } from '../../../api/facts/conditions.js';
import type { BudgetStatus } from '../../../api/facts/disruption.js';
import { disruptionConditions } from '../../../api/facts/disruption.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Pod } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import { isPodReady } from '../../../api/facts/pods.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { Deleter, DeleteOptions } from '../registry/deleter.js';
import { checkPreconditions } from '../registry/deleter.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import {
  badRequest,
  forbidden,
  internal,
  isStatusError,
  StatusError,
  tooManyRequests,
} from '../status.js';
import { readDeleteOptions } from '../registry/delete-options.js';

const noRoom = "Cannot evict pod as it would violate the pod's disruption budget.";

/** How often an eviction reads a pod anew that changes meanwhile. */
const maxAttempts = 5;

/** How many evictions a budget has taken in of which its controller has not heard yet (MaxDisruptedPodSize). */
const maxDisruptedPods = 2000;
const budgets = { group: 'policy', resource: 'poddisruptionbudget' };

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
  mustBeOf(context, eviction);
  const given = readDeleteOptions(isJsonObject(eviction) ? eviction['deleteOptions'] : undefined);
  const options = { ...given, dryRun: given.dryRun || context.options.dryRun };
  for (let attempt = 1; ; attempt++) {
    const entry = await deps.objects.get(context.target);
    const pod = entry.parse<Pod>();
    mustRunHere(context, pod);
    const draws = drawsOnBudget(pod);
    const spared = draws ? await takeFromBudget(context, pod, options.dryRun, deps) : undefined;
    // What spared the budget has to be true of the pod that is deleted; none but the pod that was read is.
    const pinsVersion =
      (spared !== undefined || isPending(pod)) && options.resourceVersion === undefined;
    const { uid, resourceVersion } = pod.metadata;
    const pinned = {
      ...options,
      uid: options.uid ?? uid,
      ...(pinsVersion ? { resourceVersion } : {}),
    };
    try {
      await deps.deleter.delete(context, draws ? await marked(context, pinned, deps) : pinned);
      return;
    } catch (error) {
      if (!pinsVersion || !isStatusError(error, 'Conflict')) throw error;
      if (spared !== undefined) throw notYet(spared);
      if (attempt >= maxAttempts) throw error;
    }
  }
}

/** @throws StatusError BadRequest for an eviction of another pod than the one in the path */
function mustBeOf({ target }: RequestContext, eviction: unknown): void {
  const metadata = isJsonObject(eviction) ? eviction['metadata'] : undefined;
  if (isJsonObject(metadata) && metadata['name'] === target.name) return;
  throw badRequest('name in URL does not match name in Eviction object');
}

/**
 * Writes the condition by which a pod's controller tells an eviction from a failure.
 * @returns the options of the deletion that follows, which may ask for the version that was just written
 * @throws StatusError Conflict when the preconditions do not hold
 */
async function marked(
  context: RequestContext,
  options: DeleteOptions,
  { objects }: Pick<EvictionDeps, 'objects'>,
): Promise<DeleteOptions> {
  if (options.dryRun) return options;
  const { kind, namespace, name } = context.target;
  const { object } = await objects.change({ kind, namespace, name }, (old) => {
    checkPreconditions(context, options, old);
    const pod = old as Pod;
    const conditions = withCondition(pod.status?.conditions, evicting, objects.now());
    return { next: { ...pod, status: { ...pod.status, conditions } } as KubeObject };
  });
  if (options.resourceVersion === undefined) return options;
  return { ...options, resourceVersion: object.metadata.resourceVersion };
}

const evicting = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
};

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
 * @returns the name of the budget when it lets the pod go without, since it does not serve
 * @throws StatusError 429 when the budget has no room
 */
async function takeFromBudget(
  context: RequestContext,
  pod: Pod,
  dryRun: boolean,
  deps: EvictionDeps,
): Promise<string | undefined> {
  const { objects } = deps;
  const kind = deps.kinds.byKind('policy', '', 'PodDisruptionBudget');
  if (kind === undefined) return undefined;
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
  if (budget === undefined) return undefined;
  const now = objects.now();
  let free = false;
  await objects.change({ kind, namespace, name: budget.name }, (old) => {
    const found = old as PodDisruptionBudget;
    free = isUnhealthyAndFree(pod, found);
    if (free) return { next: old };
    const status = found.status ?? noStatus();
    mustHaveRoom(found, status);
    if (dryRun) return { next: old, isDry: true };
    const left = status.disruptionsAllowed - 1;
    found.status = {
      ...status,
      disruptionsAllowed: left,
      disruptedPods: { ...status.disruptedPods, [name]: now },
      ...(left === 0 ? { conditions: disruptionConditions(found, left, now) } : {}),
    };
    return { next: found };
  });
  return free ? budget.name : undefined;
}

/** @throws StatusError when the budget's status does not allow an eviction, or is not about the budget as it is */
function mustHaveRoom(budget: PodDisruptionBudget, status: BudgetStatus): void {
  const { metadata } = budget;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) throw notYet(metadata.name);
  if (Object.keys(status.disruptedPods ?? {}).length > maxDisruptedPods) {
    const text = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden(budgets, metadata.name, text);
  }
  if (status.disruptionsAllowed <= 0) throw violates(budget);
}

/** A pod that does not serve may go while the others suffice, or always when the budget says so. */
function isUnhealthyAndFree(pod: Pod, budget: PodDisruptionBudget): boolean {
  if (isPodReady(pod)) return false;
  if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** The status of a budget that no controller has looked at: it allows nothing. */
function noStatus(): BudgetStatus {
  return { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
}

function violates(budget: PodDisruptionBudget): StatusError {
  const { desiredHealthy = 0, currentHealthy = 0 } = budget.status ?? {};
  const message =
    `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods ` +
    `and has ${currentHealthy} currently`;
  return refusal(message, 0);
}

/** The budget's controller has to look at the budget, or at the pod, first. */
function notYet(budget: string): StatusError {
  return refusal(`The disruption budget ${budget} is still being processed by the server.`, 10);
}

function refusal(message: string, retryAfterSeconds: number): StatusError {
  const { status } = tooManyRequests(noRoom, retryAfterSeconds);
  const causes = [{ reason: 'DisruptionBudget', message }];
  // Go leaves out a time of zero.
  const when = retryAfterSeconds === 0 ? {} : { retryAfterSeconds };
  return new StatusError({ ...status, details: { ...when, causes } });
}
