import { describe, expect, test } from '@jest/globals';
import type { CronJob, Job } from '../../../api/types/workloads.js';
import { jobFor, planCronJob, withStarted } from './plan.js';
import { dueTimes, formatInZone } from './schedule.js';

/** A Thursday. */
const day = '2026-01-01';
const at = (time: string): number => Date.parse(`${day}T${time}Z`);

function cronJob(spec: Partial<CronJob['spec']>, status: CronJob['status'] = {}): CronJob {
  return {
    metadata: {
      name: 'report',
      namespace: 'default',
      uid: 'uid-report',
      creationTimestamp: `${day}T00:00:30Z`,
    },
    spec: {
      schedule: '0 * * * *',
      concurrencyPolicy: 'Allow',
      jobTemplate: {
        metadata: { labels: { app: 'report' } },
        spec: { template: { spec: { containers: [{ name: 'c' }] } } },
      },
      ...spec,
    },
    status,
  };
}

function job(name: string, end?: 'Complete' | 'Failed', ended = '01:00:00'): Job {
  const condition = { type: end ?? '', status: 'True', reason: '', message: '' };
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      creationTimestamp: `${day}T0${name.at(-1) ?? '0'}:00:00Z`,
    },
    spec: { template: { spec: { containers: [] } } },
    status:
      end === undefined
        ? {}
        : {
            conditions: [condition],
            ...(end === 'Complete' ? { completionTime: `${day}T${ended}Z` } : {}),
          },
  };
}

function steps(cron: CronJob, jobs: readonly Job[], nowMs: number) {
  const plan = planCronJob(cron, jobs, nowMs);
  return {
    start: plan.startMs === undefined ? undefined : new Date(plan.startMs).toISOString(),
    remove: plan.remove.map(({ metadata }) => metadata.name),
    notices: plan.notices.map(({ type, reason }) => `${type} ${reason}`),
    recheckMs: plan.recheckMs,
    status: plan.status,
  };
}

describe('when a schedule is due', () => {
  test.each([
    ['exactly now', '0 * * * *', '00:00:30', '03:00:00.000', '03:00:00'],
    ['a moment before', '0 * * * *', '02:00:00', '02:59:59.999', undefined],
    ['half a second before', '* * * * *', '02:59:00', '02:59:59.500', undefined],
    ['a while ago', '0 * * * *', '02:00:00', '03:41:00.000', '03:00:00'],
    ['run already', '0 * * * *', '03:00:00', '03:41:00.000', undefined],
    ['the last of several', '0 * * * *', '00:00:30', '05:10:00.000', '05:00:00'],
    ['on Fridays only', '0 * * * 5', '00:00:30', '05:10:00.000', undefined],
    ['steps and lists', '10-20/5,50 4 * * *', '00:00:30', '04:16:00.000', '04:15:00'],
    ['@hourly', '@hourly', '00:00:30', '01:30:00.000', '01:00:00'],
  ])('%s', (_, schedule, since, now, due) => {
    const found = dueTimes(schedule, undefined, at(since), at(now));
    expect(found.dueMs).toBe(due === undefined ? undefined : at(due));
    expect(found.nextMs).toBeGreaterThan(at(now));
  });

  test.each([
    ['UTC', '09:00:00'],
    ['Europe/Berlin', '08:00:00'],
    ['America/New_York', undefined],
    ['Asia/Kolkata', '03:30:00'],
  ])('nine o’clock in %s', (timeZone, due) => {
    const found = dueTimes('0 9 * * *', timeZone, at('00:00:30'), at('09:00:00'));
    expect(found.dueMs).toBe(due === undefined ? undefined : at(due));
  });

  test('the zone decides the offset that is written', () => {
    const summer = Date.parse('2026-07-01T12:00:00Z');
    expect(formatInZone(at('12:00:00'))).toBe('2026-01-01T12:00:00Z');
    expect(formatInZone(at('12:00:00'), 'Europe/Berlin')).toBe('2026-01-01T13:00:00+01:00');
    expect(formatInZone(summer, 'Europe/Berlin')).toBe('2026-07-01T14:00:00+02:00');
    expect(formatInZone(at('12:00:00'), 'America/St_Johns')).toBe('2026-01-01T08:30:00-03:30');
  });

  test('one that is never due is told apart from one that cannot be read', () => {
    expect(() => dueTimes('59 23 31 2 *', undefined, at('00:00:00'), at('01:00:00'))).toThrow(
      'time difference between two schedules is less than 1 second',
    );
  });

  test.each([
    [100, false],
    [101, true],
  ])('%d missed times', (minutes, tooMany) => {
    const sinceMs = at('00:00:00');
    const found = dueTimes('* * * * *', undefined, sinceMs, sinceMs + minutes * 60_000);
    expect(found.tooMany).toBe(tooMany);
  });
});

