/** The Job controller: carries {@link planJob} out. */
import { objectKey, splitKey } from '../../../api/facts/keys.js';
import { controllerOf } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import type { Job, JobStatus } from '../../../api/types/workloads.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import { PodControl } from '../pod-control.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { randomSuffix } from '../../../api/facts/hash.js';
import { jsonEqual } from '../../../api/equal.js';
import type { Owner } from '../../../api/facts/owners.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { findCondition } from '../../../api/facts/conditions.js';
import { planJob } from './plan.js';
import { isTracked, jobPod, trackingFinalizer } from './pods.js';
import { createJobExpiry } from './ttl-controller.js';
import { isFinished } from './verdict.js';

const concurrency = 32;
const ourName = 'kubernetes.io/job-controller';

/** Controllers "job" and "ttl-after-finished". */
export function createJobController(context: ControllerContext): Controller[] {
  return [new JobController(context).reconciler, createJobExpiry(context)];
}

class JobController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #control: PodControl;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('job-controller');
    this.reconciler = createReconciler(context, {
      name: 'job',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#control = new PodControl(context, {
      recorder: this.#recorder,
      pods: this.#pods,
      ownerResource: resources.jobs,
      concurrency,
      finalizer: trackingFinalizer,
    });
    this.#jobs = watchSelf<Job>(context, resources.jobs, (key) => this.reconciler.enqueue(key));
    this.#jobs.onChange((change) => this.#onJob(change));
    this.#pods.onChange((change) => this.#onPod(change));
  }

  #onJob(change: Change<Job>): void {
    this.#control.expectations.forgetGone(change);
    if (change.type !== 'delete') return;
    const { uid = '' } = change.object.metadata;
    for (const pod of this.#pods.byIndex(ownerUidIndex, uid)) this.#releaseLater(pod);
  }

  #onPod({ type, object }: Change<Pod>): void {
    const reference = controllerOf(object);
    if (reference?.kind !== 'Job') {
      if (type === 'delete') return;
      this.#releaseLater(object);
      if (reference === undefined) this.#offer(object);
      return;
    }
    const key = objectKey({ namespace: object.metadata.namespace, name: reference.name });
    this.#control.expectations.saw(reference.uid, type, object);
    if (type !== 'delete' && this.#jobs.get(splitKey(key)) === undefined) {
      this.#releaseLater(object);
    }
    this.reconciler.enqueue(key);
  }

  /** Tells the jobs that may adopt an orphan. */
  #offer({ metadata }: Pod): void {
    for (const job of this.#jobs.list(metadata.namespace)) {
      if (!compileSelector(job.spec.selector)(metadata.labels ?? {})) continue;
      this.reconciler.enqueue(objectKey(job.metadata));
    }
  }

  /** A pod whose job is gone must not be held by the job's finalizer. */
  #releaseLater(pod: Pod): void {
    if (!isTracked(pod)) return;
    const { namespace = '', name } = pod.metadata;
    this.reconciler.enqueue(`${namespace}/${name}/orphan`);
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const [namespace = '', name = '', orphan] = key.split('/');
    if (orphan !== undefined) return this.#releaseOrphan(namespace, name);
    const job = this.#jobs.get({ namespace, name });
    if (job === undefined) return undefined;
    if ((job.spec.managedBy ?? ourName) !== ourName) return undefined;
    const owner: Owner = { apiVersion: 'batch/v1', kind: 'Job', metadata: job.metadata };
    const uid = job.metadata.uid ?? '';
    // Before the pods are read: what is seen from now on is not among them.
    const settled = this.#control.expectations.satisfied(uid);
    const owned = await this.#control.claim(owner, compileSelector(job.spec.selector));
    if (job.metadata.deletionTimestamp !== undefined) {
      throwGathered(await this.#release(owned));
      return undefined;
    }
    const plan = planJob(job, owned, this.#context.clock.nowMs());
    const create = settled ? plan.create : [];
    const doomed = settled ? [...plan.end, ...plan.drop] : [];
    if (settled) {
      const uids = doomed.map((pod) => pod.metadata.uid ?? '');
      this.#control.expectations.expect(uid, create.length, uids);
    }
    if (!(await this.#writeStatus(job, owner, plan.status))) return undefined;
    const release = async (pod: Pod): Promise<void> => throwGathered(await this.#release([pod]));
    const errors = [
      ...(await this.#release(plan.release)),
      ...(await this.#control.create(owner, create.length, (at) =>
        jobPod(job, create[at] ?? {}, randomSuffix(this.#context.prng)),
      )),
      ...(settled ? await this.#control.delete(owner, plan.end) : []),
      // Their finalizer goes first, so that they do not count as failed.
      ...(settled ? await this.#control.delete(owner, plan.drop, release) : []),
    ];
    throwGathered(errors);
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  async #releaseOrphan(namespace: string, name: string): Promise<void> {
    const pod = this.#pods.get({ namespace, name });
    if (pod === undefined) return;
    const owner = controllerOf(pod);
    const job = owner === undefined ? undefined : this.#jobs.get({ namespace, name: owner.name });
    if (owner !== undefined && job?.metadata.uid === owner.uid) return;
    throwGathered(await this.#release([pod]));
  }

  /** @returns false when the job is gone */
  async #writeStatus(job: Job, owner: Owner, status: JobStatus): Promise<boolean> {
    if (jsonEqual(job.status, status)) return true;
    try {
      await this.#context.client.updateStatus<Job>(resources.jobs, { ...job, status });
    } catch (error) {
      this.#control.expectations.forget(job.metadata.uid ?? '');
      ignoreNotFound(error);
      return false;
    }
    this.#announce(job, owner, status);
    return true;
  }

  #announce(job: Job, owner: Owner, status: JobStatus): void {
    if (isFinished(job)) return;
    const done = findCondition(status.conditions, 'Complete');
    const failed = findCondition(status.conditions, 'Failed');
    const { completions = Number.POSITIVE_INFINITY } = job.spec;
    if (done !== undefined && (status.succeeded ?? 0) > completions) {
      const message = 'Too many succeeded pods running after completion count reached';
      this.#recorder.warning(owner, 'TooManySucceededPods', message);
    }
    if (done !== undefined) this.#recorder.normal(owner, 'Completed', 'Job completed');
    if (failed !== undefined) {
      this.#recorder.warning(owner, failed.reason ?? 'Failed', failed.message ?? '');
    }
    const was = findCondition(job.status?.conditions, 'Suspended')?.status;
    const is = findCondition(status.conditions, 'Suspended')?.status;
    if (was !== is && is === 'True') this.#recorder.normal(owner, 'Suspended', 'Job suspended');
    if (was === 'True' && is === 'False') this.#recorder.normal(owner, 'Resumed', 'Job resumed');
  }

  /** Takes the finalizer off. @returns the errors */
  #release(pods: readonly Pod[]): Promise<unknown[]> {
    return forEachBounded(pods.filter(isTracked), concurrency, async ({ metadata }) => {
      const finalizers = (metadata.finalizers ?? []).filter((name) => name !== trackingFinalizer);
      await this.#context.client
        .patch(resources.pods, metadata, 'application/merge-patch+json', {
          metadata: {
            uid: metadata.uid,
            resourceVersion: metadata.resourceVersion,
            finalizers: finalizers.length === 0 ? null : finalizers,
          },
        })
        .catch(ignoreNotFound);
    });
  }
}
