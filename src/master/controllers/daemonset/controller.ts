/** Controller "daemonset": carries {@link planDaemonSet} out. */
import { controllerOf } from '../../../api/object.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { Node, Pod } from '../../../api/types/core.js';
import type { ControllerRevision, DaemonSet } from '../../../api/types/workloads.js';
import { Expectations } from '../../../client/controller/expectations.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { claim } from '../../../client/controller/ownership.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { generateNamePrefix, msUntilAvailable, podFromTemplate } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { currentRevision, revisionHashLabel, surplusRevisions } from '../history/revisions.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import type { Owner } from '../../../api/facts/owners.js';
import type { DaemonPlan } from './plan.js';
import { daemonTemplate, planDaemonSet } from './plan.js';

const concurrency = 32;

export function createDaemonSetController(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const recorder = context.recorder('daemonset-controller');
  const expectations = new Expectations(clock);
  const reconciler = createReconciler(context, { name: 'daemonset', reconcile });
  const pods = podInformer(context);
  const nodes = context.informers.informer<Node>(resources.nodes);
  const history = context.informers.informer<ControllerRevision>(resources.controllerRevisions);
  const sets = watchSelf<DaemonSet>(context, resources.daemonSets, (key) =>
    reconciler.enqueue(key),
  );
  sets.onChange(expectations.forgetGone);
  nodes.onChange((change) => {
    if (change.type === 'update' && !nodeMatters(change.old, change.object)) return;
    for (const set of sets.list()) reconciler.enqueue(keyOf(set));
  });
  pods.onChange(({ type, object }) => {
    const reference = controllerOf(object);
    if (reference?.kind !== 'DaemonSet') return;
    const key = `${object.metadata.namespace ?? ''}/${reference.name}`;
    expectations.saw(reference.uid, type, object);
    reconciler.enqueue(key);
  });

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    const set = sets.get(splitNamespaced(key));
    if (set === undefined) return undefined;
    const { namespace = '', uid = '' } = set.metadata;
    if (!expectations.satisfied(uid)) return undefined;
    const owner: Owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: set.metadata };
    const owned = await claim({
      client,
      owner,
      ownerResource: resources.daemonSets,
      resource: resources.pods,
      objects: [
        ...pods.byIndex(ownerUidIndex, uid),
        ...pods.byIndex(ownerUidIndex, `orphan:${namespace}`),
      ],
      matches: compileSelector(set.spec.selector),
    });
    const revisions = history
      .list(namespace)
      .filter((revision) => controllerOf(revision)?.uid === uid);
    const { revision, collided } = await currentRevision({
      client,
      owner,
      template: set.spec.template,
      labels: set.spec.selector.matchLabels ?? {},
      revisions,
      collisionCount: set.status?.collisionCount,
    });
    const hash = revision.metadata.labels?.[revisionHashLabel] ?? '';
    const nowMs = clock.nowMs();
    const plan = planDaemonSet({ set, nodes: nodes.list(), pods: owned, hash, nowMs });
    const errors = await perform(set, owner, plan, hash);
    await writeStatus(set, plan, collided);
    throwGathered(errors);
    const used = new Set(owned.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? ''));
    used.add(hash);
    const inUse = revisions.filter((r) => used.has(r.metadata.labels?.[revisionHashLabel] ?? ''));
    const names = new Set(inUse.map((r) => r.metadata.name));
    for (const old of surplusRevisions(revisions, names, set.spec.revisionHistoryLimit ?? 10)) {
      await client.delete(resources.controllerRevisions, old.metadata).catch(ignoreNotFound);
    }
    const waits = owned
      .map((pod) => msUntilAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs))
      .filter((ms) => ms > 0 && Number.isFinite(ms));
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  async function perform(
    set: DaemonSet,
    owner: Owner,
    plan: DaemonPlan,
    hash: string,
  ): Promise<unknown[]> {
    const doomed = [...plan.delete, ...plan.failed];
    const ownerUid = owner.metadata.uid ?? '';
    expectations.expect(
      ownerUid,
      plan.create.length,
      doomed.map((pod) => pod.metadata.uid ?? ''),
    );
    const created = await forEachBounded(plan.create, concurrency, async (nodeName) => {
      const template = daemonTemplate(set.spec.template, nodeName, hash);
      const pod = podFromTemplate(template, owner, generateNamePrefix(set.metadata.name));
      try {
        const made = await client.create<Pod>(resources.pods, pod);
        recorder.normal(owner, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
      } catch (error) {
        expectations.created(ownerUid);
        const text = errorMessage(error);
        recorder.warning(owner, 'FailedCreate', `Error creating: ${text}`);
        throw error;
      }
    });
    const deleted = await forEachBounded(doomed, concurrency, async (pod) => {
      const { name, uid = '' } = pod.metadata;
      if (plan.failed.includes(pod)) {
        const message = `Found failed daemon pod ${keyOf(pod)} on node ${pod.spec.nodeName ?? ''}, will try to kill it`;
        recorder.warning(owner, 'FailedDaemonPod', message);
      }
      try {
        await client.delete(resources.pods, pod.metadata, { preconditions: { uid } });
        recorder.normal(owner, 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        expectations.deleted(ownerUid, uid);
        ignoreNotFound(error);
      }
    });
    return [...created, ...deleted];
  }

  async function writeStatus(set: DaemonSet, plan: DaemonPlan, collided: boolean): Promise<void> {
    const count = (set.status?.collisionCount ?? 0) + 1;
    const status = collided ? { ...plan.status, collisionCount: count } : plan.status;
    if (jsonEqual(set.status, status)) return;
    await client
      .updateStatus<DaemonSet>(resources.daemonSets, { ...set, status })
      .catch(ignoreNotFound);
  }
  return reconciler;
}

function nodeMatters(old: Node, next: Node): boolean {
  return (
    !jsonEqual(old.spec.taints, next.spec.taints) ||
    !jsonEqual(old.metadata.labels, next.metadata.labels)
  );
}
