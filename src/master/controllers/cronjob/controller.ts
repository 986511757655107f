/** Controller "cronjob". @see kubernetes pkg/controller/cronjob/cronjob_controllerv2.go */
import { CronExpressionParser } from 'cron-parser';
import { controllerOf } from '../../../api/object.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { findCondition } from '../../../api/facts/pods.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  splitNamespaced,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { resources } from '../../../client/resources.js';
import { byCreation, formatTime, parseTime } from '../../../api/facts/time.js';
import type { CronJob, Job } from '../../../api/types/workloads.js';
import type { Owner } from '../../../api/facts/owners.js';
import { controllerReference } from '../../../api/facts/owners.js';

/** Past times that are looked at; more missed ones are warned of and only the last counts. */
const maxMissed = 100;

export interface Due {
  /** The last time that was due and not yet run. */
  readonly dueMs?: number;
  readonly nextMs: number;
  readonly tooMany: boolean;
}

/** When the job was last due after `sinceMs`, and when it is next. Pure. @throws Error for a bad schedule or zone */
export function dueTimes(
  schedule: string,
  timeZone: string | undefined,
  sinceMs: number,
  nowMs: number,
): Due {
  const expression = CronExpressionParser.parse(schedule, {
    currentDate: new Date(nowMs),
    ...(timeZone === undefined ? { tz: 'UTC' } : { tz: timeZone }),
  });
  const nextMs = expression.next().getTime();
  expression.reset(new Date(nowMs + 1000));
  const previousMs = expression.prev().getTime();
  if (previousMs <= sinceMs) return { nextMs, tooMany: false };
  let missed = 1;
  while (missed <= maxMissed && expression.prev().getTime() > sinceMs) missed++;
  return { dueMs: previousMs, nextMs, tooMany: missed > maxMissed };
}

function isEnded(job: Job): 'Complete' | 'Failed' | undefined {
  if (findCondition(job.status?.conditions, 'Complete')?.status === 'True') return 'Complete';
  if (findCondition(job.status?.conditions, 'Failed')?.status === 'True') return 'Failed';
  return undefined;
}

