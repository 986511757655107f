/** Schemas of the batch group. */
import {
  always,
  bool,
  doc,
  int32,
  int64,
  list,
  num32,
  req,
  reqValue,
  set,
  str,
  strPtr,
  struct,
  time,
  timeOrNull,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema, labelSelector, templateMeta } from '../schema/meta.js';
import { isNonNegative, oneOf } from '../validation/checks.js';
import { podTemplateSpec } from '../core/pod-spec.js';
import { objectReference } from '../core/references.js';

const count = { checks: [isNonNegative] };

const failureRule = struct('batch/v1.PodFailurePolicyRule', 'What to do on certain failures.', {
  action: req(
    str('Count, FailIndex, FailJob or Ignore.', {
      checks: [oneOf(['Count', 'FailIndex', 'FailJob', 'Ignore'])],
      missing: 'valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
    }),
  ),
  onExitCodes: struct('batch/v1.PodFailurePolicyOnExitCodesRequirement', 'Exit codes that match.', {
    containerName: strPtr('Only this container.'),
    operator: req(
      str('In or NotIn.', {
        checks: [oneOf(['In', 'NotIn'])],
        missing: 'valid values: ["In" "NotIn"]',
      }),
    ),
    values: tuned(req(set('The exit codes.', int32(''))), { checksEmpty: true }),
  }),
  onPodConditions: list(
    'Conditions of pods that match.',
    struct('batch/v1.PodFailurePolicyOnPodConditionsPattern', 'A condition.', {
      status: req(str('Status of the condition.', { default: 'True' })),
      type: req(str('Type of the condition.', { checksEmpty: true })),
    }),
  ),
});

/** The spec of a job. */
export const jobSpec = struct('batch/v1.JobSpec', 'What the job shall do.', {
  activeDeadlineSeconds: int64('Seconds after which the job fails.', count),
  backoffLimit: int32('Failures after which the job fails.', count),
  backoffLimitPerIndex: int32('Failures of an index after which it fails.', count),
  completionMode: strPtr('NonIndexed or Indexed.', {
    checks: [oneOf(['NonIndexed', 'Indexed'])],
  }),
  completions: int32('Pods that must succeed.', count),
  managedBy: strPtr('Name of the controller of the job.'),
  manualSelector: bool('The selector is given, not made.'),
  maxFailedIndexes: int32('Failed indexes after which the job fails.', count),
  parallelism: int32('Pods that may run at once.', count),
  podFailurePolicy: struct('batch/v1.PodFailurePolicy', 'How failures are handled.', {
    rules: tuned(req(list('Rules; the first match counts.', failureRule)), { checksEmpty: true }),
  }),
  podReplacementPolicy: strPtr('When failed pods are replaced: TerminatingOrFailed or Failed.'),
  selector: doc('Selects the pods; made by the server.', labelSelector),
  successPolicy: struct('batch/v1.SuccessPolicy', 'When the job has succeeded.', {
    rules: tuned(
      req(
        list(
          'Rules of which one must hold.',
          struct('batch/v1.SuccessPolicyRule', 'A rule.', {
            succeededCount: int32('How many indexes.'),
            succeededIndexes: strPtr('Which indexes, such as 1,3-5.'),
          }),
        ),
      ),
      { checksEmpty: true },
    ),
  }),
  suspend: bool('No pods are made, and running ones are ended.'),
  template: reqValue(podTemplateSpec),
  ttlSecondsAfterFinished: int32('Seconds after the end before the job is deleted.', count),
});

/** Job. */
export const jobSchema = kindSchema('batch/v1.Job', 'Runs pods until enough have succeeded.', {
  spec: always(jobSpec),
  status: written(
    struct('batch/v1.JobStatus', 'What is known of the job.', {
      active: num32('Pods that run or wait.'),
      completedIndexes: str('Indexes that succeeded.'),
      completionTime: time('When the job succeeded.'),
      conditions: list(
        'State by aspect.',
        struct('batch/v1.JobCondition', 'One aspect of the state.', {
          lastProbeTime: timeOrNull('When it was last looked at.'),
          lastTransitionTime: time('When the status last changed.'),
          message: str('Details for people.'),
          reason: str('Reason of the last change.'),
          status: req(str('True, False or Unknown.')),
          type: req(str('Complete, Failed, Suspended, …')),
        }),
        { merge: 'type' },
      ),
      failed: num32('Pods that failed.'),
      failedIndexes: strPtr('Indexes that failed.'),
      ready: int32('Ready pods.'),
      startTime: time('When the controller began.'),
      succeeded: num32('Pods that succeeded.'),
      terminating: int32('Pods that are ending.'),
      uncountedTerminatedPods: struct('batch/v1.UncountedTerminatedPods', 'Not yet counted.', {
        failed: set('UIDs of failed pods.', str('')),
        succeeded: set('UIDs of pods that succeeded.', str('')),
      }),
    }),
  ),
});

/** CronJob. */
export const cronJobSchema = kindSchema('batch/v1.CronJob', 'Makes jobs at certain times.', {
  spec: always(
    struct('batch/v1.CronJobSpec', 'When to make which job.', {
      concurrencyPolicy: str('Allow, Forbid or Replace.', {
        default: 'Allow',
        checks: [oneOf(['Allow', 'Forbid', 'Replace'])],
      }),
      failedJobsHistoryLimit: int32('How many failed jobs are kept.', { ...count, default: 1 }),
      jobTemplate: reqValue(
        struct('batch/v1.JobTemplateSpec', 'The jobs to make.', {
          metadata: doc('Labels and annotations of the jobs.', templateMeta),
          spec: always(jobSpec),
        }),
      ),
      schedule: req(str('When, in cron format.')),
      startingDeadlineSeconds: int64('Seconds a start may be late.', count),
      successfulJobsHistoryLimit: int32('How many succeeded jobs are kept.', {
        ...count,
        default: 3,
      }),
      suspend: bool('No jobs are made.', { default: false }),
      timeZone: strPtr('Time zone of the schedule.'),
    }),
  ),
  status: written(
    struct('batch/v1.CronJobStatus', 'What is known of the cron job.', {
      active: list('Jobs that run.', objectReference),
      lastScheduleTime: time('When a job was last made.'),
      lastSuccessfulTime: time('When a job last succeeded.'),
    }),
  ),
});