describe('starting jobs', () => {
  test('the first time after the creation', () => {
    expect(steps(cronJob({}), [], at('00:59:00'))).toMatchObject({
      start: undefined,
      recheckMs: 60_010,
    });
    expect(steps(cronJob({}), [], at('01:00:00'))).toMatchObject({
      start: `${day}T01:00:00.000Z`,
      recheckMs: 3_600_010,
    });
  });

  test('more than 100 missed: a warning, and only the last runs', () => {
    const plan = steps(cronJob({ schedule: '* * * * *' }), [], at('05:00:00'));
    expect(plan.notices).toEqual(['Warning TooManyMissedTimes']);
    expect(plan.start).toBe(`${day}T05:00:00.000Z`);
  });

  test.each([
    ['within it', 600, '01:09:59', true],
    ['past it', 600, '01:10:00', false],
    ['none: however late', undefined, '01:59:00', true],
  ])('startingDeadlineSeconds, %s', (_, startingDeadlineSeconds, now, starts) => {
    const spec = startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds };
    expect(steps(cronJob(spec), [], at(now)).start !== undefined).toBe(starts);
  });

  test('startingDeadlineSeconds bounds how many times count as missed', () => {
    const cron = cronJob({ schedule: '* * * * *', startingDeadlineSeconds: 200 });
    const plan = steps(cron, [], at('05:00:00'));
    expect(plan.notices).toEqual([]);
    expect(plan.start).toBe(`${day}T05:00:00.000Z`);
  });

  test.each([
    ['Allow', true, [], []],
    ['Forbid', false, [], ['Normal JobAlreadyActive']],
    ['Replace', true, ['report-1'], []],
  ])('concurrencyPolicy %s, one runs', (concurrencyPolicy, starts, remove, notices) => {
    const status = { active: [{ name: 'report-1', uid: 'report-1' }] };
    const cron = cronJob({ concurrencyPolicy }, status);
    const plan = steps(cron, [job('report-1')], at('02:00:00'));
    expect(plan.start !== undefined).toBe(starts);
    expect(plan.remove).toEqual(remove);
    expect(plan.notices).toEqual(notices);
    expect(plan.recheckMs).toBe(3_600_010);
  });

  // Seed 58 of the simulated control plane: a conflict kept the status from being written, and the job was replaced
  // again and again.
  test.each(['Allow', 'Forbid', 'Replace'])(
    'concurrencyPolicy %s, the job of this time is there without the status saying so',
    (concurrencyPolicy) => {
      const cron = cronJob({ concurrencyPolicy });
      const plan = steps(cron, [jobFor(cron, at('02:00:00'))], at('02:00:00'));
      expect(plan.start).toBe(`${day}T02:00:00.000Z`);
      expect(plan.remove).toEqual([]);
    },
  );

  test.each(['Allow', 'Forbid', 'Replace'])(
    'concurrencyPolicy %s, a job that somebody has made by hand is not in the way',
    (concurrencyPolicy) => {
      const plan = steps(cronJob({ concurrencyPolicy }), [job('report-1')], at('02:00:00'));
      expect(plan.start).toBe(`${day}T02:00:00.000Z`);
      expect(plan.remove).toEqual([]);
      expect(plan.notices).toEqual(['Warning UnexpectedJob']);
      expect(plan.status).toEqual({});
    },
  );

  test('an active job that is gone is told of, and active no more', () => {
    const cron = cronJob({ suspend: true }, { active: [{ name: 'report-1', uid: 'u' }] });
    const plan = planCronJob(cron, [], at('01:30:00'));
    expect(plan.notices).toEqual([
      { type: 'Normal', reason: 'MissingJob', message: 'Active job went missing: report-1' },
    ]);
    expect(plan.status).toEqual({});
  });

  test('what is replaced is active no more', () => {
    const cron = cronJob(
      { concurrencyPolicy: 'Replace' },
      { active: [{ name: 'report-1', uid: 'report-1' }] },
    );
    expect(steps(cron, [job('report-1')], at('02:00:00')).status).toEqual({});
  });

  test('a zone that nobody knows is told of even while it rests', () => {
    const plan = steps(cronJob({ suspend: true, timeZone: 'No/Where' }), [], at('01:00:00'));
    expect(plan.notices).toEqual(['Warning UnknownTimeZone']);
  });

  test('Forbid runs what was missed once the job has ended', () => {
    const cron = cronJob({ concurrencyPolicy: 'Forbid' });
    const plan = steps(cron, [job('report-1', 'Complete')], at('02:20:00'));
    expect(plan.start).toBe(`${day}T02:00:00.000Z`);
  });

  test('suspend: nothing starts, history is kept up', () => {
    const jobs = [1, 2, 3, 4, 5].map((n) => job(`report-${n}`, 'Complete'));
    const plan = steps(cronJob({ suspend: true }), jobs, at('06:00:00'));
    expect(plan).toMatchObject({ start: undefined, recheckMs: undefined });
    expect(plan.remove).toEqual(['report-1', 'report-2']);
  });

  test.each([
    [
      { schedule: '61 * * * *' },
      'UnparseableSchedule',
      /^unparseable schedule: "61 \* \* \* \*" : /,
    ],
    [{ timeZone: 'Nowhere/Land' }, 'UnknownTimeZone', /^invalid timeZone: "Nowhere\/Land": /],
  ])('%j', (spec, reason, message) => {
    const plan = planCronJob(cronJob(spec), [], at('01:00:00'));
    expect(plan.startMs).toBeUndefined();
    expect(plan.recheckMs).toBeUndefined();
    expect(plan.notices[0]?.reason).toBe(reason);
    expect(plan.notices[0]?.message).toMatch(message);
  });
});

