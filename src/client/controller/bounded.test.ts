import { expect, test } from '@jest/globals';
import { forEachBounded, slowStart, throwGathered } from './bounded.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more than the limit run at once, and all run', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const errors = await forEachBounded([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await settled();
    running -= 1;
    if (item === 2) throw new Error('two');
    done.push(item);
  });
  expect([most, done, errors.map(String)]).toEqual([2, [1, 3, 4, 5], ['Error: two']]);
});

test.each<[string, number, number[]]>([
  ['all succeed', -1, [1, 3, 7, 10]],
  ['the first fails: it is the only one', 0, [1]],
  ['one of the second batch fails: no third', 2, [1, 3]],
])('slow start: %s', async (_, failing, batches) => {
  const called: number[] = [];
  const ends: number[] = [];
  const { successes, errors } = await slowStart(10, 100, async (index) => {
    called.push(index);
    await settled();
    if (!ends.includes(called.length)) ends.push(called.length);
    if (index === failing) throw new Error('refused');
  });
  expect(ends).toEqual(batches);
  expect(successes).toBe(called.length - errors.length);
  expect(errors).toHaveLength(failing < 0 ? 0 : 1);
});

test('one error is thrown as it is, several together', () => {
  const [one, two] = [new Error('one'), new Error('two')];
  expect(() => throwGathered([])).not.toThrow();
  expect(() => throwGathered([one])).toThrow(one);
  expect(() => throwGathered([one, two])).toThrow('2 calls failed; the first: Error: one');
});
