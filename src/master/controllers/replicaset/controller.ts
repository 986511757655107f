/**
 * The ReplicaSet controller, and with other names the ReplicationController's: keeps the wanted number of pods. Pods
 * are created in slow-start batches, at most {@link burstReplicas} a reconcile; expectations keep a stale cache from
 * making too many.
 */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import type { KubeObject } from '../../../api/object.js';
import { controllerOf } from '../../../api/object.js';
import type { Change, Informer, ResourceId } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import { throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import { ownedPod, PodControl } from '../pod-control.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type {
  Condition,
  Pod,
  PodTemplateSpec,
  ReplicationController,
} from '../../../api/types/core.js';
import type { ReplicaSet, ReplicaSetStatus } from '../../../api/types/workloads.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { isPodActive, isPodTerminal } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import type { Matcher } from '../../../api/facts/selectors.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { now } from '../../../api/facts/time.js';
import type { Owner } from '../../../api/facts/owners.js';
import { planReplicas, planStatus } from './plan.js';

/** Pods made or deleted at once. */
const concurrency = 64;

const isAlive = (pod: Pod): boolean => !isPodTerminal(pod);

/** The differences between the two kinds. */
interface Variant<T extends KubeObject & { status?: ReplicaSetStatus | undefined }> {
  readonly name: string;
  /** The source of events. */
  readonly component: string;
  readonly resource: ResourceId;
  readonly apiVersion: string;
  readonly kind: string;
  readonly view: (object: T) => {
    readonly replicas: number;
    readonly minReadySeconds: number;
    readonly template: PodTemplateSpec;
    readonly matches: Matcher;
  };
}

/** Controller "replicaset". */
export function createReplicaSetController(context: ControllerContext): Reconciler {
  return new ReplicaController<ReplicaSet>(context, {
    name: 'replicaset',
    component: 'replicaset-controller',
    resource: resources.replicaSets,
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    view: ({ spec }) => ({
      replicas: spec.replicas ?? 1,
      minReadySeconds: spec.minReadySeconds ?? 0,
      template: spec.template,
      matches: compileSelector(spec.selector),
    }),
  }).reconciler;
}

/** Controller "replicationcontroller". */
export function createReplicationControllerController(context: ControllerContext): Reconciler {
  return new ReplicaController<ReplicationController>(context, {
    name: 'replicationcontroller',
    component: 'replication-controller',
    resource: resources.replicationControllers,
    apiVersion: 'v1',
    kind: 'ReplicationController',
    view: ({ spec }) => ({
      replicas: spec.replicas ?? 1,
      minReadySeconds: spec.minReadySeconds ?? 0,
      template: spec.template ?? { spec: { containers: [] } },
      matches: compileSelector(
        spec.selector === undefined ? undefined : { matchLabels: spec.selector },
      ),
    }),
  }).reconciler;
}

