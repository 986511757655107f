import { describe, expect, test } from '@jest/globals';
import type { PodFailureRule } from '../../../api/types/workloads.js';
import { judgeFailure } from './failure-policy.js';
import { formatIndexes, parseIndexes } from './indexes.js';
import { planJob } from './plan.js';
import { jobPod } from './pods.js';
import { jobWith, nowMs, podIn } from './testkit/jobs.js';

function verdict(rules: PodFailureRule[], pod = podIn('p', { phase: 'Failed', exitCode: 42 })) {
  return judgeFailure(jobWith({ podFailurePolicy: { rules } }).spec, pod);
}

const exit = (operator: string, values: number[], containerName?: string) => ({
  onExitCodes: { operator, values, ...(containerName === undefined ? {} : { containerName }) },
});

describe('podFailurePolicy (KEP-3329)', () => {
  test.each([
    ['no rule', [], 'Count'],
    ['In', [{ action: 'Ignore', ...exit('In', [1, 42]) }], 'Ignore'],
    ['In, other codes', [{ action: 'Ignore', ...exit('In', [1]) }], 'Count'],
    ['NotIn', [{ action: 'FailIndex', ...exit('NotIn', [1]) }], 'FailIndex'],
    ['NotIn, the code', [{ action: 'FailIndex', ...exit('NotIn', [42]) }], 'Count'],
    ['of that container', [{ action: 'Ignore', ...exit('In', [42], 'c') }], 'Ignore'],
    ['of another container', [{ action: 'Ignore', ...exit('In', [42], 'sidecar') }], 'Count'],
    [
      'the first that matches',
      [
        { action: 'Count', ...exit('In', [42]) },
        { action: 'Ignore', ...exit('In', [42]) },
      ],
      'Count',
    ],
  ])('%s', (_, rules, action) => {
    expect(verdict(rules)).toEqual({ action });
  });

  test('exit code 0 never matches', () => {
    const pod = podIn('p', { phase: 'Failed', exitCode: 0 });
    expect(verdict([{ action: 'FailJob', ...exit('NotIn', [1]) }], pod)).toEqual({
      action: 'Count',
    });
  });

  test('FailJob says why', () => {
    const rules: PodFailureRule[] = [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'FailJob', ...exit('In', [42]) },
    ];
    expect(verdict(rules)).toEqual({
      action: 'FailJob',
      message:
        'Container c for pod default/p failed with exit code 42 matching FailJob rule at index 1',
    });
    const disrupted = podIn('p', { phase: 'Failed', exitCode: 42, condition: 'DisruptionTarget' });
    expect(verdict(rules, disrupted)).toEqual({ action: 'Ignore' });
    const byCondition: PodFailureRule = {
      action: 'FailJob',
      onPodConditions: [{ type: 'ConfigIssue', status: 'True' }],
    };
    expect(
      verdict([byCondition], podIn('p', { phase: 'Failed', condition: 'ConfigIssue' })),
    ).toEqual({
      action: 'FailJob',
      message: 'Pod default/p has condition ConfigIssue matching FailJob rule at index 0',
    });
  });

  test('what is ignored does not count, what fails the job ends it', () => {
    const pod = podIn('p', { phase: 'Failed', exitCode: 42 });
    const spec = { backoffLimit: 0, podReplacementPolicy: 'Failed' };
    const ignore = { rules: [{ action: 'Ignore', ...exit('In', [42]) }] };
    const ignored = planJob(jobWith({ ...spec, podFailurePolicy: ignore }), [pod], nowMs);
    expect(ignored.release).toEqual([pod]);
    expect(ignored.status.uncountedTerminatedPods).toEqual({});
    expect(ignored.create).toHaveLength(1);
    const fail = { rules: [{ action: 'FailJob', ...exit('In', [42]) }] };
    const failed = planJob(
      jobWith({ backoffLimit: 6, podFailurePolicy: fail }),
      [pod, podIn('a')],
      nowMs,
    );
    expect(failed.status.conditions?.[0]).toMatchObject({
      type: 'FailureTarget',
      reason: 'PodFailurePolicy',
    });
    expect(failed.end.map(({ metadata }) => metadata.name)).toEqual(['a']);
  });
});

test.each([
  ['', []],
  ['3', [3]],
  ['0,2', [0, 2]],
  ['1,2', [1, 2]],
  ['1-3,7', [1, 2, 3, 7]],
])('indexes: %s', (text, indexes) => {
  expect([...parseIndexes(text)]).toEqual(indexes);
  expect(formatIndexes(new Set(indexes.toReversed()))).toBe(text);
});

describe('the pods of a job', () => {
  test('without indexes: a generated name, and the finalizer', () => {
    const pod = jobPod(jobWith({}), {}, 'abcde');
    expect(pod.metadata).toMatchObject({
      generateName: 'sum-',
      namespace: 'default',
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ownerReferences: [{ kind: 'Job', name: 'sum', uid: 'uid-sum', controller: true }],
    });
    expect(pod.spec.hostname).toBeUndefined();
  });

  test('with an index: name, hostname, label, annotations and variable tell it', () => {
    const job = jobWith({
      template: {
        spec: {
          containers: [{ name: 'c' }, { name: 'own', env: [{ name: 'JOB_COMPLETION_INDEX' }] }],
          initContainers: [{ name: 'i' }],
        },
      },
    });
    const pod = jobPod(job, { index: 3, failures: 2 }, 'abcde');
    const index = 'batch.kubernetes.io/job-completion-index';
    expect(pod.metadata.name).toBe('sum-3-abcde');
    expect(pod.spec.hostname).toBe('sum-3');
    expect(pod.metadata.labels).toEqual({ [index]: '3' });
    expect(pod.metadata.annotations).toEqual({
      [index]: '3',
      'batch.kubernetes.io/job-index-failure-count': '2',
    });
    const variable = {
      name: 'JOB_COMPLETION_INDEX',
      valueFrom: { fieldRef: { fieldPath: `metadata.labels['${index}']` } },
    };
    expect(pod.spec.containers.map(({ env }) => env)).toEqual([
      [variable],
      [{ name: 'JOB_COMPLETION_INDEX' }],
    ]);
    expect(pod.spec.initContainers?.[0]?.env).toEqual([variable]);
  });
});
