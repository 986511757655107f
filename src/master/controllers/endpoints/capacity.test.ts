import { expect, test } from '@jest/globals';
import { truncated } from './capacity.js';

const many = (count: number) => Array.from({ length: count }, (_, at) => ({ ip: `10.0.0.${at}` }));
const subset = (ready: number, others: number, port = 1) => ({
  ...(ready === 0 ? {} : { addresses: many(ready) }),
  ...(others === 0 ? {} : { notReadyAddresses: many(others) }),
  ports: [{ port }],
});

test.each([
  ['room for all', [subset(900, 100)], undefined],
  ['too many ready: the others are left out', [subset(1200, 5)], [[1000, 0]]],
  ['too many others: the ready ones stay', [subset(990, 30)], [[990, 10]]],
  [
    'each subset by its share',
    [subset(900, 0), subset(300, 9, 2)],
    [
      [750, 0],
      [250, 0],
    ],
  ],
  [
    'shares are rounded up, the last gets what is left',
    [subset(1, 0), subset(1, 0, 2), subset(1500, 0, 3)],
    [
      [1, 0],
      [1, 0],
      [998, 0],
    ],
  ],
])('%s', (_, subsets, wanted) => {
  const counts = truncated(subsets)?.map(({ addresses = [], notReadyAddresses = [] }) => [
    addresses.length,
    notReadyAddresses.length,
  ]);
  expect(counts).toEqual(wanted);
});
