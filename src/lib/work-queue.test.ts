import { describe, expect, test } from '@jest/globals';
import { ManualClock } from './clock.js';
import { silentLogger } from './log.js';
import { WorkQueue } from './work-queue.js';

describe('WorkQueue', () => {
  test('a key added while it is worked on comes once more, never at the same time', async () => {
    let running = 0;
    let calls = 0;
    const queue: WorkQueue = new WorkQueue({
      name: 'test',
      clock: new ManualClock(),
      log: silentLogger,
      workers: 4,
      reconcile: async () => {
        running += 1;
        calls += 1;
        expect(running).toBe(1);
        if (calls === 1) {
          queue.add('a');
          queue.add('a');
        }
        await Promise.resolve();
        running -= 1;
      },
    });
    queue.add('a');
    queue.add('a');
    await queue.whenIdle();
    expect(calls).toBe(2);
  });

  test('failures back off and are forgotten by a success', async () => {
    const clock = new ManualClock();
    const atMs: number[] = [];
    const queue = new WorkQueue({
      name: 'test',
      clock,
      log: silentLogger,
      backOff: { baseMs: 10, maxMs: 40 },
      reconcile: async () => {
        atMs.push(clock.monotonicMs());
        if (atMs.length <= 4) throw new Error('not yet');
      },
    });
    queue.add('a');
    for (let step = 0; step < 20; step++) {
      await queue.whenIdle();
      clock.advance(10);
    }
    expect(atMs).toEqual([0, 10, 30, 70, 110]);
  });

  test('of two delays the sooner holds; stop drops what waits', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const queue = new WorkQueue({
      name: 'test',
      clock,
      log: silentLogger,
      reconcile: async (key) => {
        seen.push(`${key}@${clock.monotonicMs()}`);
      },
    });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 70);
    queue.addAfter('b', 200);
    clock.advance(60);
    await queue.whenIdle();
    await queue.stop();
    clock.advance(1000);
    expect(seen).toEqual(['a@60']);
    expect(clock.pending).toBe(0);
  });
});
