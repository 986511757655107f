/**
 * Controller "pod-garbage-collector-controller": removes pods that no worker will: on nodes that are gone, deleted before they
 * were placed, terminating on nodes out of service, and finished ones beyond a threshold.
 */
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { Condition, Node, Pod } from '../../../api/types/core.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import { findCondition, isPodTerminal, withCondition } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { byCreation, now } from '../../../api/facts/time.js';

/** A node must be missing for so long before its pods count as orphans (kubernetes quarantineTime). */
const quarantineMs = 5000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

export function createPodGarbageCollector(context: ControllerContext): Reconciler {
  const { client, clock, flags } = context;
  const pods = podInformer(context);
  const nodes = context.informers.informer<Node>(resources.nodes);
  const reconciler = createReconciler(context, {
    name: 'pod-garbage-collector-controller',
    workers: 4,
    reconcile,
  });
  const missingSince = new Map<string, number>();
  nodes.onChange(({ object }) => reconciler.enqueue(`node/${object.metadata.name}`));
  pods.onChange(({ type, object }) => {
    if (type === 'delete') return;
    const node = object.spec.nodeName ?? '';
    if (node === '' && object.metadata.deletionTimestamp !== undefined) {
      reconciler.enqueue(`pod/${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    } else if (node !== '' && (nodes.get({ name: node }) === undefined || isOutOfService(node))) {
      reconciler.enqueue(`node/${node}`);
    }
    if (isPodTerminal(object)) reconciler.enqueue('terminated');
  });

  function isOutOfService(name: string): boolean {
    const node = nodes.get({ name });
    return (
      node !== undefined &&
      findCondition(node.status?.conditions, 'Ready')?.status !== 'True' &&
      (node.spec.taints ?? []).some(({ key }) => key === outOfServiceTaint)
    );
  }

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    if (key === 'terminated') return removeTerminated();
    if (key.startsWith('node/')) return cleanNode(key.slice('node/'.length));
    const [, namespace = '', name = ''] = key.split('/');
    const pod = pods.get({ namespace, name });
    const unplaced = (pod?.spec.nodeName ?? '') === '';
    if (pod?.metadata.deletionTimestamp !== undefined && unplaced) await remove(pod);
    return undefined;
  }

  async function cleanNode(name: string): Promise<ReconcileResult | void> {
    const here = pods.byIndex(nodeNameIndex, name);
    if (nodes.get({ name }) !== undefined) {
      missingSince.delete(name);
      if (!isOutOfService(name)) return undefined;
      const terminating = here.filter((pod) => pod.metadata.deletionTimestamp !== undefined);
      await removeAll(terminating);
      return undefined;
    }
    if (here.length === 0) {
      missingSince.delete(name);
      return undefined;
    }
    const sinceMs = missingSince.get(name) ?? clock.monotonicMs();
    missingSince.set(name, sinceMs);
    const waitMs = sinceMs + quarantineMs - clock.monotonicMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await removeAll(here, {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
    });
    return undefined;
  }

  async function removeTerminated(): Promise<void> {
    if (flags.terminatedPodGcThreshold <= 0) return;
    const terminated = pods.list().filter(isPodTerminal);
    const surplus = terminated.length - flags.terminatedPodGcThreshold;
    if (surplus > 0) await removeAll(terminated.toSorted(byCreation).slice(0, surplus));
  }

  async function removeAll(list: readonly Pod[], condition?: Condition): Promise<void> {
    throwGathered(await forEachBounded(list, 16, (pod) => remove(pod, condition)));
  }

  /** Marks a pod that had not ended as Failed, so that its controller counts it, and takes it away at once. */
  async function remove(pod: Pod, condition?: Condition): Promise<void> {
    if (!isPodTerminal(pod) && (pod.spec.nodeName ?? '') !== '') {
      const conditions =
        condition === undefined
          ? (pod.status?.conditions ?? [])
          : withCondition(pod.status?.conditions, condition, now(clock));
      await client
        .patch(
          resources.pods,
          pod.metadata,
          'application/merge-patch+json',
          { metadata: { uid: pod.metadata.uid }, status: { phase: 'Failed', conditions } },
          { subresource: 'status' },
        )
        .catch(ignoreNotFound);
    }
    await client
      .delete(resources.pods, pod.metadata, {
        gracePeriodSeconds: 0,
        preconditions: { uid: pod.metadata.uid ?? '' },
      })
      .catch(ignoreNotFound);
  }
  return reconciler;
}
