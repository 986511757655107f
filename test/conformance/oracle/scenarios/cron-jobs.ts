/** CronJobs: what is missed, what is kept, and what runs together. */
import { ended, podSpec } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['CronJob', 'Job', 'Event'] };
const cron = (name: string, spec: Json, template: Json = {}): Json => ({
  kind: 'CronJob',
  metadata: { name },
  spec: {
    schedule: '* * * * *',
    jobTemplate: { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) }, ...template } },
    ...spec,
  },
});
const end = (pods: string, phase: 'Succeeded' | 'Failed' = 'Succeeded'): Step => ({
  pods,
  status: ended(phase, phase === 'Failed' ? 1 : 0),
});

export const cronJobs: readonly Scenario[] = [
  {
    name: 'cron-history',
    steps: [
      {
        create: [
          cron('keeps', { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 }),
          cron('fails', { failedJobsHistoryLimit: 1 }, { backoffLimit: 0 }),
          cron('late', { startingDeadlineSeconds: 5 }),
        ],
      },
      { settle: 62 },
      look,
      end('keeps'),
      end('fails', 'Failed'),
      look,
      { settle: 55 },
      look,
      end('keeps'),
      end('fails', 'Failed'),
      look,
      { patch: 'CronJob/keeps', body: { spec: { suspend: true } } },
      { remove: 'CronJob/fails', options: { propagationPolicy: 'Background' } },
      { settle: 3 },
      look,
    ],
  },
  {
    name: 'cron-lost-job',
    steps: [
      { create: [cron('c', {}), cron('foreign', {})] },
      { settle: 62 },
      look,
      { removeAll: 'Job', options: { propagationPolicy: 'Background' } },
      { settle: 3 },
      look,
      {
        patch: 'CronJob/c',
        body: { spec: { schedule: '0 0 1 1 *', timeZone: 'America/New_York' } },
      },
      { patch: 'CronJob/foreign', body: { spec: { timeZone: 'Nowhere/Land' } } },
      { settle: 62 },
      look,
    ],
  },
  {
    name: 'cron-quota',
    steps: [
      {
        create: [
          {
            kind: 'ResourceQuota',
            metadata: { name: 'q' },
            spec: { hard: { 'count/jobs.batch': '0' } },
          },
        ],
      },
      { look: ['ResourceQuota'] },
      { create: [cron('c', {})] },
      { settle: 62 },
      look,
    ],
  },
  {
    name: 'cron-words',
    steps: [
      {
        create: [
          cron('hourly', { schedule: '@hourly' }),
          cron('every', { schedule: '@every 1m' }),
          cron('names', { schedule: '*/1 * * jan-dec sun-sat' }),
          cron('macro', { schedule: '@yearly', timeZone: 'Etc/UTC' }),
        ],
      },
      { settle: 66 },
      look,
    ],
  },
];
