/**
 * What a Job does next. Pure. Ended pods are counted exactly once: their uid is written to `uncountedTerminatedPods`, then
 * their finalizer is removed, and only when that is seen they move from the list into the number.
 * @see kubernetes pkg/controller/job, KEP-2307
 */
import type { Condition, Pod } from '../../../api/types/core.js';
import type { Job, JobStatus } from '../../../api/types/workloads.js';
import { findCondition, isPodActive, isPodReady, withCondition } from '../../../api/facts/pods.js';
import { formatTime, parseTime } from '../../../api/facts/time.js';
import { judgeFailure } from './failure-policy.js';
import { formatIndexes, parseIndexes } from './indexes.js';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const backoffMsBase = 10_000;
const backoffMsMax = 600_000;

export interface JobPlan {
  readonly status: JobStatus;
  /** Completion indexes of pods to make; undefined entries in a job that is not indexed. */
  readonly create: readonly (number | undefined)[];
  readonly delete: readonly Pod[];
  /** Ended pods that the status to be written accounts for: afterwards their finalizer may go. */
  readonly release: readonly Pod[];
  readonly recheckMs?: number;
}

export function isFinished(job: Job): boolean {
  return (job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

export function indexOfPod(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
}

interface Tally {
  readonly job: Job;
  readonly active: readonly Pod[];
  readonly terminating: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly completed: Set<number>;
  readonly uncounted: { succeeded: string[]; failed: string[] };
  readonly release: Pod[];
  readonly lastFailureMs: number;
  readonly failJob: string | undefined;
  readonly failedIndexes: Set<number>;
}

function isFailedPod(pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

function tally(job: Job, pods: readonly Pod[]): Tally {
  const status = job.status ?? {};
  const before = status.uncountedTerminatedPods ?? {};
  const tracked = new Set(
    pods
      .filter((pod) => (pod.metadata.finalizers ?? []).includes(trackingFinalizer))
      .map((pod) => pod.metadata.uid ?? ''),
  );
  const completed = parseIndexes(status.completedIndexes);
  const failedIndexes = parseIndexes(status.failedIndexes);
  let succeeded = status.succeeded ?? 0;
  let failed = status.failed ?? 0;
  const uncounted = { succeeded: [] as string[], failed: [] as string[] };
  for (const uid of before.succeeded ?? []) {
    if (tracked.has(uid)) uncounted.succeeded.push(uid);
    else succeeded++;
  }
  for (const uid of before.failed ?? []) {
    if (tracked.has(uid)) uncounted.failed.push(uid);
    else failed++;
  }
  const noted = new Set([...(before.succeeded ?? []), ...(before.failed ?? [])]);
  const release: Pod[] = [];
  let lastFailureMs = 0;
  let failJob: string | undefined;
  const indexed = job.spec.completionMode === 'Indexed';
  for (const pod of pods) {
    const uid = pod.metadata.uid ?? '';
    const good = pod.status?.phase === 'Succeeded';
    if (isFailedPod(pod)) lastFailureMs = Math.max(lastFailureMs, endOf(pod));
    if (!good && !isFailedPod(pod)) continue;
    // A pod that is being deleted may still end well; only its phase tells.
    const replaceEarly = job.spec.podReplacementPolicy !== 'Failed';
    if (!good && pod.status?.phase !== 'Failed' && !replaceEarly) continue;
    if (!tracked.has(uid)) continue;
    if (noted.has(uid)) {
      release.push(pod);
      continue;
    }
    release.push(pod);
    const index = indexOfPod(pod);
    if (good) {
      if (!indexed) uncounted.succeeded.push(uid);
      else if (index !== undefined && index < (job.spec.completions ?? 0)) completed.add(index);
      continue;
    }
    const verdict = judgeFailure(job.spec, pod);
    if (verdict.action === 'FailJob') failJob ??= verdict.message;
    if (verdict.action === 'FailIndex' && index !== undefined) failedIndexes.add(index);
    if (verdict.action !== 'Ignore') uncounted.failed.push(uid);
  }
  return {
    job,
    active: pods.filter(isPodActive),
    terminating: pods.filter(
      (pod) =>
        pod.metadata.deletionTimestamp !== undefined &&
        pod.status?.phase !== 'Failed' &&
        pod.status?.phase !== 'Succeeded',
    ).length,
    succeeded: indexed ? completed.size : succeeded,
    failed,
    completed,
    uncounted,
    release,
    lastFailureMs,
    failJob,
    failedIndexes,
  };
}

function endOf(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(
    (status) => parseTime(status.state?.terminated?.finishedAt) ?? 0,
  );
  return Math.max(0, ...ends, parseTime(pod.metadata.deletionTimestamp) ?? 0);
}

/** The end that the job has come to, if any: a pair of reason and message. */
function verdictOf(
  counts: Tally,
  nowMs: number,
): { readonly ok: boolean; readonly reason: string; readonly message: string } | undefined {
  const { spec, status } = counts.job;
  const failures = counts.failed + counts.uncounted.failed.length;
  const successes =
    spec.completionMode === 'Indexed'
      ? counts.completed.size
      : counts.succeeded + counts.uncounted.succeeded.length;
  if (counts.failJob !== undefined) {
    return { ok: false, reason: 'PodFailurePolicy', message: counts.failJob };
  }
  const perIndex = spec.backoffLimitPerIndex !== undefined;
  if (!perIndex && failures > (spec.backoffLimit ?? 6)) {
    const message = 'Job has reached the specified backoff limit';
    return { ok: false, reason: 'BackoffLimitExceeded', message };
  }
  const startMs = parseTime(status?.startTime);
  const { activeDeadlineSeconds: deadline } = spec;
  if (
    deadline !== undefined &&
    startMs !== undefined &&
    spec.suspend !== true &&
    nowMs >= startMs + deadline * 1000
  ) {
    const message = 'Job was active longer than specified deadline';
    return { ok: false, reason: 'DeadlineExceeded', message };
  }
  if (spec.maxFailedIndexes !== undefined && counts.failedIndexes.size > spec.maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes';
    return { ok: false, reason: 'MaxFailedIndexesExceeded', message };
  }
  const done = {
    ok: true,
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
  if (succeedsByPolicy(counts)) {
    return { ok: true, reason: 'SuccessPolicy', message: 'Matched rules at index 0' };
  }
  if (spec.completions === undefined) {
    return successes > 0 && counts.active.length === 0 ? done : undefined;
  }
  if (successes >= spec.completions) return done;
  const settled = counts.completed.size + counts.failedIndexes.size >= spec.completions;
  if (perIndex && settled && counts.active.length === 0) {
    return { ok: false, reason: 'FailedIndexes', message: 'Job has failed indexes' };
  }
  return undefined;
}

function succeedsByPolicy({ job, completed }: Tally): boolean {
  return (job.spec.successPolicy?.rules ?? []).some(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const met = [...completed].filter((index) => wanted === undefined || wanted.has(index)).length;
    return met >= (succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY);
  });
}

/** @param pods those that the job owns */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): JobPlan {
  const counts = tally(job, pods);
  const now = formatTime(nowMs);
  if (isFinished(job)) {
    return { status: job.status ?? {}, create: [], delete: [], release: counts.release };
  }
  const suspended = job.spec.suspend === true;
  const earlier = interim(job);
  const verdict = earlier ?? verdictOf(counts, nowMs);
  let conditions = job.status?.conditions ?? [];
  let startTime = job.status?.startTime;
  if (suspended && verdict === undefined) {
    startTime = undefined;
    conditions = withSuspended(conditions, true, now);
  } else {
    startTime ??= now;
    conditions = withSuspended(conditions, false, now);
  }
  const gone = counts.active.length === 0 && counts.terminating === 0;
  const allCounted = counts.uncounted.succeeded.length + counts.uncounted.failed.length === 0;
  let completionTime: string | undefined;
  if (verdict !== undefined) {
    const { ok, reason, message } = verdict;
    const first = ok ? 'SuccessCriteriaMet' : 'FailureTarget';
    conditions = withCondition(conditions, { type: first, status: 'True', reason, message }, now);
    if (gone && allCounted) {
      const last = ok ? 'Complete' : 'Failed';
      conditions = withCondition(conditions, { type: last, status: 'True', reason, message }, now);
      if (ok) completionTime = now;
    }
  }
  const ends = verdict !== undefined || suspended;
  const { create, remove, recheckMs } = ends
    ? { create: [], remove: [...counts.active], recheckMs: undefined }
    : balance(counts, pods, nowMs);
  const rechecks = [recheckMs, deadlineMs(job, startTime, nowMs)].filter((ms) => ms !== undefined);
  return {
    status: statusOf(counts, { conditions, startTime, completionTime }),
    create,
    delete: remove,
    release: counts.release,
    ...(rechecks.length === 0 ? {} : { recheckMs: Math.min(...rechecks) }),
  };
}

/** A verdict that was reached before and whose pods were still running. */
function interim(job: Job): { ok: boolean; reason: string; message: string } | undefined {
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

function withSuspended(conditions: Condition[], suspended: boolean, now: string): Condition[] {
  const known = findCondition(conditions, 'Suspended');
  if (known === undefined && !suspended) return conditions;
  const [status, reason, message] = suspended
    ? ['True', 'JobSuspended', 'Job suspended']
    : ['False', 'JobResumed', 'Job resumed'];
  return withCondition(conditions, { type: 'Suspended', status, reason, message }, now);
}

function deadlineMs(job: Job, startTime: string | undefined, nowMs: number): number | undefined {
  const startMs = parseTime(startTime);
  const { activeDeadlineSeconds } = job.spec;
  if (startMs === undefined || activeDeadlineSeconds === undefined) return undefined;
  return Math.max(1, startMs + activeDeadlineSeconds * 1000 - nowMs);
}

function statusOf(
  counts: Tally,
  times: {
    conditions: Condition[];
    startTime: string | undefined;
    completionTime: string | undefined;
  },
): JobStatus {
  const { job, active, uncounted, completed, failedIndexes } = counts;
  const indexed = job.spec.completionMode === 'Indexed';
  const completedIndexes = formatIndexes(completed);
  return {
    ...(active.length === 0 ? {} : { active: active.length }),
    ready: active.filter(isPodReady).length,
    terminating: counts.terminating,
    ...(counts.succeeded === 0 ? {} : { succeeded: counts.succeeded }),
    ...(counts.failed === 0 ? {} : { failed: counts.failed }),
    ...(times.startTime === undefined ? {} : { startTime: times.startTime }),
    ...(times.completionTime === undefined ? {} : { completionTime: times.completionTime }),
    ...(indexed && completedIndexes !== '' ? { completedIndexes } : {}),
    ...(job.spec.backoffLimitPerIndex === undefined
      ? {}
      : { failedIndexes: formatIndexes(failedIndexes) }),
    ...(times.conditions.length === 0 ? {} : { conditions: times.conditions }),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }),
    },
  };
}

