/**
 * The next step of a Job: its status, pods to make, to give up and to let go. Pure.
 * @see kubernetes pkg/controller/job
 */
import type { Pod } from '../../../api/types/core.js';
import type { Job, JobCondition, JobStatus } from '../../../api/types/workloads.js';
import { rankForDeletion } from '../replicaset/plan.js';
import { isPodReady } from '../../../api/facts/pods.js';
import { formatTime } from '../../../api/facts/time.js';
import { findCondition, withCondition } from '../../../api/facts/conditions.js';
import { judgeFailure } from './failure-policy.js';
import { formatIndexes } from './indexes.js';
import type { WantedPod } from './pods.js';
import { failureCountOf, indexOfPod } from './pods.js';
import type { Tally } from './tally.js';
import { endOf, failuresOf, isFailedPod, isIndexed, successesOf, tally } from './tally.js';
import type { Verdict } from './verdict.js';
import { deadlineMsLeft, endCondition, isFinished, rested, verdictOf } from './verdict.js';

const backoffMsBase = 10_000;
const backoffMsMax = 600_000;
/** Most pods made or deleted at once. @see kubernetes job controller MaxPodCreateDeletePerSync */
const burst = 500;
const noCrowd: ReadonlyMap<string, number> = new Map();

/** The next step of a Job: its status, and the pods to create, to delete and to release. */
export interface JobPlan {
  readonly status: JobStatus;
  readonly create: readonly WantedPod[];
  /** Pods to delete because the job has come to its end; they count as failed. */
  readonly end: readonly Pod[];
  /** Pods to delete that are too many, or whose job is suspended or has succeeded; they do not count. */
  readonly drop: readonly Pod[];
  /** Ended pods whose finalizer may go once the status is written. */
  readonly release: readonly Pod[];
  readonly recheckMs?: number;
}

/** @param pods those that the job owns */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): JobPlan {
  const counts = tally(job, pods);
  const nothing = { create: [], end: [], drop: [], release: counts.release };
  if (isFinished(job)) return { ...nothing, status: job.status ?? {} };
  const verdict = verdictOf(counts, nowMs);
  const state = stateOf(counts, verdict, nowMs);
  const status = statusOf(counts, state);
  const deadline = deadlineMsLeft(job, state.startTime, nowMs);
  const soon = (waits: readonly (number | undefined)[]) => {
    const known = waits.filter((ms) => ms !== undefined && ms > 0);
    return known.length === 0 ? {} : { recheckMs: Math.min(...known.map(Number)) };
  };
  // What still runs when enough has succeeded has not failed.
  if (verdict?.ok === true) return { ...nothing, status, drop: counts.active };
  if (verdict !== undefined) return { ...nothing, status, end: counts.active };
  if (job.spec.suspend === true) return { ...nothing, status, drop: counts.active };
  const { recheckMs, ...steps } = balance(counts, pods, nowMs);
  return { ...nothing, ...steps, status, ...soon([recheckMs, deadline]) };
}

/** Milliseconds until a finished job is deleted, 0 when it is due; undefined when it stays. */
export function msUntilExpiry(job: Job, nowMs: number): number | undefined {
  const { ttlSecondsAfterFinished: ttl } = job.spec;
  const endedMs = Date.parse(endCondition(job)?.lastTransitionTime ?? '');
  if (ttl === undefined || Number.isNaN(endedMs)) return undefined;
  if (job.metadata.deletionTimestamp !== undefined) return undefined;
  return Math.max(0, endedMs + ttl * 1000 - nowMs);
}

interface State {
  readonly conditions: JobCondition[];
  readonly startTime: string | undefined;
  readonly completionTime: string | undefined;
}

