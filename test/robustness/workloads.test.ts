import { describe, expect, test } from '@jest/globals';
import { checkAppends } from './append-workload.js';
import type { Append, AppendSnapshot } from './append-workload.js';
import { checkAuth } from './auth-history.js';
import type { Probe, Subject } from './auth-history.js';
import { checkLock } from './lock-workload.js';
import type { Holding } from './lock-workload.js';
import { checkSet } from './set-workload.js';

test('a set keeps what was acknowledged and holds nothing else', () => {
  const history = { acknowledged: ['a', 'b'], unknown: ['c', 'd'] };
  expect(checkSet(history, ['a', 'b', 'c'])).toEqual([]);
  expect(checkSet(history, ['a', 'c'])).toHaveLength(1);
  expect(checkSet(history, ['a', 'b', 'e'])).toHaveLength(1);
});

describe('appends', () => {
  const snapshot = (calledAt: number, all: string, x = '', y = '', z = ''): AppendSnapshot => ({
    calledAt,
    all: all.split(''),
    lists: { x: x.split(''), y: y.split(''), z: z.split('') },
  });
  const append = (id: string, to: string, returnedAt?: number): Append => ({
    id,
    to: to.split('') as Append['to'],
    outcome: returnedAt === undefined ? 'unknown' : 'done',
    returnedAt: returnedAt ?? Infinity,
  });
  const appends = [append('1', 'xy', 2), append('2', 'yz', 4), append('3', 'xz')];
  const last = snapshot(9, '12', '1', '12', '2');

  test.each<[string, number, AppendSnapshot[], AppendSnapshot?]>([
    ['all well', 0, [snapshot(1, ''), snapshot(3, '1', '1', '1'), last]],
    ['one seen before it returned', 0, [snapshot(3, '12', '1', '12', '2')]],
    ['the unknown happened', 0, [], snapshot(9, '123', '13', '12', '23')],
    ['a stale snapshot', 1, [snapshot(5, '1', '1', '1')]],
    ['half of a transaction', 1, [snapshot(3, '1', '1', '')]],
    ['another order', 4, [snapshot(3, '2', '', '2', '2')]],
    ['one is lost', 1, [], snapshot(9, '1', '1', '1')],
    ['one is there twice', 3, [], snapshot(9, '122', '1', '12', '2')],
    ['one from nowhere', 1, [], snapshot(9, '124', '1', '12', '2')],
  ])('%s', (_name, count, snapshots, end = last) => {
    expect(checkAppends({ snapshots, appends }, end)).toHaveLength(count);
  });
});

describe('a lock', () => {
  const holding = (revision: number, acquiredAt: number, other: Partial<Holding>): Holding => ({
    revision,
    acquiredAt,
    validUntil: acquiredAt + 10,
    releasedAt: Infinity,
    writes: [],
    ...other,
  });
  test.each<[string, number, Holding[]]>([
    ['given back', 0, [holding(2, 0, { releasedAt: 3, writes: [3, 4] }), holding(5, 4, {})]],
    ['expired', 0, [holding(2, 0, {}), holding(5, 11, { writes: [6] })]],
    ['expired too early', 1, [holding(2, 0, {}), holding(5, 9, {})]],
    ['given back too late', 1, [holding(2, 0, { releasedAt: 8 }), holding(5, 5, {})]],
    ['written after the next took it', 1, [holding(2, 0, { writes: [7] }), holding(5, 11, {})]],
    ['given to two', 1, [holding(2, 0, {}), holding(2, 20, {})]],
  ])('%s', (_name, count, holdings) => {
    expect(checkLock({ holdings })).toHaveLength(count);
  });
});

describe('rights', () => {
  const probe = (calledAt: number, allowed: boolean, password = 0): Probe => {
    return { calledAt, returnedAt: calledAt + 1, allowed, password, member: 0, call: 'get' };
  };
  const changes = [
    { allowed: true, calledAt: 10, returnedAt: 12 },
    { allowed: false, calledAt: 20, returnedAt: 22 },
    { allowed: true, calledAt: 30, returnedAt: Infinity },
  ];
  const passwords = [{ calledAt: 14, returnedAt: 16 }];
  const judged = (...probes: Probe[]): string[] => {
    const subject: Subject = { name: 'u', changes, passwords, probes };
    return checkAuth({ subjects: [subject], statuses: [], acknowledged: [], problems: [] });
  };
  test.each<[string, number, Probe]>([
    ['none yet, refused', 0, probe(5, false)],
    ['none yet, let through', 1, probe(5, true)],
    ['while it is given', 0, probe(11, true)],
    ['while it is given, not yet', 0, probe(11, false)],
    ['given, refused', 1, probe(13, false)],
    ['given, with an old password', 1, probe(17, true)],
    ['given, with the new password', 0, probe(17, true, 1)],
    ['while it is taken', 0, probe(21, true, 1)],
    ['taken, let through', 1, probe(23, true, 1)],
    ['taken, refused', 0, probe(23, false)],
    ['given or not, for ever', 0, probe(99, false)],
    ['given or not, for ever', 0, probe(99, true, 1)],
  ])('%s: %d', (_name, count, one) => {
    expect(judged(one)).toHaveLength(count);
  });

  test('the revision never falls and counts every change', () => {
    const judge = (second: number, acknowledged: number[]): number =>
      checkAuth({
        subjects: [],
        statuses: [
          { calledAt: 1, returnedAt: 2, revision: 5 },
          { calledAt: 3, returnedAt: 4, revision: second },
        ],
        acknowledged,
        problems: [],
      }).length;
    expect(judge(5, [])).toBe(0);
    expect(judge(4, [])).toBe(1);
    expect(judge(6, [0, 0, 0, 0, 2.5])).toBe(0);
    expect(judge(5, [0, 0, 0, 0, 2.5])).toBe(1);
  });
});
