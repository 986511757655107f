import { describe, expect, test } from '@jest/globals';
import { checkAppends } from './append-workload.js';
import type { Append, AppendSnapshot } from './append-workload.js';
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
