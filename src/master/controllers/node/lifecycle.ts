/**
 * Controller "node-lifecycle-controller": a node whose lease and status are silent for the grace period becomes
 * Unknown, is tainted, and its pods are no longer ready. Per node one timer, moved by each heartbeat; nothing polls.
 */
import type { Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { Node, Pod } from '../../../api/types/core.js';
import type { Lease } from '../../../api/types/policy.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { nodeNameIndex, podInformer } from '../../../client/controller/pod-index.js';
import { isPodReady, isPodTerminal } from '../../../api/facts/pods.js';
import { findCondition, withCondition } from '../../../api/facts/conditions.js';
import { resources } from '../../../client/resources.js';
import { now } from '../../../api/facts/time.js';
import { evictionRate, zoneOf } from './zones.js';
import { isHealthTaint, unknownConditions, wantedTaints } from './taints.js';

const leaseNamespace = 'kube-node-lease';

interface Heartbeat {
  seenMs: number;
  renewTime: string | undefined;
  statusTime: string | undefined;
}

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
  readonly #heartbeats = new Map<string, Heartbeat>();
  /** When the next node of a zone may be evicted, on the monotonic clock. */
  readonly #nextEvictionMs = new Map<string, number>();
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
    this.#nodes.onChange(({ type, object }) => {
      const { name } = object.metadata;
      if (type === 'delete') this.#heartbeats.delete(name);
      else this.#onNode(object, type === 'add');
      this.reconciler.enqueue(name);
    });
    context.informers
      .informer<Lease>(resources.leases, { namespace: leaseNamespace })
      .onChange(({ type, object }) => {
        if (type !== 'delete') this.#onLease(object);
      });
  }

  #heartbeat(name: string): Heartbeat {
    let heartbeat = this.#heartbeats.get(name);
    if (heartbeat === undefined) {
      const seenMs = this.#context.clock.monotonicMs();
      heartbeat = { seenMs, renewTime: undefined, statusTime: undefined };
      this.#heartbeats.set(name, heartbeat);
    }
    return heartbeat;
  }

  #onNode(node: Node, isNew: boolean): void {
    const { name } = node.metadata;
    const heartbeat = this.#heartbeat(name);
    if (isNew) {
      const message = `Node ${name} event: Registered Node ${name} in Controller`;
      this.#recorder.normal(subjectOf(node), 'RegisteredNode', message);
    }
    const time = findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime;
    if (time === heartbeat.statusTime) return;
    heartbeat.statusTime = time;
    heartbeat.seenMs = this.#context.clock.monotonicMs();
  }

  #onLease(lease: Lease): void {
    const heartbeat = this.#heartbeat(lease.metadata.name);
    const { renewTime } = lease.spec;
    if (renewTime === heartbeat.renewTime) return;
    heartbeat.renewTime = renewTime;
    heartbeat.seenMs = this.#context.clock.monotonicMs();
  }

  async #reconcile(name: string): Promise<ReconcileResult | void> {
    const node = this.#nodes.get({ name });
    if (node === undefined) return undefined;
    const { flags, clock } = this.#context;
    const ready = findCondition(node.status?.conditions, 'Ready');
    const graceMs =
      ready === undefined ? flags.nodeStartupGracePeriodMs : flags.nodeMonitorGracePeriodMs;
    const silentMs = clock.monotonicMs() - this.#heartbeat(name).seenMs;
    let current = node;
    if (silentMs > graceMs && ready?.status !== 'Unknown') current = await this.#markUnknown(node);
    const state = findCondition(current.status?.conditions, 'Ready')?.status;
    const waitMs = await this.#taint(current);
    if (state !== 'True' && state !== undefined) await this.#markPodsNotReady(name);
    const nextMs = silentMs > graceMs ? flags.nodeMonitorPeriodMs : graceMs - silentMs + 1;
    // At 0 the taint has just been set, and its change brings the node back.
    const waits = waitMs !== undefined && waitMs > 0;
    return { requeueAfterMs: waits ? Math.min(nextMs, waitMs) : nextMs };
  }

  async #markUnknown(node: Node): Promise<Node> {
    const { clock, client, log } = this.#context;
    log.info({ node: node.metadata.name }, 'a node has stopped reporting');
    const conditions = unknownConditions(node, now(clock));
    const updated = await client.updateStatus<Node>(resources.nodes, {
      ...node,
      status: { ...node.status, conditions },
    });
    const message = `Node ${node.metadata.name} status is now: NodeNotReady`;
    this.#recorder.normal(subjectOf(node), 'NodeNotReady', message);
    for (const other of this.#nodes.list()) this.reconciler.enqueue(other.metadata.name);
    return updated;
  }

  /** @returns milliseconds until an eviction that has to wait may begin */
  async #taint(node: Node): Promise<number | undefined> {
    const { client, clock } = this.#context;
    const waitMs = this.#evictionWaitMs(node);
    const taints = wantedTaints(node, waitMs === 0, now(clock));
    if (jsonEqual(taints, node.spec.taints ?? [])) return waitMs;
    const added = taints.some(
      ({ key, effect }) => effect === 'NoExecute' && isHealthTaint(key) && !hasHealthTaint(node),
    );
    if (added) this.#takeEvictionTurn(node);
    await client
      .patch<Node>(resources.nodes, node.metadata, 'application/merge-patch+json', {
        metadata: { resourceVersion: node.metadata.resourceVersion },
        spec: { taints: taints.length === 0 ? null : taints },
      })
      .catch(ignoreNotFound);
    return waitMs;
  }

  /** 0: may be evicted now. Undefined: not needed, or not while so many nodes are in trouble. */
  #evictionWaitMs(node: Node): number | undefined {
    const ready = findCondition(node.status?.conditions, 'Ready')?.status;
    // A node that has not reported yet gets no NoExecute taint.
    if (ready === undefined || ready === 'True' || hasHealthTaint(node)) return undefined;
    const rate = evictionRate(node, this.#nodes.list(), this.#context.flags);
    if (rate <= 0) return this.#context.flags.nodeMonitorPeriodMs;
    const next = this.#nextEvictionMs.get(zoneOf(node)) ?? 0;
    return Math.max(0, next - this.#context.clock.monotonicMs());
  }

  #takeEvictionTurn(node: Node): void {
    const rate = evictionRate(node, this.#nodes.list(), this.#context.flags);
    const nextMs = this.#context.clock.monotonicMs() + (rate > 0 ? 1000 / rate : 0);
    this.#nextEvictionMs.set(zoneOf(node), nextMs);
  }

  /** Takes the pods of a silent node out of their services. */
  async #markPodsNotReady(name: string): Promise<void> {
    const pods = this.#pods
      .byIndex(nodeNameIndex, name)
      .filter((pod) => !isPodTerminal(pod) && isPodReady(pod));
    const at = now(this.#context.clock);
    const errors = await forEachBounded(pods, 16, async (pod) => {
      const conditions = withCondition(
        pod.status?.conditions,
        { type: 'Ready', status: 'False', reason: 'NodeNotReady' },
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
}

function subjectOf(node: Node) {
  return { apiVersion: 'v1', kind: 'Node', metadata: node.metadata };
}

function hasHealthTaint(node: Node): boolean {
  return (node.spec.taints ?? []).some(
    ({ key, effect }) => effect === 'NoExecute' && isHealthTaint(key),
  );
}
