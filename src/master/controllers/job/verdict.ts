/** The end that a Job comes to. Pure. @see kubernetes pkg/controller/job, KEP-3329, KEP-3850, KEP-3998 */
import type { Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import { parseTime } from '../../../api/facts/time.js';
import { findCondition, isConditionTrue } from '../../../api/facts/conditions.js';
import { parseIndexes } from './indexes.js';
import type { Tally } from './tally.js';
import { failuresOf, isIndexed, successesOf } from './tally.js';

/** The end of a Job, with the reason and the message of its condition. */
export interface Verdict {
  /** True for a complete job, false for a failed one. */
  readonly ok: boolean;
  readonly reason: string;
  readonly message: string;
}

/** True when the job is complete or failed, for good. */
export function isFinished(job: Job): boolean {
  return endCondition(job) !== undefined;
}

/** The condition that says how the job ended. */
export function endCondition(job: Job) {
  return (job.status?.conditions ?? []).find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/** True for a job that rests, as its status says: with a spec that says otherwise it is about to go on. */
export function rested({ status }: Job): boolean {
  return isConditionTrue(status?.conditions, 'Suspended');
}

/** The end that the job has come to, if any; one that was reached before stays. */
export function verdictOf(counts: Tally, nowMs: number): Verdict | undefined {
  return earlierVerdict(counts.job) ?? failure(counts, nowMs) ?? success(counts);
}

/** A verdict that was reached before and whose pods were still running. */
function earlierVerdict(job: Job): Verdict | undefined {
  for (const [type, ok] of [
    ['FailureTarget', false],
    ['SuccessCriteriaMet', true],
  ] as const) {
    const found = findCondition(job.status?.conditions, type);
    if (found?.status === 'True') {
      return { ok, reason: found.reason ?? '', message: found.message ?? '' };
    }
  }
  return undefined;
}

function failed(reason: string, message: string): Verdict {
  return { ok: false, reason, message };
}

function failure(counts: Tally, nowMs: number): Verdict | undefined {
  const { spec } = counts.job;
  if (counts.failJob !== undefined) return failed('PodFailurePolicy', counts.failJob);
  const perIndex = spec.backoffLimitPerIndex !== undefined;
  const limit = spec.backoffLimit ?? (perIndex ? Number.POSITIVE_INFINITY : 6);
  if (failuresOf(counts) > limit || restartedTooOften(counts, limit)) {
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  // A job that goes on after a rest starts anew.
  const startTime = rested(counts.job) ? undefined : counts.job.status?.startTime;
  if (deadlineMsLeft(counts.job, startTime, nowMs) === 0) {
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (spec.maxFailedIndexes !== undefined && counts.failedIndexes.size > spec.maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes';
    return failed('MaxFailedIndexesExceeded', message);
  }
  return undefined;
}

/** With `restartPolicy: OnFailure` containers fail without their pods: restarts count. */
function restartedTooOften({ job, active }: Tally, limit: number): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
  const restarts = active
    .flatMap(restartCounts)
    .reduce((sum, restartCount) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function restartCounts({ status }: Pod): number[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ restartCount }) => restartCount ?? 0,
  );
}

/** Milliseconds until `activeDeadlineSeconds` have passed, 0 once they have; undefined when they do not count. */
export function deadlineMsLeft(
  { spec }: Job,
  startTime: string | undefined,
  nowMs: number,
): number | undefined {
  const startMs = parseTime(startTime);
  if (startMs === undefined || spec.activeDeadlineSeconds === undefined) return undefined;
  if (spec.suspend === true) return undefined;
  return Math.max(0, startMs + Number(spec.activeDeadlineSeconds) * 1000 - nowMs);
}

function success(counts: Tally): Verdict | undefined {
  const { completions } = counts.job.spec;
  const rule = matchedSuccessRule(counts);
  if (rule !== undefined) {
    return { ok: true, reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  }
  const done = completions === undefined ? queueIsDone(counts) : successesOf(counts) >= completions;
  if (done) {
    const message = 'Reached expected number of succeeded pods';
    return { ok: true, reason: 'CompletionsReached', message };
  }
  const settled = counts.completed.size + counts.failedIndexes.size;
  const allSettled = completions !== undefined && settled >= completions;
  if (isIndexed(counts.job) && allSettled && counts.active.length === 0) {
    return failed('FailedIndexes', 'Job has failed indexes');
  }
  return undefined;
}

/** Without `completions` the pods share a queue: the first success says that it is empty, and the others finish. */
function queueIsDone(counts: Tally): boolean {
  return successesOf(counts) > 0 && counts.active.length === 0;
}

function matchedSuccessRule({ job, completed }: Tally): number | undefined {
  const { successPolicy } = job.spec;
  if (successPolicy === undefined || !isIndexed(job)) return undefined;
  const at = successPolicy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const met = [...completed].filter((index) => wanted === undefined || wanted.has(index)).length;
    return met >= (succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY);
  });
  return at < 0 ? undefined : at;
}
