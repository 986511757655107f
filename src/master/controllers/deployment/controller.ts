/** The Deployment controller: carries {@link planDeployment} out. */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import { controllerOf } from '../../../api/object.js';
import type { Change, Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import { assertNever } from '../../../lib/assert.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { Pod } from '../../../api/types/core.js';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../../api/types/workloads.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jsonEqual } from '../../../api/equal.js';
import { claim } from '../../../client/controller/ownership.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { compileSelector, isEmptySelector } from '../../../api/facts/selectors.js';
import type { Owner } from '../../../api/facts/owners.js';
import type { DeploymentAction } from './plan.js';
import { planDeployment } from './plan.js';
import { findNew, replicasOf, revisionAnnotation } from './replica-sets.js';

/** Controller "deployment". */
export function createDeploymentController(context: ControllerContext): Reconciler {
  return new DeploymentController(context).reconciler;
}

class DeploymentController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('deployment-controller');
    this.reconciler = createReconciler(context, {
      name: 'deployment',
      workers: 10,
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#sets = context.informers.informer<ReplicaSet>(resources.replicaSets);
    this.#deployments = watchSelf<Deployment>(context, resources.deployments, (key) =>
      this.reconciler.enqueue(key),
    );
    this.#sets.onChange((change) => this.#onSet(change));
    this.#pods.onChange((change) => {
      if (change.type === 'delete') this.#onPodGone(change.object);
    });
  }

  #onSet(change: Change<ReplicaSet>): void {
    const versions = change.type === 'update' ? [change.object, change.old] : [change.object];
    for (const set of versions) {
      const reference = controllerOf(set);
      if (reference?.kind === 'Deployment') {
        this.reconciler.enqueue(
          objectKey({ namespace: set.metadata.namespace, name: reference.name }),
        );
      }
    }
    if (controllerOf(change.object) !== undefined || change.type === 'delete') return;
    for (const deployment of this.#deployments.list(change.object.metadata.namespace)) {
      if (compileSelector(deployment.spec.selector)(change.object.metadata.labels)) {
        this.reconciler.enqueue(keyOf(deployment));
      }
    }
  }

  /** Recreate waits for the last old pod. */
  #onPodGone(pod: Pod): void {
    const reference = controllerOf(pod);
    if (reference?.kind !== 'ReplicaSet') return;
    const namespace = pod.metadata.namespace ?? '';
    const set = this.#sets.get({ namespace, name: reference.name });
    const owner = set === undefined ? undefined : controllerOf(set);
    if (owner?.kind !== 'Deployment') return;
    const deployment = this.#deployments.get({ namespace, name: owner.name });
    if (deployment?.spec.strategy?.type === 'Recreate') {
      this.reconciler.enqueue(keyOf(deployment));
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const deployment = this.#deployments.get(splitKey(key));
    if (deployment === undefined || isEmptySelector(deployment.spec.selector)) return undefined;
    const owner: Owner = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: deployment.metadata,
    };
    const sets = await claim({
      client: this.#context.client,
      owner,
      ownerResource: resources.deployments,
      resource: resources.replicaSets,
      objects: this.#sets.list(deployment.metadata.namespace),
      matches: compileSelector(deployment.spec.selector),
    });
    const plan = planDeployment({
      deployment,
      sets,
      hasRunningPods: (set) =>
        this.#pods
          .byIndex(ownerUidIndex, set.metadata.uid ?? '')
          .some((pod) => !isPodTerminal(pod)),
      nowMs: this.#context.clock.nowMs(),
    });
    let collided = false;
    for (const action of plan.actions) {
      collided = (await this.#perform(deployment, owner, action)) === 'collision' || collided;
    }
    const status = collided
      ? { ...plan.status, collisionCount: (plan.status.collisionCount ?? 0) + 1 }
      : plan.status;
    await this.#writeStatus(deployment, status, plan.revision);
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  async #perform(
    deployment: Deployment,
    owner: Owner,
    action: DeploymentAction,
  ): Promise<'done' | 'collision'> {
    const { client } = this.#context;
    const { set } = action;
    const { name } = set.metadata;
    switch (action.type) {
      case 'create':
        if (!(await this.#create(deployment, owner, set))) return 'collision';
        if (replicasOf(set) > 0) {
          const message = `Scaled up replica set ${name} from 0 to ${replicasOf(set)}`;
          this.#recorder.normal(owner, 'ScalingReplicaSet', message);
        }
        return 'done';
      case 'update': {
        await client.update(resources.replicaSets, set);
        const to = replicasOf(set);
        if (to !== action.from) {
          const direction = to > action.from ? 'up' : 'down';
          const message = `Scaled ${direction} replica set ${name} from ${action.from} to ${to}`;
          this.#recorder.normal(owner, 'ScalingReplicaSet', message);
        }
        return 'done';
      }
      case 'delete':
        await client
          .delete(resources.replicaSets, set.metadata, {
            preconditions: { uid: set.metadata.uid ?? '' },
          })
          .catch(ignoreNotFound);
        return 'done';
      default:
        return assertNever(action, 'action');
    }
  }

  /** @returns false when a foreign set has the name, which a collision count will change */
  async #create(deployment: Deployment, owner: Owner, set: ReplicaSet): Promise<boolean> {
    try {
      await this.#context.client.create(resources.replicaSets, set);
      return true;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) {
        const text = errorMessage(error);
        const message = `Failed to create new replica set "${set.metadata.name}": ${text}`;
        this.#recorder.warning(owner, 'ReplicaSetCreateError', message);
        throw error;
      }
    }
    const present = await this.#context.client.get<ReplicaSet>(resources.replicaSets, set.metadata);
    const ours = controllerOf(present)?.uid === deployment.metadata.uid;
    return ours && findNew(deployment, [present]) !== undefined;
  }

  /**
   * Writes the status, and the revision with it: an annotation that is written by itself counts as a change of what is
   * wanted.
   */
  async #writeStatus(
    deployment: Deployment,
    status: DeploymentStatus,
    revision: bigint | undefined,
  ): Promise<void> {
    if (revision === undefined && jsonEqual(deployment.status, status)) return;
    const { metadata } = deployment;
    const told = revision === undefined ? {} : { [revisionAnnotation]: String(revision) };
    const annotations = { ...metadata.annotations, ...told };
    await this.#context.client
      .updateStatus<Deployment>(resources.deployments, {
        ...deployment,
        metadata: revision === undefined ? metadata : { ...metadata, annotations },
        status,
      })
      .catch(ignoreNotFound);
  }
}
