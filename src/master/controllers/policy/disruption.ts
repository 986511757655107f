/** Controller "disruption": carries {@link planBudget} out. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { controllerOf } from '../../../api/object.js';
import type { Pod, ReplicationController } from '../../../api/types/core.js';
import type { PodDisruptionBudget } from '../../../api/types/policy.js';
import type { Deployment, ReplicaSet, StatefulSet } from '../../../api/types/workloads.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  eachVersion,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Informer, ResourceId } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { failedBudget, planBudget, sizeOf, unmanagedMessage } from './disruption-plan.js';

type Scalable = Deployment | ReplicaSet | ReplicationController | StatefulSet;

/** Controller "disruption". */
export function createDisruptionController(context: ControllerContext): Reconciler {
  return new DisruptionController(context).reconciler;
}

class DisruptionController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #pods: Informer<Pod>;
  /** The informers of kinds that may control pods, or other controllers, by kind. */
  readonly #scalables: ReadonlyMap<string, Pick<Informer<Scalable>, 'get'>>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('controllermanager');
    this.reconciler = createReconciler(context, {
      name: 'disruption',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#budgets = watchSelf<PodDisruptionBudget>(context, resources.disruptionBudgets, (key) =>
      this.reconciler.enqueue(key),
    );
    this.#scalables = new Map<string, Pick<Informer<Scalable>, 'get'>>([
      ['ReplicaSet', this.#watch<ReplicaSet>(resources.replicaSets)],
      [
        'ReplicationController',
        this.#watch<ReplicationController>(resources.replicationControllers),
      ],
      ['StatefulSet', this.#watch<StatefulSet>(resources.statefulSets)],
      ['Deployment', this.#watch<Deployment>(resources.deployments)],
    ]);
    this.#pods.onChange((change) => {
      eachVersion(change, (pod) => this.#onPod(pod));
      this.#warnOfMany(change.object);
    });
  }

  #watch<T extends Scalable>(resource: ResourceId): Informer<T> {
    const informer = this.#context.informers.informer<T>(resource);
    informer.onChange((change) => {
      if (change.type === 'update' && change.old.spec.replicas === change.object.spec.replicas) {
        return;
      }
      for (const budget of this.#budgets.list(change.object.metadata.namespace)) {
        this.reconciler.enqueue(keyOf(budget));
      }
    });
    return informer;
  }

  #onPod(pod: Pod): void {
    for (const budget of this.#budgetsOf(pod)) this.reconciler.enqueue(keyOf(budget));
  }

  #budgetsOf({ metadata }: Pod): PodDisruptionBudget[] {
    return this.#budgets
      .list(metadata.namespace)
      .filter(({ spec }) => compileSelector(spec.selector)(metadata.labels));
  }

  /** An eviction of a pod with two budgets is refused: whoever made the second wants to know. */
  #warnOfMany(pod: Pod): void {
    const [first, ...others] = this.#budgetsOf(pod);
    if (first === undefined || others.length === 0) return;
    const { namespace = '', name } = pod.metadata;
    const message =
      `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  ` +
      `Chose "${first.metadata.name}" arbitrarily.`;
    const subject = { apiVersion: 'v1', kind: 'Pod', ...pod };
    this.#recorder.warning(subject, 'MultiplePodDisruptionBudgets', message);
  }

  /** The wanted size of what controls the pod: of the Deployment rather than of its ReplicaSet. */
  #scaleOf(pod: Pod): { readonly uid: string; readonly replicas: number } | undefined {
    const namespace = pod.metadata.namespace ?? '';
    let found: { uid: string; replicas: number } | undefined;
    let reference = controllerOf(pod);
    while (reference !== undefined) {
      const { kind, name, uid } = reference;
      const object = this.#scalables.get(kind)?.get({ namespace, name });
      if (object === undefined || object.metadata.uid !== uid) return found;
      found = { uid, replicas: object.spec.replicas ?? 1 };
      reference = controllerOf(object);
    }
    return found;
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const budget = this.#budgets.get(splitKey(key));
    if (budget === undefined) return undefined;
    const matches = compileSelector(budget.spec.selector);
    const mine = this.#pods
      .list(budget.metadata.namespace)
      .filter((pod) => matches(pod.metadata.labels));
    const subject = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', ...budget };
    if (mine.length === 0) this.#recorder.normal(subject, 'NoPods', 'No matching pods found');
    const nowMs = this.#context.clock.nowMs();
    const size = sizeOf(budget, mine, (pod) => this.#scaleOf(pod));
    if ('failure' in size) {
      const message = `Failed to calculate the number of expected pods: ${size.failure}`;
      this.#recorder.warning(subject, 'CalculateExpectedPodCountFailed', message);
      await this.#write(budget, failedBudget(budget, size.failure, nowMs));
      return undefined;
    }
    if (size.unmanaged.length > 0) {
      this.#recorder.warning(subject, 'UnmanagedPods', unmanagedMessage(budget));
    }
    const { status, left, recheckMs } = planBudget(budget, mine, size.scale, nowMs);
    for (const pod of left) {
      // The namespace stands there twice, as in Kubernetes.
      const { namespace = '' } = budget.metadata;
      const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
      this.#recorder.warning({ apiVersion: 'v1', kind: 'Pod', ...pod }, 'NotDeleted', message);
    }
    await this.#write(budget, status);
    return recheckMs === undefined ? undefined : { requeueAfterMs: recheckMs };
  }

  async #write(
    budget: PodDisruptionBudget,
    status: NonNullable<PodDisruptionBudget['status']>,
  ): Promise<void> {
    if (jsonEqual(budget.status, status)) return;
    await this.#context.client
      .updateStatus<PodDisruptionBudget>(resources.disruptionBudgets, { ...budget, status })
      .catch(ignoreNotFound);
  }
}
