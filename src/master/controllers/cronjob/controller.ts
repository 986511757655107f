/** The CronJob controller: carries {@link planCronJob} out. */
import { objectKey, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import { controllerOf } from '../../../api/object.js';
import type { CronJob, Job } from '../../../api/types/workloads.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jobFor, ownerOf, planCronJob, withStarted } from './plan.js';

/** Controller "cronjob". */
export function createCronJobController(context: ControllerContext): Reconciler {
  return new CronJobController(context).reconciler;
}

class CronJobController {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('cronjob-controller');
    this.reconciler = createReconciler(context, {
      name: 'cronjob',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#jobs = context.informers.informer<Job>(resources.jobs);
    this.#cronJobs = watchSelf<CronJob>(context, resources.cronJobs, (key) =>
      this.reconciler.enqueue(key),
    );
    this.#jobs.onChange(({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind !== 'CronJob') return;
      this.reconciler.enqueue(
        objectKey({ namespace: object.metadata.namespace, name: owner.name }),
      );
    });
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const cron = this.#cronJobs.get(splitKey(key));
    if (cron === undefined || cron.metadata.deletionTimestamp !== undefined) return undefined;
    const own = this.#jobs
      .list(cron.metadata.namespace)
      .filter((job) => controllerOf(job)?.uid === cron.metadata.uid);
    const jobs = [...own, ...(await this.#unseen(cron, own))];
    const plan = planCronJob(cron, jobs, this.#context.clock.nowMs());
    for (const { type, reason, message } of plan.notices) {
      if (type === 'Normal') this.#recorder.normal(ownerOf(cron), reason, message);
      else this.#recorder.warning(ownerOf(cron), reason, message);
    }
    for (const job of plan.remove) await this.#remove(cron, job);
    const { startMs } = plan;
    const status =
      startMs === undefined
        ? plan.status
        : withStarted(plan.status, await this.#start(cron, startMs), startMs);
    if (!jsonEqual(cron.status ?? {}, status)) {
      await this.#context.client
        .updateStatus<CronJob>(resources.cronJobs, { ...cron, status })
        .catch(ignoreNotFound);
    }
    return plan.recheckMs === undefined ? undefined : { requeueAfterMs: plan.recheckMs };
  }

  /** Reads active jobs that the cache does not have: it may be late, or they are gone. */
  async #unseen(cron: CronJob, own: readonly Job[]): Promise<Job[]> {
    const seen = new Set(own.map(({ metadata }) => metadata.uid));
    const { namespace = '' } = cron.metadata;
    const found: Job[] = [];
    for (const { uid, name = '' } of cron.status?.active ?? []) {
      if (seen.has(uid)) continue;
      try {
        const job = await this.#context.client.get<Job>(resources.jobs, { namespace, name });
        if (job.metadata.uid === uid) found.push(job);
      } catch (error) {
        ignoreNotFound(error);
      }
    }
    return found;
  }

  /** Makes the job of that time; one that is there already is taken for it. */
  async #start(cron: CronJob, startMs: number): Promise<Job> {
    const { client } = this.#context;
    const job = jobFor(cron, startMs);
    try {
      const made = await client.create<Job>(resources.jobs, job);
      const message = `Created job ${made.metadata.name}`;
      this.#recorder.normal(ownerOf(cron), 'SuccessfulCreate', message);
      return made;
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return client.get<Job>(resources.jobs, job.metadata);
      const text = errorMessage(error);
      this.#recorder.warning(ownerOf(cron), 'FailedCreate', `Error creating job: ${text}`);
      throw error;
    }
  }

  async #remove(cron: CronJob, job: Job): Promise<void> {
    await this.#context.client
      .delete(resources.jobs, job.metadata, {
        propagationPolicy: 'Background',
        preconditions: { uid: job.metadata.uid ?? '' },
      })
      .catch(ignoreNotFound);
    const message = `Deleted job ${job.metadata.name}`;
    this.#recorder.normal(ownerOf(cron), 'SuccessfulDelete', message);
  }
}
