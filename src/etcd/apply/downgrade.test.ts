import { expect, test } from '@jest/globals';
import { clusterVersionOf, downgradeTargetOf } from './downgrade.js';

test('versions as etcd reads them', () => {
  expect(['3.4', '3.4.0', '3.4.23', '3.4.0-rc.1'].map(clusterVersionOf)).toEqual(
    Array.from({ length: 4 }, () => '3.4.0'),
  );
  expect(['', '3', 'v3.4', 'bad', '3.4.x'].map(clusterVersionOf)).toEqual(
    Array.from({ length: 5 }, () => undefined),
  );
  expect(downgradeTargetOf('3.5.0')).toBe('3.4.0');
});
