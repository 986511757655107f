import { humanDuration } from '../../api/print/duration.js';
import type { CronJob, Job } from '../../api/types/workloads.js';
import type { DescribeFacts } from './common.js';
import {
  controllerText,
  longTime,
  selectorText,
  writeEvents,
  writeMetadata,
  writePairs,
} from './common.js';
import { describeTemplate } from './pod-template.js';
import type { DescribeWriter } from './writer.js';

/** A job. */
export function describeJob(writer: DescribeWriter, object: Job, facts: DescribeFacts): void {
  const { spec, status } = object;
  writeMetadata(writer, object);
  if (spec.selector !== undefined) writer.field(0, 'Selector', selectorText(spec.selector));
  writePairs(writer, object);
  const owner = controllerText(object);
  if (owner !== undefined) writer.field(0, 'Controlled By', owner);
  writer.field(0, 'Parallelism', spec.parallelism ?? 1);
  writer.field(0, 'Completions', spec.completions ?? '<unset>');
  if (spec.completionMode !== undefined) writer.field(0, 'Completion Mode', spec.completionMode);
  if (spec.suspend !== undefined) writer.field(0, 'Suspend', spec.suspend);
  if (spec.backoffLimit !== undefined) writer.field(0, 'Backoff Limit', spec.backoffLimit);
  if (spec.ttlSecondsAfterFinished !== undefined)
    writer.field(0, 'TTL Seconds After Finished', spec.ttlSecondsAfterFinished);
  const { startTime, completionTime } = status ?? {};
  if (startTime !== undefined) writer.field(0, 'Start Time', longTime(startTime));
  if (completionTime !== undefined) writer.field(0, 'Completed At', longTime(completionTime));
  if (startTime !== undefined && completionTime !== undefined) {
    writer.field(0, 'Duration', humanDuration(Date.parse(completionTime) - Date.parse(startTime)));
  }
  if (spec.activeDeadlineSeconds !== undefined)
    writer.field(0, 'Active Deadline Seconds', `${spec.activeDeadlineSeconds}s`);
  const { active = 0, ready, succeeded = 0, failed = 0 } = status ?? {};
  writer.field(
    0,
    'Pods Statuses',
    `${active} Active${ready === undefined ? '' : ` (${ready} Ready)`} / ${succeeded} Succeeded / ${failed} Failed`,
  );
  if (spec.completionMode === 'Indexed') {
    const indexes = status?.completedIndexes ?? '';
    writer.field(0, 'Completed Indexes', indexes === '' ? '<none>' : indexes);
  }
  describeTemplate(writer, spec.template);
  writeEvents(writer, facts);
}

/** A cron job. */
export function describeCronJob(
  writer: DescribeWriter,
  object: CronJob,
  facts: DescribeFacts,
): void {
  const { spec, status } = object;
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.field(0, 'Schedule', spec.schedule);
  writer.field(0, 'Concurrency Policy', spec.concurrencyPolicy ?? 'Allow');
  writer.field(0, 'Suspend', spec.suspend === true ? 'True' : 'False');
  writer.field(0, 'Successful Job History Limit', spec.successfulJobsHistoryLimit ?? '<unset>');
  writer.field(0, 'Failed Job History Limit', spec.failedJobsHistoryLimit ?? '<unset>');
  const deadline = spec.startingDeadlineSeconds;
  writer.field(0, 'Starting Deadline Seconds', deadline === undefined ? '<unset>' : `${deadline}s`);
  const job = spec.jobTemplate.spec as Job['spec'] | undefined;
  if (job?.selector !== undefined) writer.field(0, 'Selector', selectorText(job.selector));
  else writer.field(0, 'Selector', '<unset>');
  writer.field(0, 'Parallelism', job?.parallelism ?? '<unset>');
  writer.field(0, 'Completions', job?.completions ?? '<unset>');
  if (job?.activeDeadlineSeconds !== undefined)
    writer.field(0, 'Active Deadline Seconds', `${job.activeDeadlineSeconds}s`);
  describeTemplate(writer, job?.template);
  writer.field(0, 'Last Schedule Time', longTime(status?.lastScheduleTime));
  const active = (status?.active ?? []).map(({ name }) => name ?? '');
  writer.field(0, 'Active Jobs', active.length === 0 ? '<none>' : active.join(', '));
  writeEvents(writer, facts);
}
