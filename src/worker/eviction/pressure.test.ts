import { expect, test } from '@jest/globals';
import { quantityOf } from '../../api/quantity.js';
import type { PressureState } from './pressure.js';
import { lookAtPressure, noPressure } from './pressure.js';
import type { EvictionFlags } from './thresholds.js';
import { defaultEvictionFlags, readEvictionFlags } from './thresholds.js';

/** Looks again and again; each look is the time in seconds and the share of each that is left. */
function looks(
  flags: Partial<EvictionFlags>,
  steps: readonly (readonly [number, { readonly disk?: number; readonly memory?: number }])[],
): (readonly [readonly string[], readonly string[]])[] {
  const settings = readEvictionFlags({ ...defaultEvictionFlags, ...flags });
  const of = (
    share: number,
  ): { available: ReturnType<typeof quantityOf>; capacity: ReturnType<typeof quantityOf> } => ({
    available: quantityOf(share * 10_000, 'BinarySI'),
    capacity: quantityOf(10_000, 'BinarySI'),
  });
  let state: PressureState = noPressure;
  return steps.map(([seconds, { disk = 1, memory = 1 }]) => {
    const look = lookAtPressure(state, {
      ...settings,
      nowMs: seconds * 1000,
      observations: new Map([
        ['nodefs.available', of(disk)],
        ['memory.available', of(memory)],
      ]),
    });
    state = look.state;
    return [look.conditions, look.due.map(({ signal }) => signal)];
  });
}

const hard = { evictionHard: 'nodefs.available<10%,memory.available<10%' };

test('a condition stays for the transition period after it was last met', () => {
  expect(
    looks(hard, [
      [0, {}],
      [10, { disk: 0.05 }],
      [20, {}],
      [309, {}],
      [311, {}],
    ]),
  ).toEqual([
    [[], []],
    [['DiskPressure'], ['nodefs.available']],
    [['DiskPressure'], []],
    [['DiskPressure'], []],
    [[], []],
  ]);
});

test('memory is acted on before the disk', () => {
  expect(looks(hard, [[0, { disk: 0, memory: 0 }]])).toEqual([
    [
      ['DiskPressure', 'MemoryPressure'],
      ['memory.available', 'nodefs.available'],
    ],
  ]);
});

test('a threshold that was met is met until the minimum is reclaimed', () => {
  const flags = { ...hard, evictionMinimumReclaim: 'nodefs.available=10%' };
  const due = looks(flags, [
    [0, { disk: 0.15 }],
    [10, { disk: 0.05 }],
    [20, { disk: 0.15 }],
    [30, { disk: 0.25 }],
    [40, { disk: 0.15 }],
  ]).map(([, signals]) => signals.length);
  expect(due).toEqual([0, 1, 1, 0, 0]);
});

test('a soft threshold counts when it has been met for its grace period', () => {
  const flags = {
    evictionHard: '',
    evictionSoft: 'nodefs.available<10%',
    evictionSoftGracePeriod: 'nodefs.available=30s',
  };
  const low = { disk: 0.05 };
  expect(
    looks(flags, [
      [0, low],
      [20, low],
      [25, {}],
      [28, low],
      [57, low],
      [58, low],
    ]),
  ).toEqual([
    [['DiskPressure'], []],
    [['DiskPressure'], []],
    [['DiskPressure'], []],
    [['DiskPressure'], []],
    [['DiskPressure'], []],
    [['DiskPressure'], ['nodefs.available']],
  ]);
});
