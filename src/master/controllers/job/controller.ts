/** Controllers "job" and "ttl-after-finished". */
import { controllerOf } from '../../../api/object.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { forEachBounded, slowStart, throwGathered } from '../runtime/bounded.js';
import type { ControllerContext } from '../runtime/context.js';
import type { Controller } from '../runtime/controller.js';
import {
  createReconciler,
  ignoreNotFound,
  splitNamespaced,
  watchSelf,
} from '../runtime/controller.js';
import type { Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import { Expectations } from '../runtime/expectations.js';
import { jsonEqual, randomSuffix } from '../../../api/facts/hash.js';
import { claim } from '../runtime/ownership.js';
import { ownerUidIndex, podInformer } from '../runtime/pod-index.js';
import { findCondition, generateNamePrefix, podFromTemplate } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { parseTime } from '../../../api/facts/time.js';
import type { Owner } from '../../../api/facts/owners.js';
import { indexAnnotation, isFinished, planJob, trackingFinalizer } from './plan.js';

const concurrency = 32;

export function createJobController(context: ControllerContext): Controller[] {
  const { client, clock, prng } = context;
  const recorder = context.recorder('job-controller');
  const expectations = new Expectations(clock);
  const reconciler = createReconciler(context, { name: 'job', reconcile });
  const expiry = createReconciler(context, { name: 'ttl-after-finished', reconcile: expire });
  const pods = podInformer(context);
  const jobs = watchSelf<Job>(context, resources.jobs, (key) => {
    reconciler.enqueue(key);
    expiry.enqueue(key);
  });
  pods.onChange(({ type, object }) => {
    const reference = controllerOf(object);
    if (reference?.kind !== 'Job') {
      releaseOrphan(object, type === 'delete');
      return;
    }
    const key = `${object.metadata.namespace ?? ''}/${reference.name}`;
    if (type === 'add') expectations.created(key);
    if (type === 'delete' || object.metadata.deletionTimestamp !== undefined) {
      expectations.deleted(key, object.metadata.uid ?? '');
    }
    if (jobs.get(splitNamespaced(key)) === undefined) releaseOrphan(object, type === 'delete');
    reconciler.enqueue(key);
  });

  /** A pod whose job is gone must not be held by the job's finalizer. */
  function releaseOrphan(pod: Pod, gone: boolean): void {
    if (gone || !(pod.metadata.finalizers ?? []).includes(trackingFinalizer)) return;
    const { namespace = '', name } = pod.metadata;
    reconciler.enqueue(`${namespace}/${name}/orphan`);
  }

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    const [namespace = '', name = '', orphan] = key.split('/');
    if (orphan !== undefined) {
      const pod = pods.get({ namespace, name });
      const owner = pod === undefined ? undefined : controllerOf(pod);
      const job = owner === undefined ? undefined : jobs.get({ namespace, name: owner.name });
      if (pod !== undefined && job?.metadata.uid !== owner?.uid) await release(pod);
      else if (pod !== undefined && owner === undefined) await release(pod);
      return undefined;
    }
    const job = jobs.get({ namespace, name });
    if (job === undefined) {
      expectations.forget(key);
      return undefined;
    }
    const owner: Owner = { apiVersion: 'batch/v1', kind: 'Job', metadata: job.metadata };
    const owned = await claim({
      client,
      owner,
      ownerResource: resources.jobs,
      resource: resources.pods,
      objects: [
        ...pods.byIndex(ownerUidIndex, job.metadata.uid ?? ''),
        ...pods.byIndex(ownerUidIndex, `orphan:${namespace}`),
      ],
      matches: compileSelector(job.spec.selector),
    });
    if (job.metadata.deletionTimestamp !== undefined) {
      throwGathered(await forEachBounded(owned, concurrency, release));
      return undefined;
    }
    const plan = planJob(job, owned, clock.nowMs());
    const settled = expectations.satisfied(key);
    const create = settled ? plan.create : [];
    const doomed = settled ? plan.delete : [];
    expectSteps(key, settled, create.length, doomed);
    const status = plan.status;
    if (!jsonEqual(job.status, status)) {
      const written = await client
        .updateStatus<Job>(resources.jobs, { ...job, status })
        .catch((error: unknown) => {
          expectations.forget(key);
          ignoreNotFound(error);
          return undefined;
        });
      if (written === undefined) return undefined;
      announce(job, owner, status);
    }
    const errors = [
      ...(await forEachBounded(plan.release, concurrency, release)),
      ...(await createPods(key, job, owner, create)),
      ...(await deletePods(key, owner, doomed)),
    ];
    throwGathered(errors);
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  function expectSteps(key: string, settled: boolean, count: number, doomed: readonly Pod[]): void {
    if (!settled) return;
    expectations.expect(
      key,
      count,
      doomed.map((pod) => pod.metadata.uid ?? ''),
    );
  }

  function announce(job: Job, owner: Owner, status: NonNullable<Job['status']>): void {
    if (isFinished(job)) return;
    const done = findCondition(status.conditions, 'Complete');
    const failed = findCondition(status.conditions, 'Failed');
    if (done !== undefined) recorder.normal(owner, 'Completed', 'Job completed');
    if (failed !== undefined) {
      recorder.warning(owner, failed.reason ?? 'Failed', failed.message ?? '');
    }
    const was = findCondition(job.status?.conditions, 'Suspended')?.status;
    const is = findCondition(status.conditions, 'Suspended')?.status;
    if (was !== is && is === 'True') recorder.normal(owner, 'Suspended', 'Job suspended');
    if (was === 'True' && is === 'False') recorder.normal(owner, 'Resumed', 'Job resumed');
  }

  async function release(pod: Pod): Promise<void> {
    const present = pod.metadata.finalizers ?? [];
    if (!present.includes(trackingFinalizer)) return;
    const finalizers = present.filter((name) => name !== trackingFinalizer);
    await client
      .patch(resources.pods, pod.metadata, 'application/merge-patch+json', {
        metadata: {
          uid: pod.metadata.uid,
          resourceVersion: pod.metadata.resourceVersion,
          finalizers: finalizers.length === 0 ? null : finalizers,
        },
      })
      .catch(ignoreNotFound);
  }

  async function createPods(
    key: string,
    job: Job,
    owner: Owner,
    indexes: readonly (number | undefined)[],
  ): Promise<unknown[]> {
    const { successes, errors } = await slowStart(indexes.length, concurrency, async (at) => {
      const pod = jobPod(job, owner, indexes[at]);
      const made = await client.create<Pod>(resources.pods, pod);
      recorder.normal(owner, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
    });
    expectations.created(key, indexes.length - successes);
    for (const error of errors) {
      const text = error instanceof Error ? error.message : String(error);
      recorder.warning(owner, 'FailedCreate', `Error creating: ${text}`);
    }
    return errors;
  }

  function jobPod(job: Job, owner: Owner, index: number | undefined): Pod {
    const prefix = generateNamePrefix(job.metadata.name);
    const suffix = randomSuffix(prng);
    const name = index === undefined ? prefix : `${job.metadata.name}-${index}-${suffix}`;
    const pod = podFromTemplate(job.spec.template, owner, name);
    pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
    if (index === undefined) return pod;
    pod.metadata.annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index) };
    pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
    pod.spec.hostname = `${job.metadata.name}-${index}`;
    pod.spec.containers = pod.spec.containers.map((container) => withIndexVariable(container));
    if (pod.spec.initContainers !== undefined) {
      pod.spec.initContainers = pod.spec.initContainers.map((c) => withIndexVariable(c));
    }
    return pod;
  }

  async function deletePods(key: string, owner: Owner, list: readonly Pod[]): Promise<unknown[]> {
    return forEachBounded(list, concurrency, async (pod) => {
      const { name, uid = '' } = pod.metadata;
      try {
        await client.delete(resources.pods, pod.metadata, { preconditions: { uid } });
        recorder.normal(owner, 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        expectations.deleted(key, uid);
        ignoreNotFound(error);
      }
    });
  }

  async function expire(key: string): Promise<ReconcileResult | void> {
    const job = jobs.get(splitNamespaced(key));
    const { ttlSecondsAfterFinished: ttl } = job?.spec ?? {};
    if (job === undefined || ttl === undefined || !isFinished(job)) return undefined;
    if (job.metadata.deletionTimestamp !== undefined) return undefined;
    const end = (job.status?.conditions ?? []).find(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    const waitMs = (parseTime(end?.lastTransitionTime) ?? 0) + ttl * 1000 - clock.nowMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    await client
      .delete(resources.jobs, job.metadata, {
        propagationPolicy: 'Foreground',
        preconditions: { uid: job.metadata.uid ?? '' },
      })
      .catch(ignoreNotFound);
    return undefined;
  }
  return [reconciler, expiry];
}

/** JOB_COMPLETION_INDEX, unless the user has set it. */
function withIndexVariable<T extends { name: string }>(container: T): T {
  const { env = [] } = container as T & { env?: { name: string }[] };
  if (env.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) return container;
  const fieldPath = `metadata.annotations['${indexAnnotation}']`;
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  return { ...container, env: [...env, variable] };
}
