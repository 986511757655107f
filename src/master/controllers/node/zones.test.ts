import { describe, expect, test } from '@jest/globals';
import type { Node } from '../../../api/types/core.js';
import { unknownConditions } from './taints.js';
import { evictionRate, zoneOf, zoneState } from './zones.js';

const flags = {
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  unhealthyZoneThreshold: 0.55,
  largeClusterSizeThreshold: 5,
};

function node(name: string, zone: string, ready: boolean): Node {
  return {
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
  };
}

/** Nodes of a zone: so many in trouble, the first of them `ZONE-0`, then so many that are ready. */
function zone(name: string, troubled: number, ready: number): Node[] {
  return Array.from({ length: troubled + ready }, (_, at) =>
    node(`${name}-${at}`, name, at >= troubled),
  );
}

test.each([
  [[true, true, false], 'Normal'],
  [[false, false, true], 'Normal'],
  [[false, false, false, true], 'PartialDisruption'],
  [[false, false, false, true, true, true], 'Normal'],
  [[false, false], 'FullDisruption'],
  [[], 'Normal'],
] as const)('a zone of %j is in %s', (ready, state) => {
  expect(zoneState(ready, 0.55)).toBe(state);
});

describe('how many nodes a second are evicted', () => {
  test.each([
    ['one of several', [...zone('a', 1, 4)], 0.1],
    ['a whole zone beside one that is fine', [...zone('a', 3, 0), ...zone('b', 0, 1)], 0.1],
    ['everything', [...zone('a', 3, 0), ...zone('b', 2, 0)], 'stopped'],
    ['most of a small zone', [...zone('a', 3, 1), ...zone('b', 0, 1)], 0],
    ['most of a large zone', [...zone('a', 5, 1), ...zone('b', 0, 1)], 0.01],
    ['trouble in another zone', [...zone('a', 1, 4), ...zone('b', 3, 1)], 0.1],
  ] as const)('%s', (_, nodes, rate) => {
    expect(evictionRate(nodes[0]!, nodes, flags)).toBe(rate);
  });

  test('the node counts as in trouble before its conditions say so', () => {
    const nodes = zone('a', 0, 1);
    expect(evictionRate(nodes[0]!, nodes, flags)).toBe('stopped');
  });
});

test('zones of one name in two regions are two', () => {
  const labels = (region: string) => ({
    'topology.kubernetes.io/region': region,
    'topology.kubernetes.io/zone': '1',
  });
  const at = (region: string): Node => ({
    metadata: { name: 'n', labels: labels(region) },
    spec: {},
  });
  expect(zoneOf(at('east'))).not.toBe(zoneOf(at('west')));
});

describe('the conditions of a node that has gone silent', () => {
  const silent = (conditions: NonNullable<Node['status']>['conditions'] & object) =>
    unknownConditions(
      {
        metadata: { name: 'n', creationTimestamp: 'made' },
        spec: {},
        status: { conditions },
      },
      'now',
    ).map(({ type, status, reason, lastHeartbeatTime, lastTransitionTime }) =>
      [type, status, reason, lastHeartbeatTime, lastTransitionTime].join(' '),
    );

  test('those that it reported become Unknown, those that it never did too', () => {
    const ready = { type: 'Ready', status: 'True', lastHeartbeatTime: 'then' };
    expect(silent([ready])).toEqual([
      'Ready Unknown NodeStatusUnknown then now',
      'MemoryPressure Unknown NodeStatusNeverUpdated made now',
      'DiskPressure Unknown NodeStatusNeverUpdated made now',
      'PIDPressure Unknown NodeStatusNeverUpdated made now',
    ]);
  });

  test('those that were Unknown keep their time, and others are left alone', () => {
    const types = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
    const known = types.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      lastHeartbeatTime: 'then',
      lastTransitionTime: 'before',
    }));
    const own = { type: 'Own', status: 'True', reason: 'R' };
    expect(silent([own, ...known])).toEqual([
      'Own True R  ',
      ...types.map((type) => `${type} Unknown NodeStatusUnknown then before`),
    ]);
  });
});
