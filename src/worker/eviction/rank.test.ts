import { expect, test } from '@jest/globals';
import { quantityOf } from '../../api/quantity.js';
import type { Pod } from '../../api/types/core.js';
import { refusalUnderPressure } from './admission.js';
import type { StarvedResource } from './pressure.js';
import type { PodUse } from './rank.js';
import { evictionMessage, isCriticalPod, rankForEviction } from './rank.js';
import { defaultEvictionFlags, readEvictionFlags } from './thresholds.js';

function pod(name: string, requests: Record<string, string> = {}, priority = 0): Pod {
  const containers = [{ name: 'c', image: 'i', resources: { requests } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, priority } };
}

function use(one: Pod, total: number | undefined): PodUse {
  return { pod: one, total, containers: new Map(total === undefined ? [] : [['c', total]]) };
}

const rows: [StarvedResource, PodUse[], string[]][] = [
  [
    'memory',
    [
      use(pod('within its request', { memory: '1Gi' }), 2 ** 29),
      use(pod('important', {}, 100), 2 ** 30),
      use(pod('a little more than asked', { memory: '1Mi' }), 2 ** 21),
      use(pod('much more than asked', { memory: '1Mi' }), 2 ** 30),
      use(pod('unknown'), undefined),
    ],
    [
      'unknown',
      'much more than asked',
      'a little more than asked',
      'important',
      'within its request',
    ],
  ],
  [
    'ephemeral-storage',
    [
      use(pod('within', { 'ephemeral-storage': '1Gi' }, -1), 2 ** 29),
      use(pod('more'), 10),
      use(pod('most'), 11),
    ],
    ['most', 'more', 'within'],
  ],
  ['pids', [use(pod('few'), 1), use(pod('many'), 9), use(pod('less'), 0)], ['many', 'few', 'less']],
];

test.each(rows)('the order for %s', (resource, uses, order) => {
  expect(rankForEviction(uses, resource).map((one) => one.pod.metadata.name)).toEqual(order);
});

test('the message names what is short, the threshold, and who uses more than asked', () => {
  const { thresholds } = readEvictionFlags(defaultEvictionFlags);
  const due = thresholds.filter(({ signal }) => signal === 'nodefs.available');
  const observations = new Map([
    [
      'nodefs.available' as const,
      { available: quantityOf(2 ** 20, 'BinarySI'), capacity: quantityOf(2 ** 30, 'BinarySI') },
    ],
  ]);
  const asked = pod('p', { 'ephemeral-storage': '1Mi' });
  expect(evictionMessage(use(asked, 2 ** 21), due, observations)).toBe(
    'The node was low on resource: ephemeral-storage. Threshold quantity: 107374182, available: 1Mi. ' +
      'Container c was using 2Mi, request is 1Mi, has larger consumption of ephemeral-storage. ',
  );
  expect(evictionMessage(use(asked, 2 ** 19), due, new Map())).toBe(
    'The node was low on resource: ephemeral-storage. ',
  );
});

test('critical pods are never evicted, and always taken', () => {
  const critical = pod('c', {}, 2_000_000_000);
  expect(isCriticalPod(critical)).toBe(true);
  expect(isCriticalPod(pod('p', {}, 1_999_999_999))).toBe(false);
  expect(refusalUnderPressure(critical, ['DiskPressure'])).toBeUndefined();
});

test('a node that runs out of something takes no pods; without memory only those that ask for some', () => {
  const asks = pod('asks', { memory: '1Mi' });
  expect(refusalUnderPressure(asks, [])).toBeUndefined();
  expect(refusalUnderPressure(asks, ['MemoryPressure'])).toBeUndefined();
  expect(refusalUnderPressure(pod('p'), ['MemoryPressure'])?.message).toBe(
    'The node had condition: [MemoryPressure]. ',
  );
  const tolerant = pod('t');
  tolerant.spec.tolerations = [{ operator: 'Exists' }];
  expect(refusalUnderPressure(tolerant, ['MemoryPressure'])).toBeUndefined();
  expect(refusalUnderPressure(asks, ['DiskPressure', 'MemoryPressure'])).toEqual({
    reason: 'Evicted',
    message: 'The node had condition: [DiskPressure MemoryPressure]. ',
  });
});
