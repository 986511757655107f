/** Jobs whose rules are many: policies, indexes, suspension, deadlines, and changes while they run. */
import { ended, job, pod } from './objects.js';
import type { Json, Scenario, Step } from './steps.js';

const look: Step = { look: ['Job', 'Pod', 'Event'] };
const done = (pods: string, count = 1): Step => ({ pods, status: ended('Succeeded', 0), count });
const failed = (pods: string, code = 1, more: Json = {}): Step => ({
  pods,
  status: ended('Failed', code, more),
  count: 1,
});
const indexed = (spec: Json, size = 3): Json =>
  job('j', { completions: size, parallelism: size, completionMode: 'Indexed', ...spec });
const change = (spec: Json): Step => ({ patch: 'Job/j', body: { spec } });

export const jobRules: readonly Scenario[] = [
  {
    name: 'job-success-indexes',
    steps: [
      { create: [indexed({ successPolicy: { rules: [{ succeededIndexes: '0,2' }] } }, 4)] },
      look,
      done('j-0'),
      look,
      failed('j-1'),
      done('j-2'),
      look,
    ],
  },
  {
    name: 'job-success-count',
    steps: [
      { create: [indexed({ successPolicy: { rules: [{ succeededCount: 1 }] } })] },
      look,
      done('j-1'),
      look,
    ],
  },
  {
    name: 'job-success-too-late',
    steps: [
      {
        create: [
          indexed({
            backoffLimitPerIndex: 0,
            successPolicy: { rules: [{ succeededIndexes: '0-1' }] },
          }),
        ],
      },
      look,
      failed('j-0'),
      look,
      done('j-1'),
      done('j-2'),
      look,
    ],
  },
  {
    name: 'job-elastic',
    steps: [
      { create: [indexed({})] },
      look,
      change({ completions: 2, parallelism: 2 }),
      look,
      change({ completions: 4, parallelism: 4 }),
      look,
      done('j', 4),
      look,
    ],
  },
  {
    name: 'job-suspended-start',
    steps: [
      { create: [job('j', { suspend: true, activeDeadlineSeconds: 30 })] },
      look,
      {
        patch: 'Job/j',
        body: {
          spec: {
            template: {
              metadata: { labels: { more: 'x' }, annotations: { a: 'b' } },
              spec: { nodeSelector: { 'kubernetes.io/hostname': 'w1' } },
            },
          },
        },
      },
      change({ suspend: false }),
      look,
      change({ suspend: true }),
      look,
      change({ suspend: false, parallelism: 0 }),
      look,
      done('j'),
      look,
    ],
  },
  {
    name: 'job-suspended-fails',
    steps: [
      { create: [job('j', { parallelism: 2, completions: 4, backoffLimit: 1 })] },
      look,
      failed('j'),
      change({ suspend: true }),
      look,
      change({ suspend: false }),
      look,
    ],
  },
  {
    name: 'job-parallel-shrinks',
    steps: [
      { create: [job('j', { parallelism: 4, completions: 6 })] },
      look,
      change({ parallelism: 1 }),
      look,
      change({ parallelism: 0 }),
      look,
      change({ parallelism: 3 }),
      look,
      done('j', 3),
      look,
    ],
  },
  {
    name: 'job-restarts',
    steps: [
      { create: [job('j', { backoffLimit: 2 }, { restartPolicy: 'OnFailure' })] },
      look,
      {
        pods: 'j',
        status: {
          containerStatuses: [
            {
              name: 'c',
              image: 'i:1',
              imageID: '',
              ready: false,
              restartCount: 3,
              state: { waiting: { reason: 'CrashLoopBackOff' } },
            },
          ],
        },
      },
      look,
    ],
  },
  {
    name: 'job-pod-deleted',
    steps: [
      { create: [job('j', { parallelism: 1, completions: 2, backoffLimit: 0 })] },
      look,
      { kubelet: 'idle' },
      { pods: 'j', status: { phase: 'Running' } },
      { removeAll: 'Pod', about: 'j', options: { gracePeriodSeconds: 30 } },
      look,
      { kubelet: 'ready' },
      look,
    ],
  },
  {
    name: 'job-replace-terminating',
    steps: [
      {
        create: [
          job('j', { parallelism: 1, podReplacementPolicy: 'TerminatingOrFailed' }),
          job('k', { parallelism: 1, podReplacementPolicy: 'Failed' }),
        ],
      },
      look,
      { kubelet: 'idle' },
      { removeAll: 'Pod', about: 'j', options: { gracePeriodSeconds: 30 } },
      { removeAll: 'Pod', about: 'k', options: { gracePeriodSeconds: 30 } },
      look,
      failed('j'),
      look,
    ],
  },
  {
    name: 'job-per-index-many',
    steps: [
      {
        create: [indexed({ backoffLimitPerIndex: 1, parallelism: 2 }, 12)],
      },
      look,
      done('j-0'),
      failed('j-1'),
      { settle: 11 },
      look,
      failed('j-1'),
      look,
      done('j', 2),
      look,
      done('j', 2),
      look,
    ],
  },
  {
    name: 'job-index-fails-all',
    steps: [
      { create: [indexed({ backoffLimitPerIndex: 0 }, 2)] },
      look,
      failed('j-0'),
      done('j-1'),
      look,
    ],
  },
  {
    name: 'job-adopts',
    steps: [
      { create: [pod('lone', {}, { app: 'x' })] },
      { look: ['Pod'] },
      {
        create: [
          {
            ...job('j', {
              parallelism: 2,
              manualSelector: true,
              selector: { matchLabels: { app: 'x' } },
              template: {
                metadata: { labels: { app: 'x' } },
                spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
              },
            }),
          },
        ],
      },
      look,
      { patch: 'Pod/lone', body: { metadata: { labels: { app: 'y' } } } },
      look,
      { remove: 'Job/j', options: { propagationPolicy: 'Foreground' } },
      look,
    ],
  },
  {
    name: 'job-deadline-late',
    steps: [
      { create: [job('j', { completions: 2 })] },
      look,
      done('j'),
      change({ activeDeadlineSeconds: 2 }),
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'job-policy-ignore',
    steps: [
      {
        create: [
          job('j', {
            backoffLimit: 0,
            podFailurePolicy: {
              rules: [
                { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
                { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [0, 1] } },
              ],
            },
          }),
        ],
      },
      look,
      failed('j', 1, {
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'X', message: 'm' }],
      }),
      { settle: 12 },
      look,
      failed('j', 3),
      look,
    ],
  },
  {
    name: 'job-ttl-zero',
    steps: [
      { create: [job('j', { ttlSecondsAfterFinished: 0 }), job('k', {})] },
      look,
      done('j'),
      done('k'),
      look,
      { patch: 'Job/k', body: { spec: { ttlSecondsAfterFinished: 1 } } },
      { settle: 2 },
      look,
    ],
  },
  {
    name: 'job-quota',
    steps: [
      {
        create: [{ kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } }],
      },
      { look: ['ResourceQuota'] },
      { create: [job('j', { parallelism: 2, completions: 2 })] },
      { look: ['Job', 'Pod', 'ResourceQuota'] },
    ],
  },
  {
    name: 'job-zero',
    steps: [{ create: [job('none', { completions: 0 }), job('still', { parallelism: 0 })] }, look],
  },
];
