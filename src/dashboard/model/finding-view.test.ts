import { expect, test } from '@jest/globals';
import { addressOf, toneOfFinding } from './finding-view.js';

test.each([
  ['pod/web-0', '#/pods/shop/web-0'],
  ['service/web', '#/services/shop/web'],
  ['replicaset/web-7c', '#/workloads/replicasets/shop/web-7c'],
  ['horizontalpodautoscaler/web', '#/workloads/horizontalpodautoscalers/shop/web'],
  ['node/worker-1', '#/pods?node=worker-1'],
  ['persistentvolumeclaim/data', undefined],
  ['container app', undefined],
  ['pod/', undefined],
  ['pod/a/b', undefined],
  ['pod/<img src=x>', undefined],
])('%s is shown at %s', (about, address) => {
  expect(addressOf(about, 'shop')).toBe(address);
});

test('a level has its tone', () => {
  const levels = ['ok', 'waiting', 'problem'] as const;
  expect(levels.map((level) => toneOfFinding({ level }))).toEqual(['good', 'busy', 'bad']);
});