/** Conditions and times: the end is only told when all pods are gone and counted. */
function stateOf(counts: Tally, verdict: Verdict | undefined, nowMs: number): State {
  const { job } = counts;
  const now = formatTime(nowMs);
  const resting = job.spec.suspend === true && verdict === undefined;
  const startTime = startTimeOf(job, resting, now);
  const conditions = withSuspended(job.status?.conditions ?? [], resting, now);
  if (verdict === undefined) return { conditions, startTime, completionTime: undefined };
  const { ok, reason, message } = verdict;
  const set = (list: JobCondition[], type: string): JobCondition[] =>
    probed(list, { type, status: 'True', reason, message }, now);
  const target = set(conditions, ok ? 'SuccessCriteriaMet' : 'FailureTarget');
  const gone = counts.active.length === 0 && counts.terminating === 0;
  const uncounted = counts.uncounted.succeeded.length + counts.uncounted.failed.length;
  if (!gone || uncounted > 0) return { conditions: target, startTime, completionTime: undefined };
  const done = set(target, ok ? 'Complete' : 'Failed');
  return { conditions: done, startTime, completionTime: ok ? now : undefined };
}

/** A job that rests keeps the time of its last start; its deadline counts from when it goes on. */
function startTimeOf(job: Job, resting: boolean, now: string): string | undefined {
  const before = job.status?.startTime;
  if (resting) return before;
  return rested(job) ? now : (before ?? now);
}

function withSuspended(
  conditions: readonly JobCondition[],
  suspended: boolean,
  now: string,
): JobCondition[] {
  if (!suspended && conditions.every(({ type }) => type !== 'Suspended')) return [...conditions];
  const [status, reason, message] = suspended
    ? ['True', 'JobSuspended', 'Job suspended']
    : ['False', 'JobResumed', 'Job resumed'];
  return probed(conditions, { type: 'Suspended', status, reason, message }, now);
}

/** Sets a condition; the time when it was looked at is that of its last transition. */
function probed(list: readonly JobCondition[], next: JobCondition, now: string): JobCondition[] {
  const old = findCondition(list, next.type);
  const lastProbeTime = old?.status === next.status ? old.lastProbeTime : now;
  return withCondition(list, lastProbeTime === undefined ? next : { ...next, lastProbeTime }, now);
}

function statusOf(counts: Tally, { conditions, startTime, completionTime }: State): JobStatus {
  const { job, active, uncounted, completed, failedIndexes } = counts;
  const completedIndexes = formatIndexes(completed);
  return {
    ...(active.length === 0 ? {} : { active: active.length }),
    ready: active.filter(isPodReady).length,
    terminating: counts.terminating,
    ...(counts.succeeded === 0 ? {} : { succeeded: counts.succeeded }),
    ...(counts.failed === 0 ? {} : { failed: counts.failed }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(isIndexed(job) && completedIndexes !== '' ? { completedIndexes } : {}),
    ...(job.spec.backoffLimitPerIndex === undefined
      ? {}
      : { failedIndexes: formatIndexes(failedIndexes) }),
    ...(conditions.length === 0 ? {} : { conditions }),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: [...uncounted.succeeded] }),
      ...(uncounted.failed.length === 0 ? {} : { failed: [...uncounted.failed] }),
    },
  };
}

interface Steps {
  readonly create: readonly WantedPod[];
  readonly drop: readonly Pod[];
  readonly recheckMs: number | undefined;
}

/** Pods to make or delete so that as many run as should, waiting after failures. */
function balance(counts: Tally, pods: readonly Pod[], nowMs: number): Steps {
  const { job, active } = counts;
  const wanted = wantedActive(counts);
  const misplaced = isIndexed(job) ? misplacedPods(active, job.spec.completions ?? 0, nowMs) : [];
  const rest = active.filter((pod) => !misplaced.includes(pod));
  const surplus = Math.max(0, rest.length - wanted);
  const drop = [...misplaced, ...rankForDeletion(rest, noCrowd, nowMs).slice(0, surplus)];
  if (drop.length > 0) return { create: [], drop: drop.slice(0, burst), recheckMs: undefined };
  const held = job.spec.podReplacementPolicy === 'Failed' ? counts.terminating : 0;
  const missing = Math.min(burst, wanted - active.length - held);
  if (missing <= 0) return { create: [], drop: [], recheckMs: undefined };
  if (job.spec.backoffLimitPerIndex !== undefined) {
    return { ...perIndex(counts, pods, missing, nowMs), drop: [] };
  }
  const waitMs = backoffMs(counts, pods) - nowMs;
  if (waitMs > 0) return { create: [], drop: [], recheckMs: waitMs };
  const create = isIndexed(job)
    ? freeIndexes(counts, pods, missing).map((index) => ({ index }))
    : Array.from({ length: missing }, () => ({}));
  return { create, drop: [], recheckMs: undefined };
}

