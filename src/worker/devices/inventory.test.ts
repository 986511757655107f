import { expect, test } from '@jest/globals';
import { Inventory } from './inventory.js';

const gpu = 'example.com/gpu';
const device = (id: string, isHealthy = true) => ({ id, isHealthy });

test('devices that are not healthy are in the capacity, and may not be given', () => {
  const inventory = new Inventory();
  inventory.update(gpu, [device('a'), device('b', false), device('c')]);
  expect(inventory.figures(0)).toEqual({ capacity: { [gpu]: '3' }, allocatable: { [gpu]: '2' } });
  expect(inventory.healthy(gpu)).toEqual(new Set(['a', 'c']));
});

test('what a plugin had that is gone stays in the capacity for five minutes, then is nothing', () => {
  const inventory = new Inventory();
  inventory.update(gpu, [device('a')]);
  inventory.leave(gpu, 1_000);
  expect(inventory.figures(300_999)).toEqual({
    capacity: { [gpu]: '1' },
    allocatable: { [gpu]: '0' },
  });
  expect(inventory.healthy(gpu)).toEqual(new Set());
  for (const nowMs of [301_000, 302_000]) {
    expect(inventory.figures(nowMs)).toEqual({
      capacity: { [gpu]: '0' },
      allocatable: { [gpu]: '0' },
    });
  }
  expect(inventory.has(gpu)).toBe(false);
  inventory.update(gpu, [device('a')]);
  expect(inventory.figures(303_000).allocatable).toEqual({ [gpu]: '1' });
});

test('resources of an earlier agent offer nothing until their plugins come back', () => {
  const inventory = new Inventory();
  inventory.expect([gpu], 0);
  expect(inventory.figures(1)).toEqual({ capacity: { [gpu]: '0' }, allocatable: { [gpu]: '0' } });
  expect(inventory.names).toEqual([gpu]);
});
