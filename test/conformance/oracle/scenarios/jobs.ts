/** Jobs and CronJobs. */
import { ended, job, podSpec } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Job', 'Pod', 'Event'] };
const done = (pods: string, count?: number): Step => ({
  pods,
  status: ended('Succeeded', 0),
  ...(count === undefined ? {} : { count }),
});
const failed = (pods: string, code = 1, count = 1, more: Json = {}): Step => ({
  pods,
  status: ended('Failed', code, more),
  count,
});
const disrupted: Json = {
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'X', message: 'm' }],
};
const cron = (name: string, spec: Json): Json => ({
  kind: 'CronJob',
  metadata: { name },
  spec: {
    schedule: '* * * * *',
    jobTemplate: {
      metadata: { labels: { l: 'v' }, annotations: { a: 'v' } },
      spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } },
    },
    ...spec,
  },
});

export const jobs: readonly Scenario[] = [
  {
    name: 'job-plain',
    steps: [
      { create: [job('j', { completions: 3, parallelism: 2 })] },
      look,
      done('j', 1),
      look,
      { patch: 'Job/j', body: { spec: { parallelism: 1 } } },
      done('j'),
      look,
      done('j'),
      look,
    ],
  },
  {
    name: 'job-queue',
    steps: [{ create: [job('j', { parallelism: 2 })] }, look, done('j', 1), look, done('j'), look],
  },
  {
    name: 'job-backoff',
    steps: [
      { create: [job('j', { backoffLimit: 0, completions: 2, parallelism: 2 })] },
      look,
      failed('j'),
      look,
    ],
  },
  {
    name: 'job-indexed',
    steps: [
      {
        create: [
          job('j', {
            completions: 5,
            parallelism: 5,
            completionMode: 'Indexed',
            backoffLimitPerIndex: 0,
            maxFailedIndexes: 2,
          }),
        ],
      },
      look,
      done('j-0'),
      done('j-1'),
      failed('j-3'),
      look,
      failed('j-4'),
      look,
      done('j-2'),
      look,
    ],
  },
  {
    name: 'job-indexed-many-failed',
    steps: [
      {
        create: [
          job('j', {
            completions: 3,
            parallelism: 3,
            completionMode: 'Indexed',
            backoffLimitPerIndex: 0,
            maxFailedIndexes: 0,
          }),
        ],
      },
      look,
      failed('j-0'),
      look,
    ],
  },
  {
    name: 'job-failure-policy',
    steps: [
      {
        create: [
          job('j', {
            completions: 3,
            parallelism: 3,
            completionMode: 'Indexed',
            backoffLimitPerIndex: 1,
            podFailurePolicy: {
              rules: [
                { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
                { action: 'FailIndex', onExitCodes: { operator: 'In', values: [7] } },
                {
                  action: 'FailJob',
                  onExitCodes: { containerName: 'c', operator: 'In', values: [42] },
                },
                { action: 'Count', onExitCodes: { operator: 'NotIn', values: [1] } },
              ],
            },
          }),
        ],
      },
      look,
      failed('j-0', 1, 1, disrupted),
      look,
      failed('j-1', 7),
      look,
      failed('j-2', 42),
      look,
    ],
  },
  {
    name: 'job-failure-condition',
    steps: [
      {
        create: [
          job('j', {
            podFailurePolicy: {
              rules: [
                {
                  action: 'FailJob',
                  onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }],
                },
              ],
            },
          }),
        ],
      },
      look,
      failed('j', 3, 1, disrupted),
      look,
    ],
  },
  {
    name: 'job-success-policy',
    steps: [
      {
        create: [
          job('j', {
            completions: 4,
            parallelism: 4,
            completionMode: 'Indexed',
            successPolicy: { rules: [{ succeededIndexes: '0-2', succeededCount: 2 }] },
          }),
        ],
      },
      look,
      done('j-0'),
      done('j-1'),
      look,
    ],
  },
  {
    name: 'job-suspend',
    steps: [
      { create: [job('j', { parallelism: 2, completions: 2, suspend: true })] },
      look,
      { patch: 'Job/j', body: { spec: { suspend: false } } },
      look,
      { patch: 'Job/j', body: { spec: { suspend: true } } },
      look,
      { patch: 'Job/j', body: { spec: { suspend: false } } },
      look,
    ],
  },
  {
    name: 'job-deadline',
    steps: [
      { create: [job('j', { activeDeadlineSeconds: 4, parallelism: 2 })] },
      { settle: 5 },
      look,
    ],
  },
  {
    name: 'job-ttl',
    steps: [
      { create: [job('j', { ttlSecondsAfterFinished: 2 })] },
      look,
      done('j'),
      { settle: 5 },
      look,
    ],
  },
  {
    name: 'job-managed',
    steps: [{ create: [job('j', { managedBy: 'example.com/other' })] }, look],
  },
  {
    name: 'job-replace-failed',
    steps: [
      { create: [job('j', { podReplacementPolicy: 'Failed', parallelism: 2, completions: 2 })] },
      look,
      failed('j'),
      { settle: 11 },
      look,
      { remove: 'Job/j' },
      look,
    ],
  },
  {
    name: 'job-orphan',
    steps: [
      { create: [job('j', {})] },
      look,
      { remove: 'Job/j', options: { propagationPolicy: 'Orphan' } },
      look,
    ],
  },
  {
    name: 'cron',
    steps: [
      {
        create: [
          cron('allow', { timeZone: 'Asia/Tokyo' }),
          cron('sleeps', { suspend: true }),
          cron('never', { schedule: '59 23 31 2 *' }),
          cron('zone', { timeZone: 'Europe/Berlin', schedule: 'TZ=UTC * * * * *' }),
        ],
      },
      { settle: 64 },
      { look: ['CronJob', 'Job', 'Pod', 'Event'] },
    ],
  },
  {
    name: 'cron-forbid',
    steps: [
      {
        create: [
          cron('forbid', { concurrencyPolicy: 'Forbid', successfulJobsHistoryLimit: 0 }),
          cron('replace', { concurrencyPolicy: 'Replace' }),
        ],
      },
      { settle: 124 },
      { look: ['CronJob', 'Job', 'Event'] },
      done('forbid'),
      { look: ['CronJob', 'Job', 'Event'] },
    ],
  },
];
