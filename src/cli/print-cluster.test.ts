import { describe, expect, test } from '@jest/globals';
import type { ClusterStatus } from '../gen/cluster.js';
import { describeChanges, renderCluster } from './print-cluster.js';
import { clusterStatus, member } from './testkit/cluster-status.js';

const two = clusterStatus({ members: [member(1, { leader: true }), member(2)] });

/** Returns the lines for a status that becomes another one. */
function said(fields: Partial<ClusterStatus>, before: ClusterStatus | undefined = two): string[] {
  const time = '2026-01-01T12:00:01.500Z';
  return describeChanges(before, { ...two, ...fields, time })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^12:00:01\.500 /, ''));
}

describe('what a watch says', () => {
  test('at first is everything', () => {
    expect(describeChanges(undefined, two)).toBe(
      [
        '12:00:00.250 leader master-1 term 4 index 1201',
        '12:00:00.250 master master-1 is LEADER',
        '12:00:00.250 master master-2 is follower',
        '12:00:00.250 kube-scheduler is active on master-1',
        '12:00:00.250 kube-controller-manager is active on <nobody>',
        '12:00:00.250 node node-1 is Ready',
        '12:00:00.250 node node-2 is NotReady',
        '',
      ].join('\n'),
    );
  });

  test('of the same again is nothing, whatever has only moved on', () => {
    expect(said({})).toEqual([]);
    const later = two.members.map((one) => ({ ...one, raftIndex: 9999, revision: 9999 }));
    expect(said({ members: later })).toEqual([]);
  });

  test.each<[string, Partial<ClusterStatus>, string[]]>([
    [
      'an election',
      { members: [member(1, { term: 5 }), member(2, { term: 5, leader: true })] },
      [
        'leader master-2 term 5 index 1202',
        'master master-1 is follower',
        'master master-2 is LEADER',
      ],
    ],
    [
      'the same leader in another term',
      { members: [member(1, { term: 6, leader: true }), member(2)] },
      ['leader master-1 term 6 index 1201'],
    ],
    [
      'a leader that is gone',
      { members: [member(1, { reachable: false }), member(2)] },
      ['no leader', 'master master-1 is down'],
    ],
    [
      'a master that joins',
      { members: [...two.members, member(3, { learner: true })] },
      ['master master-3 is learner'],
    ],
    [
      'a component that moves',
      { leaders: [{ component: 'kube-scheduler', holder: 'master-2', renewTime: '' }] },
      ['kube-scheduler is active on master-2'],
    ],
    [
      'a node that falls silent, and a new one',
      {
        nodes: [
          { name: 'node-1', ready: false, address: '', message: '', build: '' },
          { name: 'node-3', ready: true, address: '', message: '', build: '' },
        ],
      },
      ['node node-1 is NotReady', 'node node-3 is Ready'],
    ],
  ])('of %s', (_, fields, lines) => {
    expect(said(fields)).toEqual(lines);
  });
});

test('without a quorum nobody knows what components and nodes do', () => {
  const members = [member(1), member(2, { reachable: false }), member(3, { reachable: false })];
  const text = renderCluster(clusterStatus({ members }));
  expect(text).toMatch(/kube-scheduler +<unknown>/);
  expect(text).toMatch(/node-1 +Unknown/);
});

test.each([
  [
    '2026-12-31T00:00:00.000Z',
    'certificates: the first to end is one of master-2, on 2026-12-31 (363 days)',
  ],
  [
    '2026-01-30T12:00:00.000Z',
    'CERTIFICATES: the first to end is one of master-2, on 2026-01-30 (28 days): it has not been renewed, see the log of master-2',
  ],
  [
    '2025-12-31T12:00:00.000Z',
    'CERTIFICATES: one of master-2 ended on 2025-12-31; a restart of it renews them',
  ],
  ['', undefined],
])('the first certificate that ends: %s', (certificatesEnd, line) => {
  const later = { certificatesEnd: certificatesEnd === '' ? '' : '2027-06-01T00:00:00.000Z' };
  const members = [member(1, later), member(2, { certificatesEnd })];
  const lines = renderCluster(clusterStatus({ members })).split('\n');
  expect(lines.find((text) => /^certificates/i.test(text))).toBe(line);
});
