import { expect, test } from '@jest/globals';
import { Places } from './places.js';

test('nobody takes all places, and who leaves makes room', async () => {
  const places = new Places({ total: 3, perKey: 2 });
  const leave: ((error?: Error) => void)[] = [];
  const take = (key: string): Promise<void> =>
    places.during(
      key,
      () =>
        new Promise((resolve, reject) => {
          leave.push((error) => (error === undefined ? resolve() : reject(error)));
        }),
    );
  const [first] = [take('a'), take('a')];
  expect([places.lacks('a'), places.lacks('b')]).toEqual(['perKey', undefined]);
  const failing = take('b');
  expect([places.lacks('b'), places.lacks('c')]).toEqual(['total', 'total']);
  leave[2]?.(new Error('gone'));
  await expect(failing).rejects.toThrow('gone');
  expect([places.lacks('a'), places.lacks('b')]).toEqual(['perKey', undefined]);
  leave[0]?.();
  await first;
  expect(places.lacks('a')).toBeUndefined();
});
