/**
 * Controller "node-lifecycle-controller": a node whose lease and status are silent for the grace period becomes
 * Unknown, is tainted, and its pods are no longer ready. Per node one timer, moved by each heartbeat; nothing polls.
 */
import { findCondition, withCondition } from '../../../api/facts/conditions.js';
import { now } from '../../../api/facts/time.js';
import type { Node, NodeCondition, Pod } from '../../../api/types/core.js';
import type { Lease } from '../../../api/types/policy.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import {
  concernsOthers,
  EvictionTurns,
  Heartbeats,
  planHealth,
  planTaints,
  podsToMark,
} from './lifecycle-plan.js';
import { zoneOf } from './zones.js';

const leaseNamespace = 'kube-node-lease';

/**
 * Creates the controller that taints nodes without heartbeats and evicts their pods (kubernetes
 * pkg/controller/nodelifecycle).
 */
export function createNodeLifecycleController(context: ControllerContext): Reconciler {
  return new NodeLifecycle(context).reconciler;
}

class NodeLifecycle {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #heartbeats = new Heartbeats();
  readonly #turns = new EvictionTurns();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('node-controller');
    this.reconciler = createReconciler(context, {
      name: 'node-lifecycle-controller',
      workers: 8,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#pods = podInformer(context);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#nodes.onChange((change) => this.#onNode(change));
    context.informers
      .informer<Lease>(resources.leases, { namespace: leaseNamespace })
      .onChange(({ type, object }) => {
        if (type === 'delete') return;
        const { name } = object.metadata;
        this.#heartbeats.note(name, 'lease', object.spec.renewTime, this.#nowMs);
      });
  }

  get #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }

  #onNode(change: Change<Node>): void {
    const { object } = change;
    const { name } = object.metadata;
    this.reconciler.enqueue(name);
    if (change.type === 'delete') {
      this.#heartbeats.forget(name);
      this.#lookAtAll();
      this.#tell(
        object,
        'RemovingNode',
        `Node ${name} event: Removing Node ${name} from Controller`,
      );
    } else {
      const time = findCondition(object.status?.conditions, 'Ready')?.lastHeartbeatTime;
      this.#heartbeats.note(name, 'status', time ?? undefined, this.#nowMs);
    }
    if (change.type === 'add') {
      this.#tell(
        object,
        'RegisteredNode',
        `Node ${name} event: Registered Node ${name} in Controller`,
      );
    }
    if (change.type === 'update' && concernsOthers(change.old, object)) this.#lookAtAll();
  }

  /** Evictions begin with the next look; those that have begun end when the last node is down. */
  #lookAtAll(): void {
    for (const { metadata } of this.#nodes.list()) this.reconciler.enqueue(metadata.name);
  }

  async #reconcile(name: string): Promise<ReconcileResult | void> {
    const node = this.#nodes.get({ name });
    if (node === undefined) return undefined;
    const { flags, clock } = this.#context;
    const silentMs = this.#heartbeats.silentMs(name, this.#nowMs);
    const health = planHealth(node, silentMs, flags, now(clock));
    const current =
      health.conditions === undefined
        ? node
        : await this.#markUnknown(node, health.conditions, health.wasReady);
    const waitMs = await this.#taint(current);
    await this.#markPodsNotReady(current);
    return { requeueAfterMs: Math.min(health.nextMs, waitMs ?? health.nextMs) };
  }

  async #markUnknown(node: Node, conditions: NodeCondition[], wasReady: boolean): Promise<Node> {
    const { client, log } = this.#context;
    log.info({ node: node.metadata.name }, 'a node has stopped reporting');
    const status = { ...node.status, conditions };
    const updated = await client.updateStatus<Node>(resources.nodes, { ...node, status });
    if (wasReady) {
      this.#tell(node, 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
    }
    return updated;
  }

  /** @returns milliseconds until an eviction that has to wait may begin */
  async #taint(node: Node): Promise<number | undefined> {
    const { client, clock, flags } = this.#context;
    const zone = zoneOf(node);
    const turnWaitMs = this.#turns.waitMs(zone, this.#nowMs);
    const plan = planTaints(node, this.#nodes.list(), turnWaitMs, flags, now(clock));
    const { taints, beginsAtRate, waitMs } = plan;
    if (beginsAtRate !== undefined) this.#turns.take(zone, beginsAtRate, this.#nowMs);
    if (taints !== undefined) {
      await client
        .patch<Node>(resources.nodes, node.metadata, 'application/merge-patch+json', {
          metadata: { resourceVersion: node.metadata.resourceVersion },
          spec: { taints: taints.length === 0 ? null : taints },
        })
        .catch(ignoreNotFound);
    }
    return waitMs;
  }

  /** Takes the pods of a silent node out of their services. */
  async #markPodsNotReady(node: Node): Promise<void> {
    const pods = podsToMark(node, this.#pods.byIndex(nodeNameIndex, node.metadata.name));
    const at = now(this.#context.clock);
    const errors = await forEachBounded(pods, 16, async (pod) => {
      const conditions = withCondition(
        pod.status?.conditions,
        { ...findCondition(pod.status?.conditions, 'Ready'), type: 'Ready', status: 'False' },
        at,
      );
      await this.#context.client
        .updateStatus<Pod>(resources.pods, { ...pod, status: { ...pod.status, conditions } })
        .catch(ignoreNotFound);
      const subject = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
      this.#recorder.warning(subject, 'NodeNotReady', 'Node is not ready');
    });
    throwGathered(errors);
  }

  #tell({ metadata }: Node, reason: string, message: string): void {
    this.#recorder.normal({ apiVersion: 'v1', kind: 'Node', metadata }, reason, message);
  }
}
