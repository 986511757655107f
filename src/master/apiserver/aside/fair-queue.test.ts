import { expect, test } from '@jest/globals';
import { FairQueue } from './fair-queue.js';

test('owners take turns, and items of one stay in order', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.push(item.slice(0, 1), item);
  const order = [queue.shift(), queue.shift()];
  queue.push('d', 'd1');
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) order.push(next);
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'd1', 'a3']);
  expect(queue.shift()).toBeUndefined();
});
