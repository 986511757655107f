/** The next step of a CronJob. Pure. @see kubernetes pkg/controller/cronjob/cronjob_controllerv2.go */
import { cloneJson } from '../../../api/clone.js';
import { byCreation, formatTime, parseTime } from '../../../api/facts/time.js';
import { controllerReference } from '../../../api/facts/owners.js';
import type { Owner } from '../../../api/facts/owners.js';
import type { ObjectReference } from '../../../api/types/core.js';
import type { CronJob, Job } from '../../../api/types/workloads.js';
import { isConditionTrue } from '../../../api/facts/conditions.js';
import type { Due } from './schedule.js';
import { dueTimes, formatInZone, NoTimesError, timeZoneProblem } from './schedule.js';
import { errorMessage } from '../../../lib/errors.js';

/** An event to write about a CronJob. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

type CronJobStatus = NonNullable<CronJob['status']>;

/** The next step of a CronJob: its status, the job to start, the jobs to delete, the events to write. */
export interface CronJobPlan {
  readonly status: CronJobStatus;
  /** Ended jobs beyond the history, and running ones that are replaced; to be deleted before a job starts. */
  readonly remove: readonly Job[];
  /** The scheduled time whose job is to be made. */
  readonly startMs?: number;
  readonly notices: readonly Notice[];
  /** When the schedule is next due. */
  readonly recheckMs?: number;
}

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** Clocks of timers may be early by so much. */
const slackMs = 10;

/** Returns a CronJob as the owner of its jobs. */
export function ownerOf({ metadata }: CronJob): Owner {
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata };
}

/** @param jobs those that the CronJob owns; of the active ones of its status all that exist */
export function planCronJob(cron: CronJob, jobs: readonly Job[], nowMs: number): CronJobPlan {
  const running = jobs.filter((job) => endOf(job) === undefined && !isForeign(cron, job));
  const base = {
    status: statusOf(cron, jobs, running),
    remove: surplusJobs(cron, jobs),
    notices: noticeJobs(cron, jobs),
  };
  const zoneless = zoneProblem(cron);
  if (zoneless !== undefined) return { ...base, notices: [...base.notices, zoneless] };
  if (cron.spec.suspend === true) return base;
  const due = dueOf(cron, nowMs);
  if ('reason' in due) return { ...base, notices: [...base.notices, due] };
  const recheckMs = Math.max(1, due.nextMs - nowMs) + slackMs;
  const notices = due.tooMany ? [...base.notices, tooManyMissed] : base.notices;
  const { dueMs: startMs } = due;
  if (startMs === undefined) return { ...base, notices, recheckMs };
  // The job of this very time may have been made without the status saying so: it is neither in the way nor replaced.
  const { name: ownName } = jobFor(cron, startMs).metadata;
  const others = running.filter(({ metadata }) => metadata.name !== ownName);
  if (others.length > 0 && cron.spec.concurrencyPolicy === 'Forbid') {
    return { ...base, notices: [...notices, alreadyActive], recheckMs };
  }
  if (cron.spec.concurrencyPolicy !== 'Replace') return { ...base, notices, startMs, recheckMs };
  const left = running.filter((job) => !others.includes(job));
  const status = statusOf(cron, jobs, left);
  return { status, remove: [...base.remove, ...others], notices, startMs, recheckMs };
}

function activeUids({ status }: CronJob): ReadonlySet<string | undefined> {
  return new Set((status?.active ?? []).map(({ uid }) => uid));
}

/**
 * True of a running job that somebody has made by hand, as `kubectl create job --from` does: it is no run of the
 * schedule. One that we have made, and whose status was not written, tells by its annotation.
 */
function isForeign(cron: CronJob, { metadata }: Job): boolean {
  const isOurs = metadata.annotations?.[scheduledAnnotation] !== undefined;
  return !isOurs && !activeUids(cron).has(metadata.uid);
}

const tooManyMissed: Notice = {
  type: 'Warning',
  reason: 'TooManyMissedTimes',
  message:
    'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
};
const alreadyActive: Notice = {
  type: 'Normal',
  reason: 'JobAlreadyActive',
  message: 'Not starting job because prior execution is running and concurrency policy is Forbid',
};

function zoneProblem({ spec: { timeZone } }: CronJob): Notice | undefined {
  const problem = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
  if (problem === undefined) return undefined;
  const message = `invalid timeZone: "${timeZone}": ${problem}`;
  return { type: 'Warning', reason: 'UnknownTimeZone', message };
}

