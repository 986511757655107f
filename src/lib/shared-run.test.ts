import { expect, test } from '@jest/globals';
import { SharedRun } from './shared-run.js';

/** A task whose runs end when they are told to. */
function controlled(): { shared: SharedRun; ends: ((error?: Error) => void)[] } {
  const ends: ((error?: Error) => void)[] = [];
  const shared = new SharedRun(
    () =>
      new Promise<void>((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
  );
  return { shared, ends };
}

test('who asks while it runs shares the next run', async () => {
  const { shared, ends } = controlled();
  const first = shared.run();
  const [second, third] = [shared.run(), shared.run()];
  expect(second).toBe(third);
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await first;
  expect(ends).toHaveLength(2);
  // It has begun: who comes now waits for another.
  const fourth = shared.run();
  expect(fourth).not.toBe(second);
  ends[1]?.();
  await second;
  ends[2]?.();
  await fourth;
  expect(ends).toHaveLength(3);
});

test('a run that fails fails for those who asked for it, and the next one runs', async () => {
  const { shared, ends } = controlled();
  const first = shared.run();
  const second = shared.run();
  ends[0]?.(new Error('no answer'));
  await expect(first).rejects.toThrow('no answer');
  ends[1]?.();
  await expect(second).resolves.toBeUndefined();
  const third = shared.run();
  ends[2]?.();
  await expect(third).resolves.toBeUndefined();
});
