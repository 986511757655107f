import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import { msUntilExpiry, planJob } from './plan.js';
import { ago, jobWith, nowMs, podIn } from './testkit/jobs.js';

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

/** Names rather than objects, and the last condition as type and reason. */
function steps(job: Job, pods: readonly Pod[] = []) {
  const plan = planJob(job, pods, nowMs);
  const conditions = (plan.status.conditions ?? []).map(
    ({ type, status, reason }) => `${type}=${status} ${reason ?? ''}`,
  );
  return {
    create: plan.create,
    end: names(plan.end),
    drop: names(plan.drop),
    release: names(plan.release),
    recheckMs: plan.recheckMs,
    conditions,
    status: plan.status,
  };
}

const failedPods = (count: number): Pod[] =>
  Array.from({ length: count }, (_, at) => podIn(`f${at}`, { phase: 'Failed', ended: 1000 }));

describe('how many pods run', () => {
  test.each([
    ['one by default', jobWith({}), [], 1],
    ['as many as parallelism', jobWith({ completions: 9, parallelism: 3 }), [], 3],
    ['no more than are left', jobWith({ completions: 3, parallelism: 3 }, { succeeded: 2 }), [], 1],
    ['those that run count', jobWith({ completions: 9, parallelism: 3 }), [podIn('a')], 2],
    ['none with parallelism 0', jobWith({ completions: 9, parallelism: 0 }), [], 0],
    ['a queue: parallelism pods', jobWith({ parallelism: 2 }), [], 2],
    [
      'a queue after the first success: no new ones',
      jobWith({ parallelism: 2 }, { succeeded: 1 }),
      [podIn('a')],
      0,
    ],
    ['500 at once at most', jobWith({ completions: 900, parallelism: 900 }), [], 500],
    [
      'a pod that is being deleted is replaced at once',
      jobWith({}, { failed: 0 }),
      [podIn('a', { deleted: true, released: true })],
      1,
    ],
    [
      'podReplacementPolicy Failed: it is not replaced before it has ended',
      jobWith({ podReplacementPolicy: 'Failed' }),
      [podIn('a', { deleted: true })],
      0,
    ],
  ])('%s', (_, job, pods, count) => {
    expect(steps(job, pods).create).toHaveLength(count);
  });

  test('those that are too many are dropped, the least far first, and do not count', () => {
    const job = jobWith({ completions: 9, parallelism: 1 });
    const pods = [podIn('ready', { ready: true }), podIn('new', { phase: 'Pending' }), podIn('b')];
    const plan = steps(job, pods);
    expect(plan.drop).toEqual(['new', 'b']);
    expect(plan.status.failed).toBeUndefined();
  });
});