class ReplicaController<T extends KubeObject & { status?: ReplicaSetStatus | undefined }> {
  readonly #context: ControllerContext;
  readonly #variant: Variant<T>;
  readonly #owners: Informer<T>;
  readonly #pods: Informer<Pod>;
  readonly #control: PodControl;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext, variant: Variant<T>) {
    this.#context = context;
    this.#variant = variant;
    this.reconciler = createReconciler(context, {
      name: variant.name,
      workers: 10,
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#control = new PodControl(context, {
      recorder: context.recorder(variant.component),
      pods: this.#pods,
      ownerResource: variant.resource,
      concurrency,
    });
    this.#owners = watchSelf<T>(context, variant.resource, (key) => this.reconciler.enqueue(key));
    this.#owners.onChange(this.#control.expectations.forgetGone);
    this.#pods.onChange((change) => this.#onPod(change));
  }

  #onPod(change: Change<Pod>): void {
    const pod = change.object;
    const key = this.#ownerKey(pod);
    if (key !== undefined) {
      this.#control.expectations.saw(controllerOf(pod)?.uid ?? '', change.type, pod);
      this.reconciler.enqueue(key);
    } else if (controllerOf(pod) === undefined && change.type !== 'delete') {
      this.#enqueueMatching(pod);
    }
    if (change.type === 'update') {
      const former = this.#ownerKey(change.old);
      if (former !== undefined && former !== key) this.reconciler.enqueue(former);
    }
  }

  #ownerKey(pod: Pod): string | undefined {
    const reference = controllerOf(pod);
    if (reference === undefined || reference.kind !== this.#variant.kind) return undefined;
    return objectKey({ namespace: pod.metadata.namespace, name: reference.name });
  }

  #enqueueMatching(pod: Pod): void {
    for (const owner of this.#owners.list(pod.metadata.namespace)) {
      if (this.#variant.view(owner).matches(pod.metadata.labels)) {
        this.reconciler.enqueue(keyOf(owner));
      }
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const object = this.#owners.get(splitKey(key));
    if (object === undefined) return undefined;
    const view = this.#variant.view(object);
    const owner: Owner = {
      apiVersion: this.#variant.apiVersion,
      kind: this.#variant.kind,
      metadata: object.metadata,
    };
    // Before the pods are read: what is seen from now on is not among them.
    const settled = this.#control.expectations.satisfied(object.metadata.uid ?? '');
    const active = (await this.#control.claim(owner, view.matches, isAlive)).filter(isPodActive);
    let failure: Condition | undefined;
    const errors: unknown[] = [];
    if (settled && object.metadata.deletionTimestamp === undefined) {
      const plan = planReplicas(
        view.replicas,
        active,
        this.#crowds(object, active),
        this.#context.clock.nowMs(),
      );
      const failed =
        plan.create > 0
          ? await this.#create(owner, view.template, plan.create)
          : await this.#delete(owner, plan.delete);
      errors.push(...failed);
      if (failed.length > 0) failure = this.#failure(object, plan.create > 0, failed[0]);
    }
    const recheckMs = await this.#writeStatus(object, active, failure);
    throwGathered(errors);
    return recheckMs === undefined ? undefined : { requeueAfterMs: recheckMs };
  }

  /** Active pods per node over all sets of the same controller, so that scaling down evens out. */
  #crowds(object: T, active: readonly Pod[]): Map<string, number> {
    const crowds = new Map<string, number>();
    const parent = controllerOf(object)?.uid;
    const siblings =
      parent === undefined
        ? active
        : this.#owners
            .list(object.metadata.namespace)
            .filter((owner) => controllerOf(owner)?.uid === parent)
            .flatMap((owner) => this.#pods.byIndex(ownerUidIndex, owner.metadata.uid ?? ''))
            .filter(isPodActive);
    for (const pod of siblings) {
      const node = pod.spec.nodeName ?? '';
      if (node !== '') crowds.set(node, (crowds.get(node) ?? 0) + 1);
    }
    return crowds;
  }

  #create(owner: Owner, template: PodTemplateSpec, count: number): Promise<unknown[]> {
    this.#control.expectations.expect(owner.metadata.uid ?? '', count);
    return this.#control.create(owner, count, () => ownedPod(template, owner));
  }

  async #delete(owner: Owner, pods: readonly Pod[]): Promise<unknown[]> {
    if (pods.length === 0) return [];
    const uids = pods.map((pod) => pod.metadata.uid ?? '');
    this.#control.expectations.expect(owner.metadata.uid ?? '', 0, uids);
    return this.#control.delete(owner, pods);
  }

  /**
   * The condition ReplicaFailure, as it is where it is already: its message names the pod that was not made, another
   * one each time. Writing it anew would be a change of the set, which begins the next attempt without any back-off.
   */
  #failure(object: T, creating: boolean, error: unknown): Condition {
    const old = object.status?.conditions?.find((c) => c.type === 'ReplicaFailure');
    return (
      old ?? {
        type: 'ReplicaFailure',
        status: 'True',
        reason: creating ? 'FailedCreate' : 'FailedDelete',
        message: errorMessage(error),
        lastTransitionTime: now(this.#context.clock),
      }
    );
  }

  async #writeStatus(
    object: T,
    active: readonly Pod[],
    failure: Condition | undefined,
  ): Promise<number | undefined> {
    const view = this.#variant.view(object);
    const plan = planStatus({
      old: object.status,
      generation: object.metadata.generation ?? 0,
      minReadySeconds: view.minReadySeconds,
      templateLabels: view.template.metadata?.labels ?? {},
      active,
      failure,
      nowMs: this.#context.clock.nowMs(),
    });
    if (plan.changed) {
      await this.#context.client
        .updateStatus<T>(this.#variant.resource, { ...object, status: plan.status })
        .catch(ignoreNotFound);
    }
    return plan.recheckMs;
  }
}
