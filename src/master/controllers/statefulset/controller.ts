/** Controller "statefulset": carries {@link planStatefulSet} out. */
import { keyOf, objectKey, splitKey } from '../../../api/facts/keys.js';
import { controllerOf } from '../../../api/object.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  eachVersion,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import type { ControllerRevision, StatefulSet } from '../../../api/types/workloads.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { Expectations } from '../../../client/controller/expectations.js';
import { jsonEqual } from '../../../api/equal.js';
import { claim } from '../../../client/controller/ownership.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { resources } from '../../../client/resources.js';
import {
  currentRevision,
  historyHashLabel,
  surplusRevisions,
  templateOf,
} from '../history/revisions.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import {
  mayHaveClaim,
  missingIdentity,
  ownerOf,
  statefulClaims,
  statefulPod,
  wantedClaimOwners,
} from './identity.js';
import type { StatefulAction } from './plan.js';
import { ordinalOf, ordinalsWithoutNode, planStatefulSet, revisionOfPod } from './plan.js';

/** Creates the controller of StatefulSets (kubernetes pkg/controller/statefulset). */
export function createStatefulSetController(context: ControllerContext): Reconciler {
  return new StatefulSetController(context).reconciler;
}

class StatefulSetController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #expectations: Expectations;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('statefulset-controller');
    this.#expectations = new Expectations(context.clock);
    this.reconciler = createReconciler(context, {
      name: 'statefulset',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#claims = context.informers.informer<PersistentVolumeClaim>(resources.claims);
    this.#revisions = context.informers.informer<ControllerRevision>(resources.controllerRevisions);
    this.#sets = watchSelf<StatefulSet>(context, resources.statefulSets, (key) =>
      this.reconciler.enqueue(key),
    );
    this.#sets.onChange(this.#expectations.forgetGone);
    this.#claims.onChange(({ type, object: { metadata } }) => {
      if (type !== 'delete') return;
      for (const set of this.#sets.list(metadata.namespace)) {
        if (mayHaveClaim(set, metadata.name)) this.reconciler.enqueue(keyOf(set));
      }
    });
    this.#pods.onChange((change) => {
      eachVersion(change, (pod) => {
        const reference = controllerOf(pod);
        if (reference?.kind !== 'StatefulSet') return;
        const key = objectKey({ namespace: pod.metadata.namespace, name: reference.name });
        this.#expectations.saw(reference.uid, change.type, pod);
        this.reconciler.enqueue(key);
      });
      if (change.type !== 'add' || controllerOf(change.object) !== undefined) return;
      for (const set of this.#sets.list(change.object.metadata.namespace)) {
        if (compileSelector(set.spec.selector)(change.object.metadata.labels)) {
          this.reconciler.enqueue(keyOf(set));
        }
      }
    });
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const set = this.#sets.get(splitKey(key));
    if (set === undefined) return undefined;
    const { uid = '' } = set.metadata;
    if (!this.#expectations.satisfied(uid)) return undefined;
    const pods = await this.#ownedPods(set);
    const revisions = this.#revisions
      .list(set.metadata.namespace)
      .filter((revision) => controllerOf(revision)?.uid === set.metadata.uid);
    const { revision: update, collided } = await currentRevision({
      client: this.#context.client,
      owner: ownerOf(set),
      template: set.spec.template,
      hashLabel: historyHashLabel,
      revisions,
      collisionCount: set.status?.collisionCount,
    });
    const known = set.status?.currentRevision ?? '';
    const isKnown = revisions.some(({ metadata }) => metadata.name === known);
    const current = isKnown ? known : update.metadata.name;
    const plan = planStatefulSet({
      set,
      pods,
      current,
      update: update.metadata.name,
      nowMs: this.#context.clock.nowMs(),
    });
    await this.#keepIdentities(set, pods);
    await this.#keepClaimOwners(set, pods);
    for (const ordinal of ordinalsWithoutNode(set, pods)) await this.#createClaims(set, ordinal);
    this.#expectations.expect(
      uid,
      plan.actions.filter(({ type }) => type === 'create').length,
      plan.actions.flatMap((action) =>
        action.type === 'delete' ? [action.pod.metadata.uid ?? ''] : [],
      ),
    );
    let failure: unknown;
    for (const action of plan.actions) {
      try {
        await this.#perform(set, action, [...revisions, update]);
      } catch (error) {
        this.#expectations.forget(uid);
        failure = error;
        break;
      }
    }
    const collisionCount = (set.status?.collisionCount ?? 0) + (collided ? 1 : 0);
    await this.#writeStatus(set, { ...plan.status, collisionCount });
    if (failure !== undefined) throw failure as Error;
    const used = [...pods.map(revisionOfPod), current, update.metadata.name];
    await this.#trimHistory(set, revisions, new Set(used));
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  async #ownedPods(set: StatefulSet): Promise<Pod[]> {
    const { namespace = '', uid = '' } = set.metadata;
    const matches = compileSelector(set.spec.selector);
    const orphans = this.#pods
      .byIndex(ownerUidIndex, `orphan:${namespace}`)
      .filter((pod) => ordinalOf(set, pod) !== undefined);
    return claim({
      client: this.#context.client,
      owner: ownerOf(set),
      ownerResource: resources.statefulSets,
      resource: resources.pods,
      objects: [...this.#pods.byIndex(ownerUidIndex, uid), ...orphans],
      matches,
    });
  }

  async #perform(
    set: StatefulSet,
    action: StatefulAction,
    revisions: readonly ControllerRevision[],
  ): Promise<void> {
    const { client } = this.#context;
    const owner = ownerOf(set);
    if (action.type === 'delete') {
      const { name, uid = '' } = action.pod.metadata;
      await client
        .delete(resources.pods, action.pod.metadata, { preconditions: { uid } })
        .catch(ignoreNotFound);
      const message = `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`;
      this.#recorder.normal(owner, 'SuccessfulDelete', message);
      return;
    }
    const revision = revisions.find(({ metadata }) => metadata.name === action.revision);
    const template =
      revision === undefined ? set.spec.template : (templateOf(revision) ?? set.spec.template);
    await this.#createClaims(set, action.ordinal);
    const pod = statefulPod(set, template, action.ordinal, action.revision);
    const what = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      this.#refuseEndingClaims(set, action.ordinal);
      const made = await client.create<Pod>(resources.pods, pod);
      this.#expectations.made(set.metadata.uid ?? '', made);
      this.#recorder.normal(owner, 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) throw error;
      const text = errorMessage(error);
      this.#recorder.warning(owner, 'FailedCreate', `${what} failed error: ${text}`);
      throw error;
    }
  }

  /** A pod with a claim that is about to go would keep it, and lose it with its own end. */
  #refuseEndingClaims(set: StatefulSet, ordinal: number): void {
    const ending = statefulClaims(set, ordinal)
      .filter(
        ({ metadata }) => this.#claims.get(metadata)?.metadata.deletionTimestamp !== undefined,
      )
      .map(({ metadata }) => `pvc ${metadata.name} is being deleted`);
    if (ending.length === 0) return;
    throw new Error(ending.length === 1 ? ending[0] : `[${ending.join(', ')}]`);
  }

  /** Gives adopted pods the labels of their identity. */
  async #keepIdentities(set: StatefulSet, pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) {
      const labels = missingIdentity(set, pod);
      if (labels === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
      const { uid, name } = pod.metadata;
      await this.#context.client
        .patch(resources.pods, pod.metadata, 'application/merge-patch+json', {
          metadata: { uid, labels },
        })
        .catch(ignoreNotFound);
      const message = `update Pod ${name} in StatefulSet ${set.metadata.name} successful`;
      this.#recorder.normal(ownerOf(set), 'SuccessfulUpdate', message);
    }
  }

  async #createClaims(set: StatefulSet, ordinal: number): Promise<void> {
    for (const wanted of statefulClaims(set, ordinal)) {
      const { namespace = '', name } = wanted.metadata;
      if (this.#claims.get({ namespace, name }) !== undefined) continue;
      try {
        await this.#context.client.create<PersistentVolumeClaim>(resources.claims, wanted);
        const message = `create Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name} success`;
        this.#recorder.normal(ownerOf(set), 'SuccessfulCreate', message);
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error;
      }
    }
  }

  async #keepClaimOwners(set: StatefulSet, pods: readonly Pod[]): Promise<void> {
    if (set.spec.persistentVolumeClaimRetentionPolicy === undefined) return;
    // Its claims are the garbage collector's by now: a reference that it took off must not come back.
    if (set.metadata.deletionTimestamp !== undefined) return;
    const start = set.spec.ordinals?.start ?? 0;
    const end = start + (set.spec.replicas ?? 1);
    for (const pod of pods) {
      const ordinal = ordinalOf(set, pod);
      if (ordinal === undefined) continue;
      for (const { metadata } of statefulClaims(set, ordinal)) {
        const present = this.#claims.get(metadata);
        if (present === undefined) continue;
        const condemned = ordinal < start || ordinal >= end;
        const ownerReferences = wantedClaimOwners(set, present, pod, condemned);
        if (ownerReferences === undefined) continue;
        await this.#context.client.update<PersistentVolumeClaim>(resources.claims, {
          ...present,
          metadata: { ...present.metadata, ownerReferences },
        });
      }
    }
  }

  async #writeStatus(set: StatefulSet, status: StatefulSet['status'] & object): Promise<void> {
    if (jsonEqual(set.status, status)) return;
    await this.#context.client
      .updateStatus<StatefulSet>(resources.statefulSets, { ...set, status })
      .catch(ignoreNotFound);
  }

  async #trimHistory(
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
    inUse: ReadonlySet<string>,
  ): Promise<void> {
    const limit = set.spec.revisionHistoryLimit ?? 10;
    for (const revision of surplusRevisions(revisions, inUse, limit)) {
      await this.#context.client
        .delete(resources.controllerRevisions, revision.metadata)
        .catch(ignoreNotFound);
    }
  }
}
