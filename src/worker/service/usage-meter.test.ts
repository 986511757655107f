import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { ContainerStats } from '../../runtime/types.js';
import { cpuRate, UsageMeter } from './usage-meter.js';

function stats(atMs: number, cpuUsageNanos: number): ContainerStats {
  const memory = { memoryUsageBytes: 0, memoryWorkingSetBytes: 0, memoryRssBytes: 0 };
  return { id: 'c', atMs, cpuUsageNanos, ...memory, pids: 1 };
}

/** A container that uses half a CPU, and a count of the readings that were taken. */
function metered(): { clock: ManualClock; meter: UsageMeter; taken: () => number } {
  const clock = new ManualClock();
  let taken = 0;
  const meter = new UsageMeter(clock, {
    containers: () => {
      taken += 1;
      return Promise.resolve([stats(clock.nowMs(), clock.monotonicMs() * 500_000)]);
    },
    machine: (atMs) => ({ atMs, cpuUsageNanos: 0, memoryUsedBytes: 0, memoryFreeBytes: 0 }),
  });
  return { clock, meter, taken: () => taken };
}

async function rateNow(
  { clock, meter }: ReturnType<typeof metered>,
  waitMs: number,
): Promise<ReturnType<typeof cpuRate>> {
  const reading = meter.read();
  // The first reading is there before the clock goes on.
  await Promise.resolve();
  await Promise.resolve();
  clock.advance(waitMs);
  const { before, last } = await reading;
  const [was, is] = [before.containers.get('c'), last.containers.get('c')];
  if (is === undefined) throw new Error('no reading');
  return cpuRate(is, was);
}

test('the first question measures one second', async () => {
  const parts = metered();
  expect(await rateNow(parts, 1_000)).toEqual({ usageNanoCores: 500_000_000, windowSeconds: 1 });
  expect(parts.taken()).toBe(2);
});

test('questions close to each other share their readings', async () => {
  const parts = metered();
  await rateNow(parts, 1_000);
  parts.clock.advance(9_000);
  expect(await rateNow(parts, 0)).toEqual({ usageNanoCores: 500_000_000, windowSeconds: 1 });
  expect(parts.taken()).toBe(2);
});

test('later ones measure the time since the last', async () => {
  const parts = metered();
  await rateNow(parts, 1_000);
  parts.clock.advance(15_000);
  expect(await rateNow(parts, 0)).toEqual({ usageNanoCores: 500_000_000, windowSeconds: 15 });
});

test('a reading of long ago says nothing of the present', async () => {
  const parts = metered();
  await rateNow(parts, 1_000);
  parts.clock.advance(600_000);
  expect(await rateNow(parts, 1_000)).toEqual({ usageNanoCores: 500_000_000, windowSeconds: 1 });
});

test.each([
  ['a container of this minute counts from its start', 30_000, undefined, 10_000, 250_000_000],
  ['one of this moment has no rate', 30_000, undefined, 25_000, undefined],
  ['nor has one without a time between', 30_000, stats(30_000, 1), 0, undefined],
  ['a counter that went back counts from the start', 30_000, stats(20_000, 9e9), 0, 166_666_667],
])('%s', (_, atMs, before, startedMs, nanoCores) => {
  expect(cpuRate(stats(atMs, 5e9), before, startedMs)?.usageNanoCores).toBe(nanoCores);
});
