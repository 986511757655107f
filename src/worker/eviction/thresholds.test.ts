import { expect, test } from '@jest/globals';
import { quantityOf } from '../../api/quantity.js';
import type { EvictionFlags } from './thresholds.js';
import { amountOfValue, defaultEvictionFlags, readEvictionFlags } from './thresholds.js';

const read = (flags: Partial<EvictionFlags> = {}): ReturnType<typeof readEvictionFlags> =>
  readEvictionFlags({ ...defaultEvictionFlags, ...flags });

test("the defaults are kubelet's", () => {
  const { thresholds, transitionMs, podGraceSecondsMax } = read();
  const capacity = quantityOf(1000, 'BinarySI');
  const told = thresholds.map(({ signal, value }) => [
    signal,
    amountOfValue(value, capacity).toString(),
  ]);
  expect(told).toEqual([
    ['memory.available', '100Mi'],
    ['nodefs.available', '100'],
    ['nodefs.inodesFree', '50'],
    ['imagefs.available', '150'],
    ['imagefs.inodesFree', '50'],
  ]);
  expect({ transitionMs, podGraceSecondsMax }).toEqual({
    transitionMs: 300_000,
    podGraceSecondsMax: 0,
  });
});

test('soft thresholds have their grace, all their minimum to be reclaimed', () => {
  const { thresholds } = read({
    evictionHard: 'pid.available<0%,nodefs.available<5%',
    evictionSoft: 'nodefs.available<1Gi',
    evictionSoftGracePeriod: 'nodefs.available=1m30s',
    evictionMinimumReclaim: 'nodefs.available=500Mi',
  });
  const minReclaim = { quantity: expect.anything() };
  expect(thresholds).toEqual([
    { signal: 'nodefs.available', value: { share: 0.05 }, graceMs: 0, minReclaim },
    { signal: 'nodefs.available', value: minReclaim, graceMs: 90_000, minReclaim },
  ]);
});

test.each([
  [{ evictionHard: 'disk<5%' }, '--eviction-hard: unsupported eviction signal disk'],
  [{ evictionHard: 'memory.available=5' }, '--eviction-hard: malformed pair, expect string<string'],
  [{ evictionHard: 'memory.available<0' }, 'eviction threshold memory.available must be positive'],
  [{ evictionHard: 'memory.available<x' }, 'quantities must match the regular expression'],
  [{ evictionHard: 'nodefs.available<101%' }, '101% is not a share from 0% to 100%'],
  [
    { evictionSoft: 'memory.available<1Gi' },
    'grace period must be specified for the soft eviction threshold memory.available',
  ],
  [{ evictionPressureTransitionPeriod: 'soon' }, '"soon" is not a duration'],
  [{ evictionMaxPodGracePeriod: '-1' }, '"-1" is not a number of seconds'],
])('%j is refused', (flags, words) => {
  expect(() => read(flags)).toThrow(words);
});
