/** The Job controller: carries {@link planJob} out. */
import { objectKey, splitKey } from '../../../api/facts/keys.js';
import { controllerOf } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import type { Job, JobStatus } from '../../../api/types/workloads.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { forEachBounded, slowStart, throwGathered } from '../../../client/controller/bounded.js';
import type { ControllerContext } from '../context.js';
import { tellOfFailedCreates } from '../failed-creates.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { Expectations } from '../../../client/controller/expectations.js';
import { randomSuffix } from '../../../api/facts/hash.js';
import { jsonEqual } from '../../../api/equal.js';
import type { Owner } from '../../../api/facts/owners.js';
import { claim } from '../../../client/controller/ownership.js';
import { ownerUidIndex, podInformer } from '../../../client/controller/pod-index.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import { findCondition } from '../../../api/facts/conditions.js';
import { planJob } from './plan.js';
import type { WantedPod } from './pods.js';
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
  readonly #expectations: Expectations;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('job-controller');
    this.#expectations = new Expectations(context.clock);
    this.reconciler = createReconciler(context, {
      name: 'job',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#pods = podInformer(context);
    this.#jobs = watchSelf<Job>(context, resources.jobs, (key) => this.reconciler.enqueue(key));
    this.#jobs.onChange((change) => this.#onJob(change));
    this.#pods.onChange((change) => this.#onPod(change));
  }

  #onJob(change: Change<Job>): void {
    this.#expectations.forgetGone(change);
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
    this.#expectations.saw(reference.uid, type, object);
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
    const settled = this.#expectations.satisfied(uid);
    const owned = await this.#claim(job, owner);
    if (job.metadata.deletionTimestamp !== undefined) {
      throwGathered(await this.#release(owned));
      return undefined;
    }
    const plan = planJob(job, owned, this.#context.clock.nowMs());
    const create = settled ? plan.create : [];
    const doomed = settled ? [...plan.end, ...plan.drop] : [];
    if (settled) {
      const uids = doomed.map((pod) => pod.metadata.uid ?? '');
      this.#expectations.expect(uid, create.length, uids);
    }
    if (!(await this.#writeStatus(job, owner, plan.status))) return undefined;
    const errors = [
      ...(await this.#release(plan.release)),
      ...(await this.#createPods(job, owner, create)),
      ...(settled ? await this.#deletePods(owner, plan.end, false) : []),
      ...(settled ? await this.#deletePods(owner, plan.drop, true) : []),
    ];
    throwGathered(errors);
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  async #claim(job: Job, owner: Owner): Promise<Pod[]> {
    const { namespace = '', uid = '' } = job.metadata;
    return claim({
      client: this.#context.client,
      owner,
      ownerResource: resources.jobs,
      resource: resources.pods,
      objects: [
        ...this.#pods.byIndex(ownerUidIndex, uid),
        ...this.#pods.byIndex(ownerUidIndex, `orphan:${namespace}`),
      ],
      matches: compileSelector(job.spec.selector),
      finalizer: trackingFinalizer,
    });
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
      this.#expectations.forget(job.metadata.uid ?? '');
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

  async #createPods(job: Job, owner: Owner, wanted: readonly WantedPod[]): Promise<unknown[]> {
    const { client, prng } = this.#context;
    const { successes, errors } = await slowStart(wanted.length, concurrency, async (at) => {
      const pod = jobPod(job, wanted[at] ?? {}, randomSuffix(prng));
      const made = await client.create<Pod>(resources.pods, pod);
      this.#expectations.made(job.metadata.uid ?? '', made);
      this.#recorder.normal(owner, 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
    });
    this.#expectations.failed(job.metadata.uid ?? '', wanted.length - successes);
    return tellOfFailedCreates(this.#recorder, owner, errors);
  }

  /** @param uncounted their finalizer goes first, so that they do not count as failed */
  async #deletePods(owner: Owner, pods: readonly Pod[], uncounted: boolean): Promise<unknown[]> {
    return forEachBounded(pods, concurrency, async (pod) => {
      const { name, uid = '' } = pod.metadata;
      try {
        if (uncounted) throwGathered(await this.#release([pod]));
        await this.#context.client.delete(resources.pods, pod.metadata, { preconditions: { uid } });
        this.#recorder.normal(owner, 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        this.#expectations.deleted(owner.metadata.uid ?? '', uid);
        ignoreNotFound(error);
      }
    });
  }
}