describe('indexed jobs', () => {
  const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 2 };

  test('the lowest free indexes run', () => {
    const plan = steps(jobWith(indexed, { completedIndexes: '1' }), [podIn('a', { index: 0 })]);
    expect(plan.create).toEqual([{ index: 2 }]);
  });

  test('an index is completed once, whoever completes it', () => {
    const pods = [
      podIn('a', { index: 0, phase: 'Succeeded' }),
      podIn('b', { index: 0, phase: 'Succeeded' }),
    ];
    const { status, release } = steps(jobWith(indexed), pods);
    expect(status.completedIndexes).toBe('0');
    expect(status.succeeded).toBe(1);
    expect(release).toEqual(['a', 'b']);
  });

  test('of two pods of an index, and of those beyond the completions, one stays', () => {
    const pods = [
      podIn('a', { index: 0 }),
      podIn('twin', { index: 0, phase: 'Pending' }),
      podIn('beyond', { index: 7 }),
    ];
    const plan = steps(jobWith(indexed), pods);
    expect(plan.drop.toSorted()).toEqual(['beyond', 'twin']);
    expect(plan.create).toEqual([]);
  });

  test('indexes beyond the completions do not count when a job was made smaller', () => {
    const { status } = steps(jobWith({ ...indexed, completions: 3 }, { completedIndexes: '0,5' }));
    expect(status.completedIndexes).toBe('0');
    expect(status.succeeded).toBe(1);
  });

  test('all completed: done', () => {
    const { conditions } = steps(jobWith(indexed, { completedIndexes: '0-3' }));
    expect(conditions).toEqual([
      'SuccessCriteriaMet=True CompletionsReached',
      'Complete=True CompletionsReached',
    ]);
  });

  test.each([
    ['count alone', { succeededCount: 2 }, '0,3', true],
    ['count too low', { succeededCount: 3 }, '0,3', false],
    ['indexes alone: all of them', { succeededIndexes: '0,3' }, '0,3', true],
    ['indexes alone: one is missing', { succeededIndexes: '0-1' }, '0,3', false],
    ['some of the indexes', { succeededIndexes: '2-3', succeededCount: 1 }, '0,3', true],
  ])('successPolicy, %s', (_, rule, completedIndexes, met) => {
    const successPolicy = { rules: [{ succeededCount: 4 }, rule] };
    const job = jobWith({ ...indexed, successPolicy }, { completedIndexes });
    const plan = steps(job, [podIn('a', { index: 1 })]);
    const reached = ['SuccessCriteriaMet=True SuccessPolicy'];
    expect(plan.conditions).toEqual(met ? reached : []);
    // It does not count as failed.
    expect(plan.drop).toEqual(met ? ['a'] : []);
    expect(plan.end).toEqual([]);
    if (met) expect(plan.status.conditions?.[0]?.message).toBe('Matched rules at index 1');
  });
});