describe('history and status', () => {
  const jobs = [
    job('report-1', 'Failed'),
    job('report-2', 'Complete', '02:00:09'),
    job('report-3', 'Failed'),
    job('report-4', 'Complete', '04:00:09'),
    job('report-5'),
  ];

  test.each([
    [{}, ['report-1']],
    [{ failedJobsHistoryLimit: 2 }, []],
    [{ failedJobsHistoryLimit: 0 }, ['report-1', 'report-3']],
    [{ successfulJobsHistoryLimit: 1 }, ['report-2', 'report-1']],
    [
      { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 },
      ['report-2', 'report-4', 'report-1', 'report-3'],
    ],
  ])('%j: the oldest go', (limits, remove) => {
    expect(steps(cronJob({ ...limits, suspend: true }), jobs, at('06:00:00')).remove).toEqual(
      remove,
    );
  });

  test('what ended is told once, and the last success kept', () => {
    const active = ['report-4', 'report-5'].map((uid) => ({ name: uid, uid }));
    const lastScheduleTime = `${day}T05:00:00Z`;
    const plan = planCronJob(cronJob({}, { active, lastScheduleTime }), jobs, at('05:30:00'));
    expect(plan.notices.map(({ message }) => message)).toEqual([
      'Saw completed job: report-4, condition: Complete',
    ]);
    expect(plan.status).toEqual({
      lastScheduleTime,
      lastSuccessfulTime: `${day}T04:00:09Z`,
      active: [
        {
          apiVersion: 'batch/v1',
          kind: 'Job',
          name: 'report-5',
          namespace: 'default',
          uid: 'report-5',
        },
      ],
    });
  });

  test('a last success whose job is gone stays', () => {
    const cron = cronJob({ suspend: true }, { lastSuccessfulTime: `${day}T05:00:00Z` });
    expect(steps(cron, jobs, at('06:00:00')).status.lastSuccessfulTime).toBe(`${day}T05:00:00Z`);
  });

  test('the job of a time: named after its minute, so that no time runs twice', () => {
    const made = jobFor(cronJob({ timeZone: 'Europe/Berlin' }), at('01:00:00'));
    expect(made.metadata).toMatchObject({
      name: `report-${at('01:00:00') / 60_000}`,
      namespace: 'default',
      labels: { app: 'report' },
      annotations: {
        'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T02:00:00+01:00',
      },
      ownerReferences: [{ kind: 'CronJob', name: 'report', controller: true }],
    });
    const status = withStarted({ active: [{ uid: 'x' }] }, job('report-1'), at('01:00:00'));
    expect(status.lastScheduleTime).toBe(`${day}T01:00:00Z`);
    expect(status.active?.map(({ uid }) => uid)).toEqual(['x', 'report-1']);
    expect(withStarted(status, job('report-1'), at('01:00:00')).active).toHaveLength(2);
  });
});