function wantedActive(counts: Tally): number {
  const { completions, parallelism = 1 } = counts.job.spec;
  const done = successesOf(counts);
  if (completions === undefined) return done > 0 ? counts.active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - done));
}

/** Picks, of several pods with one index, all but the furthest, and pods whose index is beyond `completions`. */
function misplacedPods(active: readonly Pod[], completions: number, nowMs: number): Pod[] {
  const seen = new Set<number>();
  return rankForDeletion(active, noCrowd, nowMs)
    .toReversed()
    .filter((pod) => {
      const index = indexOfPod(pod);
      if (index === undefined || index >= completions || seen.has(index)) return true;
      seen.add(index);
      return false;
    });
}

/** When the back-off after failures ends: it doubles with each one since the last success. */
function backoffMs(counts: Tally, pods: readonly Pod[]): number {
  const succeeded = pods.filter((pod) => pod.status?.phase === 'Succeeded');
  const lastSuccessMs = Math.max(0, ...succeeded.map(endOf));
  const ends = pods.filter((pod) => isFailedPod(counts.job, pod)).map(endOf);
  const since = ends.filter((ms) => ms > lastSuccessMs);
  return untilMs(Math.min(failuresOf(counts), since.length), Math.max(0, ...since));
}

function untilMs(failures: number, lastMs: number): number {
  if (failures === 0 || lastMs === 0) return 0;
  return lastMs + Math.min(backoffMsMax, backoffMsBase * 2 ** Math.min(20, failures - 1));
}

/** The lowest indexes that nobody runs and that are not settled. */
function freeIndexes(counts: Tally, pods: readonly Pod[], missing: number): number[] {
  const { job, completed, failedIndexes } = counts;
  const held =
    job.spec.podReplacementPolicy === 'Failed'
      ? pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      : [];
  const taken = new Set([...counts.active, ...held].map(indexOfPod));
  const free: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && free.length < missing; index++) {
    if (taken.has(index) || completed.has(index) || failedIndexes.has(index)) continue;
    free.push(index);
  }
  return free;
}

/** Each index fails and waits for itself (KEP-3850). */
function perIndex(
  counts: Tally,
  pods: readonly Pod[],
  missing: number,
  nowMs: number,
): Pick<Steps, 'create' | 'recheckMs'> {
  const { job } = counts;
  const failures = new Map<number, { count: number; lastMs: number }>();
  for (const pod of pods.filter((each) => isFailedPod(job, each))) {
    const index = indexOfPod(pod);
    if (index === undefined) continue;
    const ignored = judgeFailure(job.spec, pod).action === 'Ignore';
    const count = failureCountOf(pod) + (ignored ? 0 : 1);
    const known = failures.get(index) ?? { count: 0, lastMs: 0 };
    failures.set(index, {
      count: Math.max(count, known.count),
      lastMs: Math.max(endOf(pod), known.lastMs),
    });
  }
  const create: WantedPod[] = [];
  let recheckMs: number | undefined;
  for (const index of freeIndexes(counts, pods, missing)) {
    const { count = 0, lastMs = 0 } = failures.get(index) ?? {};
    const waitMs = untilMs(count, lastMs) - nowMs;
    if (waitMs <= 0) create.push({ index, failures: count });
    else recheckMs = Math.min(recheckMs ?? waitMs, waitMs);
  }
  return { create, recheckMs };
}
