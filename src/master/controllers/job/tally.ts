/**
 * The count of a Job's ended pods. Pure. An ended pod is counted exactly once: its uid is written to
 * `uncountedTerminatedPods`, then its finalizer is removed, and only when that is seen it moves from the list into the
 * number.
 * @see KEP-2307
 */
import type { Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import { isConditionTrue } from '../../../api/facts/conditions.js';
import { isPodActive } from '../../../api/facts/pods.js';
import { parseTime } from '../../../api/facts/time.js';
import { judgeFailure } from './failure-policy.js';
import { parseIndexes } from './indexes.js';
import { failureCountOf, indexOfPod, isTracked } from './pods.js';

/** The counts of a Job's active, ended and counted pods. */
export interface Tally {
  readonly job: Job;
  readonly active: readonly Pod[];
  /** Pods that are being deleted and have not ended yet. */
  readonly terminating: number;
  /** Counted pods whose finalizers are gone; with `Indexed`, the number of completed indexes. */
  readonly succeeded: number;
  readonly failed: number;
  readonly completed: ReadonlySet<number>;
  readonly failedIndexes: ReadonlySet<number>;
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  /** Ended pods that the status to be written accounts for: afterwards their finalizer may go. */
  readonly release: readonly Pod[];
  /** The message of `podFailurePolicy` when it fails the whole job. */
  readonly failJob: string | undefined;
}

/** Tells whether a Job counts completions by index (`completionMode: Indexed`). */
export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

/** All that have succeeded, also those whose finalizers are still there. */
export function successesOf(counts: Tally): number {
  return counts.succeeded + counts.uncounted.succeeded.length;
}

/** All that have failed, also those whose finalizers are still there. */
export function failuresOf(counts: Tally): number {
  return counts.failed + counts.uncounted.failed.length;
}

/** A pod that is being deleted counts as failed, unless failed pods are only replaced once they have ended. */
export function isFailedPod(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (job.spec.podReplacementPolicy === 'Failed') return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

/** When a pod ended, in milliseconds; 0 when it does not tell. */
export function endOf(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(
    (status) => parseTime(status.state?.terminated?.finishedAt) ?? 0,
  );
  return Math.max(0, ...ends, parseTime(pod.metadata.deletionTimestamp) ?? 0);
}

/** @param pods those that the job owns */
export function tally(job: Job, pods: readonly Pod[]): Tally {
  const { status } = job;
  const tracked = new Set(pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ''));
  const noted = {
    succeeded: status?.uncountedTerminatedPods?.succeeded ?? [],
    failed: status?.uncountedTerminatedPods?.failed ?? [],
  };
  const fresh = countFresh(job, pods, new Set([...noted.succeeded, ...noted.failed]));
  const uncounted = {
    succeeded: [...noted.succeeded.filter((uid) => tracked.has(uid)), ...fresh.succeeded],
    failed: [...noted.failed.filter((uid) => tracked.has(uid)), ...fresh.failed],
  };
  const settled = (uids: readonly string[]) => uids.filter((uid) => !tracked.has(uid)).length;
  const succeeded = (status?.succeeded ?? 0) + settled(noted.succeeded);
  return {
    job,
    active: pods.filter(isPodActive),
    terminating: pods.filter(isTerminating).length,
    succeeded: isIndexed(job) ? fresh.completed.size : succeeded,
    failed: (status?.failed ?? 0) + settled(noted.failed),
    completed: fresh.completed,
    failedIndexes: fresh.failedIndexes,
    uncounted,
    release: fresh.release,
    failJob: fresh.failJob,
  };
}

function isTerminating(pod: Pod): boolean {
  const { phase } = pod.status ?? {};
  return (
    pod.metadata.deletionTimestamp !== undefined && phase !== 'Failed' && phase !== 'Succeeded'
  );
}

/** Counts the ended pods that no status tells of yet. */
function countFresh(job: Job, pods: readonly Pod[], noted: ReadonlySet<string>) {
  const { completions = 0, backoffLimitPerIndex } = job.spec;
  const inRange = (index: number): boolean => index < completions;
  const completed = new Set([...parseIndexes(job.status?.completedIndexes)].filter(inRange));
  const failedIndexes = new Set([...parseIndexes(job.status?.failedIndexes)].filter(inRange));
  const succeeded: string[] = [];
  const failed: string[] = [];
  const release: Pod[] = [];
  // The pods that are ended with their job count as failed, their indexes do not.
  const ending = isConditionTrue(job.status?.conditions, 'FailureTarget');
  let failJob: string | undefined;
  for (const pod of pods) {
    const good = pod.status?.phase === 'Succeeded';
    // The end of a failed job is the end of its pods, whether they say so or not.
    const ended = ending && pod.metadata.deletionTimestamp !== undefined;
    if (!isTracked(pod) || (!good && !ended && !isFailedPod(job, pod))) continue;
    release.push(pod);
    const { uid = '' } = pod.metadata;
    if (noted.has(uid)) continue;
    const index = indexOfPod(pod);
    if (good) {
      if (!isIndexed(job)) succeeded.push(uid);
      else if (index !== undefined && inRange(index)) completed.add(index);
      continue;
    }
    const verdict = judgeFailure(job.spec, pod);
    if (verdict.action === 'FailJob') failJob ??= verdict.message;
    if (verdict.action !== 'Ignore') failed.push(uid);
    if (index === undefined || verdict.action === 'Ignore') continue;
    const spent = backoffLimitPerIndex !== undefined && failureCountOf(pod) >= backoffLimitPerIndex;
    if (!ending && (spent || verdict.action === 'FailIndex')) failedIndexes.add(index);
  }
  for (const index of completed) failedIndexes.delete(index);
  return { completed, failedIndexes, succeeded, failed, release, failJob };
}
