import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { AutoCompactor } from './auto-compactor.js';

const minuteMs = 60_000;

/** A member whose revisions are written one a second, each of so many bytes. */
function member(maxBytes: number, bytesPerWrite: number) {
  const clock = new ManualClock(0);
  const compacted: { readonly atMs: number; readonly revision: number }[] = [];
  const seconds = (): number => Math.floor(clock.monotonicMs() / 1000);
  const target = {
    isLeader: true,
    get rev() {
      return seconds();
    },
    get putBytes() {
      return seconds() * bytesPerWrite;
    },
    compact: async (revision: number) => {
      compacted.push({ atMs: clock.monotonicMs(), revision });
    },
  };
  const config = { mode: 'periodic', retention: 60 * minuteMs, maxBytes } as const;
  const compactor = new AutoCompactor(config, target, { clock, log: silentLogger });
  compactor.start();
  return { clock, compacted, compactor };
}

test('what is older than the retention goes, an hour after the start', () => {
  const { clock, compacted, compactor } = member(0, 1000);
  clock.advance(60 * minuteMs);
  expect(compacted).toEqual([]);
  clock.advance(6 * minuteMs);
  expect(compacted).toEqual([{ atMs: 66 * minuteMs, revision: 6 * 60 }]);
  compactor.stop();
});

test('of many writes no more stay than the bound, to one look', () => {
  const maxBytes = 1_000_000;
  const { clock, compacted, compactor } = member(maxBytes, 10_000);
  clock.advance(10 * minuteMs);
  const kept = compacted.map(({ atMs, revision }) => atMs / 1000 - revision);
  expect(kept.length).toBeGreaterThan(10);
  // A hundred writes are a million bytes.
  expect(Math.max(...kept)).toBe(100);
  compactor.stop();
});

test('few writes are kept for the whole time', () => {
  const { clock, compacted, compactor } = member(1_000_000, 10);
  clock.advance(60 * minuteMs);
  expect(compacted).toEqual([]);
  compactor.stop();
});
