/** Controller "disruption": how many pods of a PodDisruptionBudget may be evicted now. */
import { controllerOf } from '../../../api/object.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  eachVersion,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { Pod, ReplicationController } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import type { Deployment, ReplicaSet, StatefulSet } from '../../../api/types/workloads.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import { isPodReady, isPodTerminal, withCondition } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { formatTime, parseTime } from '../../../api/facts/time.js';

/** An eviction that the API server let through and whose pod is still there counts for so long (DeletionTimeout). */
const disruptedMs = 2 * 60_000;

/** The budget's status. Pure. @param scale how many pods their controllers want in all */
export function planBudget(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  nowMs: number,
): { readonly status: NonNullable<PodDisruptionBudget['status']>; readonly recheckMs?: number } {
  const { minAvailable, maxUnavailable } = budget.spec;
  const expectedPods =
    maxUnavailable !== undefined || typeof minAvailable === 'string' ? scale : pods.length;
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, 'up'))
      : scaledValue(minAvailable ?? 1, expectedPods, 'up');
  const disrupted: Record<string, string> = {};
  let recheckMs = Number.POSITIVE_INFINITY;
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const leftMs = (parseTime(time) ?? 0) + disruptedMs - nowMs;
    const pod = pods.find((candidate) => candidate.metadata.name === name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || leftMs <= 0) continue;
    disrupted[name] = time;
    recheckMs = Math.min(recheckMs, leftMs);
  }
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      disrupted[pod.metadata.name] === undefined &&
      isPodReady(pod),
  ).length;
  const allowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const condition = {
    type: 'DisruptionAllowed',
    status: allowed > 0 ? 'True' : 'False',
    reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: budget.metadata.generation ?? 0,
    lastTransitionTime: formatTime(nowMs),
  };
  const status = {
    observedGeneration: budget.metadata.generation ?? 0,
    disruptionsAllowed: allowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
    conditions: withCondition(budget.status?.conditions, condition, formatTime(nowMs)),
  };
  return { status, ...(Number.isFinite(recheckMs) ? { recheckMs } : {}) };
}

export function createDisruptionController(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const reconciler = createReconciler(context, { name: 'disruption', reconcile });
  const pods = podInformer(context);
  const budgets = watchSelf<PodDisruptionBudget>(context, resources.disruptionBudgets, (key) =>
    reconciler.enqueue(key),
  );
  const scalables = {
    ReplicaSet: context.informers.informer<ReplicaSet>(resources.replicaSets),
    ReplicationController: context.informers.informer<ReplicationController>(
      resources.replicationControllers,
    ),
    StatefulSet: context.informers.informer<StatefulSet>(resources.statefulSets),
    Deployment: context.informers.informer<Deployment>(resources.deployments),
  };
  const enqueueNamespace = (namespace: string | undefined): void => {
    for (const budget of budgets.list(namespace)) reconciler.enqueue(keyOf(budget));
  };
  for (const informer of Object.values(scalables)) {
    informer.onChange((change) => {
      if (change.type === 'update' && change.old.spec.replicas === change.object.spec.replicas) {
        return;
      }
      enqueueNamespace(change.object.metadata.namespace);
    });
  }
  pods.onChange((change) =>
    eachVersion(change, (pod) => {
      for (const budget of budgets.list(pod.metadata.namespace)) {
        if (compileSelector(budget.spec.selector)(pod.metadata.labels)) {
          reconciler.enqueue(keyOf(budget));
        }
      }
    }),
  );

  /** The wanted size of what controls the pod: of the Deployment rather than of its ReplicaSet. */
  function scaleOf(pod: Pod): { readonly uid: string; readonly replicas: number } | undefined {
    const namespace = pod.metadata.namespace ?? '';
    let reference = controllerOf(pod);
    let found: { uid: string; replicas: number } | undefined;
    while (reference !== undefined && reference.kind in scalables) {
      const informer = scalables[reference.kind as keyof typeof scalables];
      const object = informer.get({ namespace, name: reference.name });
      if (object === undefined || object.metadata.uid !== reference.uid) return found;
      found = { uid: reference.uid, replicas: object.spec.replicas ?? 1 };
      reference = controllerOf(object);
    }
    return found;
  }

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    const budget = budgets.get(splitNamespaced(key));
    if (budget === undefined) return undefined;
    const matches = compileSelector(budget.spec.selector);
    const mine = pods
      .list(budget.metadata.namespace)
      .filter((pod) => !isPodTerminal(pod) && matches(pod.metadata.labels));
    const scales = new Map<string, number>();
    for (const pod of mine) {
      const scale = scaleOf(pod);
      if (scale !== undefined) scales.set(scale.uid, scale.replicas);
    }
    const total = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
    const { status, recheckMs } = planBudget(budget, mine, total, clock.nowMs());
    if (!jsonEqual(budget.status, status)) {
      await client
        .updateStatus<PodDisruptionBudget>(resources.disruptionBudgets, { ...budget, status })
        .catch(ignoreNotFound);
    }
    return recheckMs === undefined ? undefined : { requeueAfterMs: recheckMs };
  }
  return reconciler;
}
