/**
 * Controller "taint-eviction-controller": deletes pods that do not tolerate a NoExecute taint of their node, in time.
 */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { now } from '../../../api/facts/time.js';
import type { Node, Pod, Taint } from '../../../api/types/core.js';
import { timedCondition } from '../../../api/facts/conditions.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { patchPodStatus } from '../../../client/pod-status.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { evictionDelayMs } from './taints.js';

/** Controller "taint-eviction-controller". */
export function createTaintEvictionController(context: ControllerContext): Reconciler {
  return new TaintEviction(context).reconciler;
}

class TaintEviction {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  /** Since when each pod is on a node with such taints, as far as this controller has seen. */
  readonly #seenMs = new Map<string, number>();
  /** Pods whose eviction is due at a later time, by key. */
  readonly #waiting = new Map<string, Pod>();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('taint-eviction-controller');
    this.reconciler = createReconciler(context, {
      name: 'taint-eviction-controller',
      workers: 16,
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#nodes.onChange((change) => this.#onNode(change));
    this.#pods.onChange((change) => this.#onPod(change));
  }

  #onNode(change: Change<Node>): void {
    if (change.type === 'delete') return;
    const { metadata, spec } = change.object;
    const taints = spec.taints ?? [];
    if (change.type === 'update' && jsonEqual(change.old.spec.taints ?? [], taints)) return;
    const before = change.type === 'update' ? (change.old.spec.taints ?? []) : [];
    if (!evicts(taints) && !evicts(before)) return;
    for (const pod of this.#pods.byIndex(nodeNameIndex, metadata.name)) {
      this.reconciler.enqueue(keyOf(pod));
    }
  }

  #onPod(change: Change<Pod>): void {
    if (change.type === 'delete') {
      this.#forget(keyOf(change.object));
      return;
    }
    if ((change.object.spec.nodeName ?? '') === '') return;
    const moved =
      change.type === 'add' ||
      change.old.spec.nodeName !== change.object.spec.nodeName ||
      !jsonEqual(change.old.spec.tolerations, change.object.spec.tolerations);
    if (moved) this.reconciler.enqueue(keyOf(change.object));
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const pod = this.#pods.get(splitKey(key));
    const delayMs = pod === undefined ? undefined : this.#delayMs(key, pod);
    if (pod === undefined || delayMs === undefined) {
      this.#forget(key);
      return undefined;
    }
    if (delayMs > 0) {
      this.#waiting.set(key, pod);
      return { requeueAfterMs: delayMs };
    }
    await this.#evict(pod);
    this.#waiting.delete(key);
    this.#seenMs.delete(key);
    return undefined;
  }

  /** Forgets a pod that need not go any more, and says so if it had to. */
  #forget(key: string): void {
    this.#seenMs.delete(key);
    const pod = this.#waiting.get(key);
    if (pod === undefined) return;
    this.#waiting.delete(key);
    this.#tell(pod, `Cancelling deletion of Pod ${key}`);
  }

  #tell({ metadata }: Pod, message: string): void {
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata };
    this.#recorder.normal(subject, 'TaintManagerEviction', message);
  }

  #delayMs(key: string, pod: Pod): number | undefined {
    if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
    const taints = this.#nodes.get({ name: pod.spec.nodeName ?? '' })?.spec.taints ?? [];
    if (!evicts(taints)) return undefined;
    const nowMs = this.#context.clock.nowMs();
    const seenMs = this.#seenMs.get(key) ?? nowMs;
    this.#seenMs.set(key, seenMs);
    return evictionDelayMs(taints, pod.spec.tolerations ?? [], { nowMs, seenMs });
  }

  async #evict(pod: Pod): Promise<void> {
    const { client, clock } = this.#context;
    this.#tell(pod, `Marking for deletion Pod ${keyOf(pod)}`);
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    };
    const conditions = [timedCondition(pod.status?.conditions, condition, now(clock))];
    const { uid } = pod.metadata;
    await patchPodStatus(client, pod, { conditions }).catch(ignoreNotFound);
    await client
      .delete(resources.pods, pod.metadata, { preconditions: { uid: uid ?? '' } })
      .catch(ignoreNotFound);
  }
}

function evicts(taints: readonly Taint[]): boolean {
  return taints.some(({ effect }) => effect === 'NoExecute');
}
