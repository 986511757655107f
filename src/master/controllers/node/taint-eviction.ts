/** Controller "taint-eviction-controller": deletes pods that do not tolerate a NoExecute taint of their node, in time. */
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { covers } from '../../../api/facts/tolerations.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
} from '../../../client/controller/reconciler.js';
import type { Node, Taint, Toleration } from '../../../api/types/core.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import { isPodTerminal, withCondition } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { now, parseTime } from '../../../api/facts/time.js';

/**
 * Milliseconds until a pod must go: 0 now, undefined never.
 * Each taint must be tolerated; the shortest time of the tolerations in use counts, from when the last taint was added.
 */
export function evictionDelayMs(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  nowMs: number,
): number | undefined {
  const noExecute = taints.filter(({ effect }) => effect === 'NoExecute');
  if (noExecute.length === 0) return undefined;
  let seconds = Number.POSITIVE_INFINITY;
  for (const taint of noExecute) {
    const using = tolerations.filter((toleration) => covers(toleration, taint));
    if (using.length === 0) return 0;
    for (const { tolerationSeconds } of using) {
      if (tolerationSeconds !== undefined) seconds = Math.min(seconds, tolerationSeconds);
    }
  }
  if (!Number.isFinite(seconds)) return undefined;
  const sinceMs = Math.max(...noExecute.map(({ timeAdded }) => parseTime(timeAdded) ?? nowMs));
  return Math.max(0, sinceMs + Math.max(0, seconds) * 1000 - nowMs);
}

export function createTaintEvictionController(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const recorder = context.recorder('taint-eviction-controller');
  const pods = podInformer(context);
  const nodes = context.informers.informer<Node>(resources.nodes);
  const reconciler = createReconciler(context, {
    name: 'taint-eviction-controller',
    workers: 16,
    reconcile,
  });
  nodes.onChange((change) => {
    if (change.type === 'delete') return;
    const taints = change.object.spec.taints ?? [];
    if (change.type === 'update' && jsonEqual(change.old.spec.taints ?? [], taints)) return;
    if (!taints.some(({ effect }) => effect === 'NoExecute')) return;
    for (const pod of pods.byIndex(nodeNameIndex, change.object.metadata.name)) {
      reconciler.enqueue(keyOf(pod));
    }
  });
  pods.onChange((change) => {
    if (change.type === 'delete' || (change.object.spec.nodeName ?? '') === '') return;
    const moved =
      change.type === 'add' ||
      change.old.spec.nodeName !== change.object.spec.nodeName ||
      !jsonEqual(change.old.spec.tolerations, change.object.spec.tolerations);
    if (moved) reconciler.enqueue(keyOf(change.object));
  });

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    const pod = pods.get(splitNamespaced(key));
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
    if (isPodTerminal(pod)) return undefined;
    const node = nodes.get({ name: pod.spec.nodeName ?? '' });
    const delayMs = evictionDelayMs(
      node?.spec.taints ?? [],
      pod.spec.tolerations ?? [],
      clock.nowMs(),
    );
    if (delayMs === undefined) return undefined;
    if (delayMs > 0) return { requeueAfterMs: delayMs };
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
    recorder.normal(subject, 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const conditions = withCondition(
      pod.status?.conditions,
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
      },
      now(clock),
    );
    await client
      .patch(
        resources.pods,
        pod.metadata,
        'application/merge-patch+json',
        { metadata: { uid: pod.metadata.uid }, status: { conditions } },
        { subresource: 'status' },
      )
      .catch(ignoreNotFound);
    await client
      .delete(resources.pods, pod.metadata, { preconditions: { uid: pod.metadata.uid ?? '' } })
      .catch(ignoreNotFound);
    return undefined;
  }
  return reconciler;
}
