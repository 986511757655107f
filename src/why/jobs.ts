/** Jobs and CronJobs. Pure. */
import { findCondition, isConditionTrue } from '../api/facts/conditions.js';
import { isPodTerminal } from '../api/facts/pods.js';
import { byCreation } from '../api/facts/time.js';
import type { Pod } from '../api/types/core.js';
import type { CronJob, Job } from '../api/types/workloads.js';
import { failedCreation } from './creation.js';
import type { Finding } from './finding.js';
import { alike, count, unwell, well, worst } from './finding.js';
import { explainPod } from './pod.js';
import type { ClusterView } from './view.js';
import { eventTime, nameOf } from './view.js';
import { podCauses } from './replicas.js';

/** What a reason of the condition Failed means. */
const failures: Readonly<Record<string, string>> = {
  BackoffLimitExceeded: 'has failed: its pods failed more often than backoffLimit allows',
  DeadlineExceeded: 'has failed: it took longer than activeDeadlineSeconds',
  PodFailurePolicy: 'has failed: a pod ended in a way that podFailurePolicy does not allow',
  FailedIndexes: 'has failed: some of its indexes have',
  MaxFailedIndexesExceeded: 'has failed: more of its indexes have than maxFailedIndexes allows',
};

/** Why a job does not end, or has failed. */
export function explainJob(job: Job, view: ClusterView): Finding {
  const about = nameOf(job);
  const { spec, status = {} } = job;
  const pods = view.controlled<Pod>('pods', job);
  if (isConditionTrue(status.conditions, 'Complete')) return well(about, 'has done its work');
  const failed =
    findCondition(status.conditions, 'Failed') ?? findCondition(status.conditions, 'FailureTarget');
  const flag = view.flag(job.metadata.namespace);
  if (failed?.status === 'True') {
    const { reason = '' } = failed;
    const limit =
      reason === 'BackoffLimitExceeded'
        ? ` (${spec.backoffLimit ?? 6})`
        : reason === 'DeadlineExceeded'
          ? ` (${spec.activeDeadlineSeconds ?? 0} s)`
          : '';
    return {
      about,
      level: 'problem',
      says: `${failures[reason] ?? `has failed (${reason})`}${limit}`,
      since: failed.lastTransitionTime,
      details: [
        ...(failed.message === undefined ? [] : [failed.message]),
        `${count(status.failed ?? 0, 'pod')} failed, ${status.succeeded ?? 0} succeeded`,
      ],
      mend: [
        {
          words: 'when the cause is mended, run it again',
          command: `trireme get job ${job.metadata.name}${flag} -o yaml > job.yaml; trireme replace --force -f job.yaml`,
        },
      ],
      causes: failedPods(pods, view),
    };
  }
  if (spec.suspend === true) {
    return {
      about,
      level: 'waiting',
      says: 'is suspended: it makes no pods',
      since: findCondition(status.conditions, 'Suspended')?.lastTransitionTime,
      mend: [
        {
          words: 'let it go on',
          command: `trireme patch job ${job.metadata.name}${flag} --type=merge -p '{"spec":{"suspend":false}}'`,
        },
      ],
    };
  }
  const refused = failedCreation(job, view);
  const causes = [
    ...(refused === undefined ? [] : [refused]),
    ...podCauses(
      pods.filter((pod) => !isPodTerminal(pod)),
      view,
    ),
    ...failedPods(pods, view),
  ];
  const done = status.succeeded ?? 0;
  const wanted = spec.completions ?? spec.parallelism ?? 1;
  const says = `${done} of ${count(wanted, 'pod')} succeeded, ${status.active ?? 0} at work, ${status.failed ?? 0} failed`;
  return {
    about,
    level: causes.length === 0 ? 'waiting' : worst(causes),
    says,
    since: status.startTime,
    causes,
  };
}

function failedPods(pods: readonly Pod[], view: ClusterView): Finding[] {
  const failed = pods
    .filter(({ status }) => status?.phase === 'Failed')
    .toSorted(byCreation)
    .slice(-10);
  return alike(unwell(failed.map((pod) => explainPod(pod, view))));
}

/** Why a CronJob makes no job, or why its last one failed. */
export function explainCronJob(cron: CronJob, view: ClusterView): Finding {
  const about = nameOf(cron);
  const { spec, status } = cron;
  const flag = view.flag(cron.metadata.namespace);
  if (spec.suspend === true) {
    return {
      about,
      level: 'waiting',
      says: 'is suspended: it makes no jobs',
      details: [lastRun(cron)],
      mend: [
        {
          words: 'let it go on',
          command: `trireme patch cronjob ${cron.metadata.name}${flag} --type=merge -p '{"spec":{"suspend":false}}'`,
        },
      ],
    };
  }
  const wrong = view.lastEvent(cron, 'UnparseableSchedule', 'UnknownTimeZone');
  if (wrong !== undefined) {
    return {
      about,
      level: 'problem',
      says: `its schedule "${spec.schedule}"${spec.timeZone === undefined ? '' : ` in ${spec.timeZone}`} cannot be read`,
      since: eventTime(wrong),
      details: [wrong.message ?? ''],
      mend: [
        {
          words: 'correct spec.schedule',
          command: `trireme edit cronjob ${cron.metadata.name}${flag}`,
        },
      ],
    };
  }
  const jobs = view.controlled<Job>('jobs', cron).toSorted(byCreation);
  const refused = failedCreation(cron, view);
  const active = jobs.filter(
    (job) =>
      !isConditionTrue(job.status?.conditions, 'Complete') &&
      !isConditionTrue(job.status?.conditions, 'Failed'),
  );
  const details = [lastRun(cron)];
  const blocking = view.lastEvent(cron, 'JobAlreadyActive');
  if (active.length > 0 && spec.concurrencyPolicy === 'Forbid' && blocking !== undefined) {
    details.push('the next job waits for the one that runs (concurrencyPolicy Forbid)');
  }
  const missed = view.lastEvent(cron, 'TooManyMissedTimes');
  if (missed !== undefined) details.push(missed.message ?? '');
  const last = jobs.at(-1);
  const looked = last === undefined || active.includes(last) ? active : [...active, last];
  const causes = [
    ...(refused === undefined ? [] : [refused]),
    ...unwell(looked.map((job) => explainJob(job, view))),
  ];
  if (causes.length === 0)
    return { about, level: 'ok', says: `runs by the schedule "${spec.schedule}"`, details };
  const failing = causes.some(({ level }) => level === 'problem');
  const says = failing ? 'its latest job has not gone well' : 'its job is at work';
  return { about, level: worst(causes), says, since: status?.lastScheduleTime, details, causes };
}

function lastRun({ status }: CronJob): string {
  const { lastScheduleTime: made, lastSuccessfulTime: done } = status ?? {};
  if (made === undefined) return 'it has made no job yet';
  return `its last job was made at ${made}; the last that succeeded ended at ${done ?? '(never)'}`;
}