/** Times before the deadline, or before the last run, are not made up for. */
function dueOf({ spec, status, metadata }: CronJob, nowMs: number): Due | Notice {
  const { schedule, timeZone, startingDeadlineSeconds } = spec;
  const lastMs = parseTime(status?.lastScheduleTime ?? metadata.creationTimestamp) ?? nowMs;
  const earliestMs =
    startingDeadlineSeconds === undefined
      ? lastMs
      : Math.max(lastMs, nowMs - Number(startingDeadlineSeconds) * 1000);
  try {
    return dueTimes(schedule, timeZone, earliestMs, nowMs);
  } catch (error) {
    const text = errorMessage(error);
    if (error instanceof NoTimesError) {
      const message = `invalid schedule: ${schedule} : ${text}`;
      return { type: 'Warning', reason: 'InvalidSchedule', message };
    }
    const message = `unparseable schedule: "${schedule}" : ${text}`;
    return { type: 'Warning', reason: 'UnparseableSchedule', message };
  }
}

function endOf(job: Job): 'Complete' | 'Failed' | undefined {
  for (const type of ['Complete', 'Failed'] as const) {
    if (isConditionTrue(job.status?.conditions, type)) return type;
  }
  return undefined;
}

/** Tells of jobs that have ended or gone since the status was last written, and of running ones of unknown origin. */
function noticeJobs(cron: CronJob, jobs: readonly Job[]): Notice[] {
  const known = activeUids(cron);
  const seen = jobs.flatMap((job): Notice[] => {
    const { name, uid } = job.metadata;
    const end = endOf(job);
    if (end === undefined && isForeign(cron, job)) {
      const message = `Saw a job that the controller did not create or forgot: ${name}`;
      return [{ type: 'Warning', reason: 'UnexpectedJob', message }];
    }
    if (end === undefined || !known.has(uid)) return [];
    const message = `Saw completed job: ${name}, condition: ${end}`;
    return [{ type: 'Normal', reason: 'SawCompletedJob', message }];
  });
  const there = new Set(jobs.map(({ metadata }) => metadata.uid));
  const lost = (cron.status?.active ?? []).filter(({ uid = '' }) => !there.has(uid));
  return [
    ...seen,
    ...lost.map(({ name = '' }): Notice => {
      const message = `Active job went missing: ${name}`;
      return { type: 'Normal', reason: 'MissingJob', message };
    }),
  ];
}

function statusOf(cron: CronJob, jobs: readonly Job[], running: readonly Job[]): CronJobStatus {
  const { active: _, lastSuccessfulTime: known = '', ...rest } = cron.status ?? {};
  const times = jobs
    .filter((job) => endOf(job) === 'Complete')
    .map((job) => job.status?.completionTime ?? '');
  const lastSuccessfulTime = [known, ...times].reduce((a, b) => (b > a ? b : a));
  return {
    ...rest,
    ...(running.length === 0 ? {} : { active: running.map(referenceTo) }),
    ...(lastSuccessfulTime === '' ? {} : { lastSuccessfulTime }),
  };
}

/** The oldest ended jobs beyond `successfulJobsHistoryLimit` and `failedJobsHistoryLimit`. */
function surplusJobs(cron: CronJob, jobs: readonly Job[]): Job[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec;
  const limits = { Complete: successfulJobsHistoryLimit, Failed: failedJobsHistoryLimit };
  return (['Complete', 'Failed'] as const).flatMap((end) => {
    const ended = jobs.filter((job) => endOf(job) === end).toSorted(byCreation);
    return ended.slice(0, Math.max(0, ended.length - limits[end]));
  });
}

/** The status once the job of `startMs` is there. */
export function withStarted(status: CronJobStatus, job: Job, startMs: number): CronJobStatus {
  const others = (status.active ?? []).filter(({ uid }) => uid !== job.metadata.uid);
  const active = [...others, referenceTo(job)];
  return { ...status, active, lastScheduleTime: formatTime(startMs) };
}

function referenceTo(job: Job): ObjectReference {
  const { name, namespace = '', uid = '' } = job.metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid };
}

/** The job of one scheduled time; its name tells the minute, so that no time runs twice. */
export function jobFor(cron: CronJob, dueMs: number): Job {
  const { jobTemplate, timeZone } = cron.spec;
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
        [scheduledAnnotation]: formatInZone(dueMs, timeZone),
      },
      ownerReferences: [controllerReference(ownerOf(cron))],
    },
    spec: cloneJson(jobTemplate.spec),
  };
}