/** Pods to make or delete so that as many run as should, waiting after failures. */
function balance(
  counts: Tally,
  pods: readonly Pod[],
  nowMs: number,
): {
  readonly create: readonly (number | undefined)[];
  readonly remove: readonly Pod[];
  readonly recheckMs: number | undefined;
} {
  const { spec } = counts.job;
  const parallelism = spec.parallelism ?? 1;
  const done = counts.succeeded + counts.uncounted.succeeded.length;
  const left =
    spec.completions === undefined
      ? done > 0
        ? counts.active.length
        : parallelism
      : spec.completions - (spec.completionMode === 'Indexed' ? counts.completed.size : done);
  const wanted = Math.max(0, Math.min(parallelism, left));
  const surplus = counts.active.length - wanted;
  if (surplus > 0) {
    const ranked = counts.active.toSorted((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
    return { create: [], remove: ranked.slice(0, surplus), recheckMs: undefined };
  }
  const held = spec.podReplacementPolicy === 'Failed' ? counts.terminating : 0;
  const missing = -surplus - held;
  if (missing <= 0) return { create: [], remove: [], recheckMs: undefined };
  const failures = counts.failed + counts.uncounted.failed.length;
  if (failures > 0 && counts.lastFailureMs > 0) {
    const backoffMs = Math.min(backoffMsMax, backoffMsBase * 2 ** Math.min(20, failures - 1));
    const waitMs = counts.lastFailureMs + backoffMs - nowMs;
    if (waitMs > 0) return { create: [], remove: [], recheckMs: waitMs };
  }
  if (spec.completionMode !== 'Indexed') {
    return {
      create: Array.from({ length: missing }, () => undefined),
      remove: [],
      recheckMs: undefined,
    };
  }
  return { create: freeIndexes(counts, pods, missing), remove: [], recheckMs: undefined };
}

function freeIndexes(counts: Tally, pods: readonly Pod[], missing: number): number[] {
  const { spec } = counts.job;
  const taken = new Set(counts.active.map(indexOfPod));
  const limit = spec.backoffLimitPerIndex;
  const failures = new Map<number, number>();
  for (const pod of pods) {
    const index = indexOfPod(pod);
    if (index !== undefined && isFailedPod(pod)) {
      failures.set(index, (failures.get(index) ?? 0) + 1);
    }
  }
  const free: number[] = [];
  for (let index = 0; index < (spec.completions ?? 0) && free.length < missing; index++) {
    if (taken.has(index) || counts.completed.has(index) || counts.failedIndexes.has(index)) {
      continue;
    }
    if (limit !== undefined && (failures.get(index) ?? 0) > limit) {
      counts.failedIndexes.add(index);
      continue;
    }
    free.push(index);
  }
  return free;
}