describe('failures', () => {
  test('an ended pod is counted once: noted, released, moved', () => {
    const job = jobWith({});
    const failed = podIn('f', { phase: 'Failed', ended: 0 });
    const first = steps(job, [failed]);
    expect(first.status.uncountedTerminatedPods).toEqual({ failed: ['f'] });
    expect(first.status.failed).toBeUndefined();
    expect(first.release).toEqual(['f']);
    const noted = { ...job, status: first.status };
    const second = steps(noted, [failed]);
    expect(second.status.uncountedTerminatedPods).toEqual({ failed: ['f'] });
    const third = steps(noted, [podIn('f', { phase: 'Failed', ended: 0, released: true })]);
    expect(third.status.uncountedTerminatedPods).toEqual({});
    expect(third.status.failed).toBe(1);
  });

  test.each([
    ['six are forgiven by default', {}, 6, false],
    ['the seventh is not', {}, 7, true],
    ['backoffLimit 0: the first', { backoffLimit: 0 }, 1, true],
    ['backoffLimit 2', { backoffLimit: 2 }, 2, false],
  ])('%s', (_, spec, count, over) => {
    const { conditions, create } = steps(jobWith(spec), failedPods(count));
    expect(conditions).toEqual(over ? ['FailureTarget=True BackoffLimitExceeded'] : []);
    expect(create).toHaveLength(over ? 0 : 1);
  });

  test.each([
    [1, 9, 10_000],
    [2, 9, 20_000],
    [3, 0, 40_000],
    [6, 0, 320_000],
    [9, 0, 600_000],
  ])('after %d failures, the last %d s ago, the next pod waits', (failed, ended, backoffMs) => {
    const pods = Array.from({ length: failed }, (_, at) =>
      podIn(`f${at}`, { phase: 'Failed', ended, released: true }),
    );
    const plan = steps(jobWith({ backoffLimit: 99 }, { failed }), pods);
    expect(plan.create).toEqual([]);
    expect(plan.recheckMs).toBe(backoffMs - ended * 1000);
  });

  test('the back-off begins anew after a success', () => {
    const pods = [
      podIn('f1', { phase: 'Failed', ended: 90, released: true }),
      podIn('f2', { phase: 'Failed', ended: 60, released: true }),
      podIn('ok', { phase: 'Succeeded', ended: 30, released: true }),
      podIn('f3', { phase: 'Failed', ended: 4, released: true }),
    ];
    const job = jobWith({ completions: 5, backoffLimit: 99 }, { failed: 3, succeeded: 1 });
    expect(steps(job, pods).recheckMs).toBe(6000);
  });

  test('pods that are being deleted count as failed, unless podReplacementPolicy is Failed', () => {
    const pods = [podIn('a', { deleted: true })];
    expect(steps(jobWith({}), pods).release).toEqual(['a']);
    expect(steps(jobWith({ podReplacementPolicy: 'Failed' }), pods).release).toEqual([]);
  });

  test.each([
    [0, 0, false],
    [0, 1, true],
    [3, 2, false],
    [3, 3, true],
  ])('restartPolicy OnFailure, limit %d: %d restarts', (backoffLimit, restarts, over) => {
    const template = { spec: { containers: [], restartPolicy: 'OnFailure' } };
    const { conditions } = steps(jobWith({ backoffLimit, template }), [podIn('a', { restarts })]);
    expect(conditions).toEqual(over ? ['FailureTarget=True BackoffLimitExceeded'] : []);
  });

  test('FailureTarget first; Failed when all pods are gone and counted', () => {
    const job = jobWith({ backoffLimit: 0, completions: 3, parallelism: 2 });
    const failed = podIn('f', { phase: 'Failed' });
    const first = steps(job, [failed, podIn('a')]);
    expect(first.conditions).toEqual(['FailureTarget=True BackoffLimitExceeded']);
    expect(first.end).toEqual(['a']);
    expect(first.drop).toEqual([]);
    const later = { ...job, status: first.status };
    const ending = podIn('a', { deleted: true, released: true });
    const gone = podIn('f', { phase: 'Failed', released: true });
    expect(steps(later, [ending, gone]).conditions).toHaveLength(1);
    // A pod whose node is gone never says that it has failed.
    const patient = { ...later, spec: { ...later.spec, podReplacementPolicy: 'Failed' } };
    expect(steps(patient, [podIn('a', { deleted: true }), gone]).release).toEqual(['a']);
    expect(steps(later, [gone]).conditions).toEqual([
      'FailureTarget=True BackoffLimitExceeded',
      'Failed=True BackoffLimitExceeded',
    ]);
  });

  test('activeDeadlineSeconds', () => {
    const waiting = steps(jobWith({ activeDeadlineSeconds: 90 }), [podIn('a')]);
    expect(waiting.recheckMs).toBe(30_000);
    const over = steps(jobWith({ activeDeadlineSeconds: 60 }), [podIn('a')]);
    expect(over.conditions).toEqual(['FailureTarget=True DeadlineExceeded']);
    expect(over.end).toEqual(['a']);
  });
});