export function createCronJobController(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const recorder = context.recorder('cronjob-controller');
  const reconciler = createReconciler(context, { name: 'cronjob', reconcile });
  const jobs = context.informers.informer<Job>(resources.jobs);
  const cronJobs = watchSelf<CronJob>(context, resources.cronJobs, (key) =>
    reconciler.enqueue(key),
  );
  jobs.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind !== 'CronJob') return;
    reconciler.enqueue(`${object.metadata.namespace ?? ''}/${owner.name}`);
  });

  function ownerOf({ metadata }: CronJob): Owner {
    return { apiVersion: 'batch/v1', kind: 'CronJob', metadata };
  }

  async function reconcile(key: string): Promise<ReconcileResult | void> {
    const cron = cronJobs.get(splitNamespaced(key));
    if (cron === undefined || cron.metadata.deletionTimestamp !== undefined) return undefined;
    const own = jobs
      .list(cron.metadata.namespace)
      .filter((job) => controllerOf(job)?.uid === cron.metadata.uid);
    await trimHistory(cron, own);
    const status = observe(cron, own);
    const current: CronJob = { ...cron, status };
    const result = cron.spec.suspend === true ? undefined : await runIfDue(current, own);
    if (!jsonEqual(cron.status ?? {}, current.status)) {
      await client.updateStatus(resources.cronJobs, current).catch(ignoreNotFound);
    }
    return result;
  }

  /** Active jobs and the last success, as the jobs show them. */
  function observe(cron: CronJob, own: readonly Job[]): NonNullable<CronJob['status']> {
    const known = new Set((cron.status?.active ?? []).map(({ uid }) => uid));
    let lastSuccessfulTime = cron.status?.lastSuccessfulTime;
    const active = own.filter((job) => {
      const end = isEnded(job);
      if (end !== undefined && known.has(job.metadata.uid)) {
        const message = `Saw completed job: ${job.metadata.name}, condition: ${end}`;
        recorder.normal(ownerOf(cron), 'SawCompletedJob', message);
      }
      const time = job.status?.completionTime;
      if (end === 'Complete' && time !== undefined && time > (lastSuccessfulTime ?? '')) {
        lastSuccessfulTime = time;
      }
      return end === undefined;
    });
    const { active: _, ...rest } = cron.status ?? {};
    return {
      ...rest,
      ...(active.length === 0 ? {} : { active: active.map(referenceTo) }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    };
  }

  /** Starts what is due; changes `cron.status`. */
  async function runIfDue(cron: CronJob, own: readonly Job[]): Promise<ReconcileResult | void> {
    const nowMs = clock.nowMs();
    const { schedule, timeZone, startingDeadlineSeconds: deadline } = cron.spec;
    let sinceMs =
      parseTime(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp) ?? nowMs;
    if (deadline !== undefined) sinceMs = Math.max(sinceMs, nowMs - deadline * 1000);
    let due: Due;
    try {
      due = dueTimes(schedule, timeZone, sinceMs, nowMs);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const message = `unparseable schedule: "${schedule}" : ${text}`;
      recorder.warning(ownerOf(cron), 'UnparseableSchedule', message);
      return undefined;
    }
    const later = { requeueAfterMs: Math.max(1, due.nextMs - nowMs) + 10 };
    if (due.tooMany) {
      const message =
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      recorder.warning(ownerOf(cron), 'TooManyMissedTimes', message);
    }
    if (due.dueMs === undefined) return later;
    const running = own.filter((job) => isEnded(job) === undefined);
    if (running.length > 0 && cron.spec.concurrencyPolicy === 'Forbid') {
      const message =
        'Not starting job because prior execution is running and concurrency policy is Forbid';
      recorder.normal(ownerOf(cron), 'JobAlreadyActive', message);
      return later;
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const job of running) await removeJob(cron, job);
    }
    await startJob(cron, due.dueMs);
    return later;
  }

  async function startJob(cron: CronJob, dueMs: number): Promise<void> {
    const job = jobFor(cron, dueMs);
    let made: Job;
    try {
      made = await client.create<Job>(resources.jobs, job);
      recorder.normal(ownerOf(cron), 'SuccessfulCreate', `Created job ${made.metadata.name}`);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) {
        const text = error instanceof Error ? error.message : String(error);
        recorder.warning(ownerOf(cron), 'FailedCreate', `Error creating job: ${text}`);
        throw error;
      }
      made = await client.get<Job>(resources.jobs, job.metadata);
    }
    const kept = (cron.status?.active ?? []).filter(({ uid }) => uid !== made.metadata.uid);
    cron.status = {
      ...cron.status,
      active: [...kept, referenceTo(made)],
      lastScheduleTime: formatTime(dueMs),
    };
  }

  async function removeJob(cron: CronJob, job: Job): Promise<void> {
    await client
      .delete(resources.jobs, job.metadata, { propagationPolicy: 'Background' })
      .catch(ignoreNotFound);
    recorder.normal(ownerOf(cron), 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
  }

  async function trimHistory(cron: CronJob, own: readonly Job[]): Promise<void> {
    const limits = {
      Complete: cron.spec.successfulJobsHistoryLimit ?? 3,
      Failed: cron.spec.failedJobsHistoryLimit ?? 1,
    };
    for (const kind of ['Complete', 'Failed'] as const) {
      const ended = own.filter((job) => isEnded(job) === kind).toSorted(byCreation);
      const surplus = ended.slice(0, Math.max(0, ended.length - limits[kind]));
      for (const job of surplus) await removeJob(cron, job);
    }
  }
  return reconciler;
}

function referenceTo(job: Job): {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string;
  uid: string;
} {
  const { name, namespace = '', uid = '' } = job.metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid };
}

/** The job of one scheduled time; its name tells the minute, so that no time runs twice. */
function jobFor(cron: CronJob, dueMs: number): Job {
  const { jobTemplate } = cron.spec;
  const { name, namespace } = cron.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(dueMs / 60_000)}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...jobTemplate.metadata?.labels },
      annotations: {
        ...jobTemplate.metadata?.annotations,
        'batch.kubernetes.io/cronjob-scheduled-timestamp': formatTime(dueMs),
      },
      ownerReferences: [
        controllerReference({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: cron.metadata }),
      ],
    },
    spec: structuredClone(jobTemplate.spec),
  };
}
