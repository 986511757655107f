/** The DaemonSet controller: carries {@link planDaemonSet} out. */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import type { Owner } from '../../../api/facts/owners.js';
import { msUntilAvailable } from '../../../api/facts/pods.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { controllerOf } from '../../../api/object.js';
import type { Node, Pod } from '../../../api/types/core.js';
import type { ControllerRevision, DaemonSet } from '../../../api/types/workloads.js';
import { throwGathered } from '../../../client/controller/bounded.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { ownedPod, PodControl } from '../pod-control.js';
import { templateGenerationAnnotation } from '../../../api/facts/template-generation.js';
import { currentRevision, revisionHashLabel, surplusRevisions } from '../history/revisions.js';
import { FailedPodBackoff } from './failed-pods.js';
import type { DaemonPlan } from './plan.js';
import { daemonTemplate, planDaemonSet } from './plan.js';

const concurrency = 32;
/** Most pods made or deleted in one reconcile. @see kubernetes pkg/controller/daemon BurstReplicas */
const burst = 250;

/** Controller "daemonset". */
export function createDaemonSetController(context: ControllerContext): Reconciler {
  return new DaemonSetController(context).reconciler;
}

class DaemonSetController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #control: PodControl;
  readonly #failed: FailedPodBackoff;
  readonly #sets: Informer<DaemonSet>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #history: Informer<ControllerRevision>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    const { clock, informers } = context;
    this.#context = context;
    this.#recorder = context.recorder('daemonset-controller');
    this.#failed = new FailedPodBackoff(clock);
    this.reconciler = createReconciler(context, {
      name: 'daemonset',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#control = new PodControl(context, {
      recorder: this.#recorder,
      pods: this.#pods,
      ownerResource: resources.daemonSets,
      concurrency,
    });
    this.#nodes = informers.informer<Node>(resources.nodes);
    this.#history = informers.informer<ControllerRevision>(resources.controllerRevisions);
    this.#sets = watchSelf<DaemonSet>(context, resources.daemonSets, (key) =>
      this.reconciler.enqueue(key),
    );
    this.#sets.onChange(this.#control.expectations.forgetGone);
    this.#sets.onChange(({ type, object }) => {
      if (type === 'delete') this.#failed.forget(`${object.metadata.uid ?? ''}/`);
    });
    this.#nodes.onChange((change) => {
      if (change.type === 'update' && !nodeMatters(change.old, change.object)) return;
      for (const set of this.#sets.list()) this.reconciler.enqueue(keyOf(set));
    });
    this.#pods.onChange((change) => this.#onPod(change));
  }

  #onPod({ type, object }: Change<Pod>): void {
    const reference = controllerOf(object);
    if (reference?.kind !== 'DaemonSet') return;
    this.#control.expectations.saw(reference.uid, type, object);
    this.reconciler.enqueue(
      objectKey({ namespace: object.metadata.namespace, name: reference.name }),
    );
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const set = this.#sets.get(splitKey(key));
    const { uid = '' } = set?.metadata ?? {};
    if (set === undefined || !this.#control.expectations.satisfied(uid)) return undefined;
    const owner: Owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: set.metadata };
    const owned = await this.#control.claim(owner, compileSelector(set.spec.selector));
    const revisions = this.#history
      .list(set.metadata.namespace)
      .filter((revision) => controllerOf(revision)?.uid === uid);
    const { revision, collided } = await currentRevision({
      client: this.#context.client,
      owner,
      template: set.spec.template,
      hashLabel: revisionHashLabel,
      revisions,
      collisionCount: set.status?.collisionCount,
    });
    const hash = revision.metadata.labels?.[revisionHashLabel] ?? '';
    const nowMs = this.#context.clock.nowMs();
    const plan = planDaemonSet({ set, nodes: this.#nodes.list(), pods: owned, hash, nowMs });
    const { errors, recheckMs } = await this.#perform(set, owner, plan, hash);
    await this.#writeStatus(set, plan, collided);
    throwGathered(errors);
    await this.#trimHistory(set, owned, revisions, hash);
    const waits = owned
      .map((pod) => msUntilAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs))
      .concat(recheckMs)
      .filter((ms) => ms > 0 && Number.isFinite(ms));
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  async #perform(
    set: DaemonSet,
    owner: Owner,
    plan: DaemonPlan,
    hash: string,
  ): Promise<{ errors: unknown[]; recheckMs: number[] }> {
    const { due, recheckMs } = this.#endedPodsDue(owner, plan, hash);
    const create = plan.create.slice(0, burst);
    const doomed = [...due, ...plan.delete].slice(0, burst);
    const uids = doomed.map((pod) => pod.metadata.uid ?? '');
    const generation = set.metadata.annotations?.[templateGenerationAnnotation];
    this.#control.expectations.expect(owner.metadata.uid ?? '', create.length, uids);
    const errors = [
      ...(await this.#control.create(owner, create.length, (at) =>
        ownedPod(daemonTemplate(set.spec.template, create[at] ?? '', hash, generation), owner),
      )),
      ...(await this.#control.delete(owner, doomed)),
    ];
    return { errors, recheckMs };
  }

  /** Ended pods whose time has come, and how long the others wait. */
  #endedPodsDue(owner: Owner, plan: DaemonPlan, hash: string) {
    const due: Pod[] = [];
    const recheckMs: number[] = [];
    for (const pod of plan.ended) {
      const node = pod.spec.nodeName ?? '';
      if (pod.status?.phase === 'Succeeded') {
        const message = `Found succeeded daemon pod ${keyOf(pod)} on node ${node}, will try to delete it`;
        this.#recorder.normal(owner, 'SucceededDaemonPod', message);
        due.push(pod);
        continue;
      }
      const waitMs = this.#failed.take(`${owner.metadata.uid ?? ''}/${hash}/${node}`);
      if (waitMs > 0) {
        recheckMs.push(waitMs);
        continue;
      }
      const message = `Found failed daemon pod ${keyOf(pod)} on node ${node}, will try to kill it`;
      this.#recorder.warning(owner, 'FailedDaemonPod', message);
      due.push(pod);
    }
    return { due, recheckMs };
  }

  async #writeStatus(set: DaemonSet, plan: DaemonPlan, collided: boolean): Promise<void> {
    const count = (set.status?.collisionCount ?? 0) + 1;
    const status = collided ? { ...plan.status, collisionCount: count } : plan.status;
    if (jsonEqual(set.status, status)) return;
    await this.#context.client
      .updateStatus<DaemonSet>(resources.daemonSets, { ...set, status })
      .catch(ignoreNotFound);
  }

  /** Deletes revisions that no pod has, beyond `revisionHistoryLimit`. */
  async #trimHistory(
    set: DaemonSet,
    pods: readonly Pod[],
    revisions: readonly ControllerRevision[],
    hash: string,
  ): Promise<void> {
    const used = new Set(pods.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? ''));
    used.add(hash);
    const inUse = revisions.filter((r) => used.has(r.metadata.labels?.[revisionHashLabel] ?? ''));
    const names = new Set(inUse.map((r) => r.metadata.name));
    for (const old of surplusRevisions(revisions, names, set.spec.revisionHistoryLimit ?? 10)) {
      await this.#context.client
        .delete(resources.controllerRevisions, old.metadata)
        .catch(ignoreNotFound);
    }
  }
}

function nodeMatters(old: Node, next: Node): boolean {
  return (
    !jsonEqual(old.spec.taints, next.spec.taints) ||
    !jsonEqual(old.metadata.labels, next.metadata.labels)
  );
}