describe('backoffLimitPerIndex', () => {
  const spec = {
    completionMode: 'Indexed',
    completions: 3,
    parallelism: 3,
    backoffLimitPerIndex: 1,
  };

  test('an index knows how often it has failed, and waits for itself alone', () => {
    const failed = podIn('f', { index: 1, failures: 0, phase: 'Failed', ended: 3 });
    const plan = steps(jobWith(spec), [failed]);
    expect(plan.create).toEqual([
      { index: 0, failures: 0 },
      { index: 2, failures: 0 },
    ]);
    expect(plan.recheckMs).toBe(7000);
    const past = podIn('f', { index: 1, failures: 0, phase: 'Failed', ended: 30 });
    expect(steps(jobWith(spec), [past]).create).toContainEqual({ index: 1, failures: 1 });
  });

  test('beyond the limit the index has failed, and the others go on', () => {
    const plan = steps(jobWith(spec), [podIn('f', { index: 1, failures: 1, phase: 'Failed' })]);
    expect(plan.status.failedIndexes).toBe('1');
    expect(plan.create.map(({ index }) => index)).toEqual([0, 2]);
    expect(plan.conditions).toEqual([]);
  });

  test('maxFailedIndexes', () => {
    const job = jobWith({ ...spec, maxFailedIndexes: 1 }, { failedIndexes: '0,2' });
    expect(steps(job).conditions[0]).toBe('FailureTarget=True MaxFailedIndexesExceeded');
  });

  test('pods that end with their job have not failed their indexes', () => {
    const ended = jobWith({ ...spec, backoffLimitPerIndex: 0, maxFailedIndexes: 0 });
    const first = steps(ended, [podIn('f', { index: 0, failures: 0, phase: 'Failed' })]);
    const job = { ...ended, status: first.status };
    const after = steps(job, [podIn('g', { index: 1, failures: 0, deleted: true })]);
    expect(after.status).toMatchObject({
      failedIndexes: '0',
      uncountedTerminatedPods: { failed: ['g'] },
    });
    const [condition] = first.status.conditions ?? [];
    expect(condition).toMatchObject({ lastProbeTime: ago(0), lastTransitionTime: ago(0) });
  });

  test('every index settled and some failed: the job has failed', () => {
    const job = jobWith(spec, { failedIndexes: '1', completedIndexes: '0,2' });
    expect(steps(job).conditions).toEqual([
      'FailureTarget=True FailedIndexes',
      'Failed=True FailedIndexes',
    ]);
  });
});

describe('suspend', () => {
  test('pods are dropped without counting, and the start is kept', () => {
    const plan = steps(jobWith({ suspend: true, backoffLimit: 0 }), [podIn('a'), podIn('b')]);
    expect(plan.drop).toEqual(['a', 'b']);
    expect(plan.end).toEqual([]);
    expect(plan.conditions).toEqual(['Suspended=True JobSuspended']);
    expect(plan.status.startTime).toBe(jobWith({}).status?.startTime);
    const job = { ...jobWith({ suspend: true, backoffLimit: 0 }), status: plan.status };
    const after = steps(job, [podIn('a', { deleted: true, released: true })]);
    expect(after.conditions).toEqual(['Suspended=True JobSuspended']);
    expect(after.status.failed).toBeUndefined();
  });

  test('resumed: it starts anew, and its deadline counts from then', () => {
    const suspended = { type: 'Suspended', status: 'True', lastTransitionTime: ago(600) };
    const job = jobWith({ activeDeadlineSeconds: 60 }, { conditions: [suspended] });
    const plan = steps(job);
    expect(plan.conditions).toEqual(['Suspended=False JobResumed']);
    expect(plan.status.startTime).toBe(ago(0));
    expect(plan.recheckMs).toBe(60_000);
    expect(plan.create).toHaveLength(1);
  });
});

test('a finished job is left alone, but holds no pod', () => {
  const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: ago(10) }];
  const plan = steps(jobWith({}, { conditions }), [podIn('a', { phase: 'Succeeded' })]);
  expect(plan).toMatchObject({ create: [], end: [], drop: [], release: ['a'] });
  expect(plan.status.conditions).toBe(conditions);
});

test.each([
  ['not finished', {}, [], undefined],
  ['no ttl', {}, ['Complete'], undefined],
  ['later', { ttlSecondsAfterFinished: 100 }, ['Complete'], 90_000],
  ['due', { ttlSecondsAfterFinished: 10 }, ['Failed'], 0],
  ['at once', { ttlSecondsAfterFinished: 0 }, ['Complete'], 0],
])('ttlSecondsAfterFinished: %s', (_, spec, types, waitMs) => {
  const conditions = types.map((type) => ({ type, status: 'True', lastTransitionTime: ago(10) }));
  expect(msUntilExpiry(jobWith(spec, { conditions }), nowMs)).toBe(waitMs);
});
