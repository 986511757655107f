/** Controller "pod-garbage-collector-controller": removes pods that no worker will. */
import { isPodTerminal } from '../../../api/facts/pods.js';
import { now } from '../../../api/facts/time.js';
import type { Node, Pod, PodCondition } from '../../../api/types/core.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { patchPodStatus } from '../../../client/pod-status.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import {
  cleanNode,
  failedStatus,
  isOutOfService,
  isUnplacedAndDeleted,
  surplusTerminated,
} from './pod-gc-plan.js';

/** Controller "pod-garbage-collector-controller". */
export function createPodGarbageCollector(context: ControllerContext): Reconciler {
  return new PodGarbageCollector(context).reconciler;
}

/** Keys are `node/NAME`, `pod/NAMESPACE/NAME` and `terminated`. */
class PodGarbageCollector {
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  /** Since when nodes with pods are missing, on the monotonic clock. */
  readonly #missingSince = new Map<string, number>();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'pod-garbage-collector-controller',
      workers: 4,
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#nodes.onChange(({ object }) => this.reconciler.enqueue(`node/${object.metadata.name}`));
    this.#pods.onChange(({ type, object }) => {
      if (type !== 'delete') this.#onPod(object);
    });
  }

  #onPod(pod: Pod): void {
    const { nodeName = '' } = pod.spec;
    if (isUnplacedAndDeleted(pod)) {
      this.reconciler.enqueue(`pod/${pod.metadata.namespace ?? ''}/${pod.metadata.name}`);
    }
    const node = this.#nodes.get({ name: nodeName });
    if (nodeName !== '' && (node === undefined || isOutOfService(node))) {
      this.reconciler.enqueue(`node/${nodeName}`);
    }
    if (isPodTerminal(pod)) this.reconciler.enqueue('terminated');
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    if (key === 'terminated') {
      const { terminatedPodGcThreshold } = this.#context.flags;
      return this.#removeAll(surplusTerminated(this.#pods.list(), terminatedPodGcThreshold));
    }
    if (key.startsWith('node/')) return this.#cleanNode(key.slice('node/'.length));
    const [, namespace = '', name = ''] = key.split('/');
    const pod = this.#pods.get({ namespace, name });
    if (pod !== undefined && isUnplacedAndDeleted(pod)) await this.#remove(pod);
    return undefined;
  }

  async #cleanNode(name: string): Promise<ReconcileResult | void> {
    const node = this.#nodes.get({ name });
    const here = this.#pods.byIndex(nodeNameIndex, name);
    const nowMs = this.#context.clock.monotonicMs();
    const sinceMs = this.#missingSince.get(name) ?? nowMs;
    if (node === undefined && here.length > 0) this.#missingSince.set(name, sinceMs);
    else this.#missingSince.delete(name);
    const { remove, condition, waitMs } = cleanNode(node, here, nowMs - sinceMs);
    await this.#removeAll(remove, condition);
    return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
  }

  async #removeAll(pods: readonly Pod[], condition?: PodCondition): Promise<void> {
    throwGathered(await forEachBounded(pods, 16, (pod) => this.#remove(pod, condition)));
  }

  /** Marks a pod that had not ended as Failed, and takes it away at once. */
  async #remove(pod: Pod, condition?: PodCondition): Promise<void> {
    const { client, clock } = this.#context;
    const { uid } = pod.metadata;
    const status = failedStatus(pod, condition, now(clock));
    if (status !== undefined) await patchPodStatus(client, pod, status).catch(ignoreNotFound);
    await client
      .delete(resources.pods, pod.metadata, {
        gracePeriodSeconds: 0,
        preconditions: { uid: uid ?? '' },
      })
      .catch(ignoreNotFound);
  }
}
