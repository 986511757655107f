import { describe, expect, test } from '@jest/globals';
import type { Node, Pod, Taint } from '../../../api/types/core.js';
import {
  concernsOthers,
  EvictionTurns,
  Heartbeats,
  planHealth,
  planTaints,
  podsToMark,
} from './lifecycle-plan.js';

const flags = {
  nodeStartupGracePeriodMs: 60_000,
  nodeMonitorGracePeriodMs: 40_000,
  nodeMonitorPeriodMs: 5000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  unhealthyZoneThreshold: 0.55,
  largeClusterSizeThreshold: 5,
};
const now = 'now';

interface State {
  readonly zone?: string;
  readonly taints?: Taint[];
  readonly labels?: Record<string, string>;
}

function node(name: string, ready: string | undefined, state: State = {}): Node {
  const { zone = 'a', taints = [], labels = {} } = state;
  return {
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone, ...labels } },
    spec: { taints },
    status: { conditions: ready === undefined ? [] : [{ type: 'Ready', status: ready }] },
  };
}

describe('signs of life', () => {
  test('another time in the lease or in the status, not the same again', () => {
    const heartbeats = new Heartbeats();
    heartbeats.note('n', 'lease', 't1', 1000);
    heartbeats.note('n', 'lease', 't1', 5000);
    heartbeats.note('n', 'status', undefined, 6000);
    expect(heartbeats.silentMs('n', 7000)).toBe(6000);
    heartbeats.note('n', 'status', 't1', 8000);
    expect(heartbeats.silentMs('n', 9000)).toBe(1000);
  });

  test('the silence of an unknown node begins with the first look at it', () => {
    const heartbeats = new Heartbeats();
    expect(heartbeats.silentMs('n', 5000)).toBe(0);
    expect(heartbeats.silentMs('n', 9000)).toBe(4000);
    heartbeats.forget('n');
    expect(heartbeats.silentMs('n', 9000)).toBe(0);
  });
});

describe('how long a node may be silent', () => {
  test.each([
    ['Ready', 'True', 40_000, false, 1],
    ['Ready, too long', 'True', 40_001, true, 5000],
    ['not Ready, too long', 'False', 40_001, true, 5000],
    ['Unknown already', 'Unknown', 90_000, false, 5000],
    ['it never reported, and starts', undefined, 60_000, false, 1],
    ['it never reported', undefined, 60_001, true, 5000],
    ['it has just reported', 'True', 0, false, 40_001],
  ])('%s', (_name, ready, silentMs, ends, nextMs) => {
    const plan = planHealth(node('n', ready), silentMs, flags, now);
    expect(plan.conditions?.map(({ status }) => status)).toEqual(
      ends ? ['Unknown', 'Unknown', 'Unknown', 'Unknown'] : undefined,
    );
    expect([plan.wasReady, plan.nextMs]).toEqual([ready === 'True', nextMs]);
  });
});

const taint = (name: string, effect: string): Taint => ({
  key: `node.kubernetes.io/${name}`,
  effect,
  timeAdded: now,
});
const evicted = [taint('unreachable', 'NoSchedule'), taint('unreachable', 'NoExecute')];
const cordoned = [taint('unreachable', 'NoSchedule')];

describe('the taints of a node', () => {
  const fine = [node('b', 'True'), node('c', 'True')];
  const down = [node('b', 'Unknown'), node('c', 'False', { zone: 'z' })];

  test.each([
    ['ready', node('a', 'True'), fine, 0, { taints: undefined }],
    ['ready again', node('a', 'True', { taints: evicted }), fine, 0, { taints: [] }],
    ['it never reported', node('a', undefined), fine, 0, { taints: undefined }],
    ['silent', node('a', 'Unknown'), fine, 0, { taints: evicted, beginsAtRate: 0.1 }],
    [
      'not ready',
      node('a', 'False'),
      fine,
      0,
      {
        taints: [taint('not-ready', 'NoSchedule'), taint('not-ready', 'NoExecute')],
        beginsAtRate: 0.1,
      },
    ],
    [
      'silent, and its zone has had its turn',
      node('a', 'Unknown'),
      fine,
      700,
      { taints: cordoned, waitMs: 700 },
    ],
    [
      'evicted already: no turn is needed',
      node('a', 'Unknown', { taints: evicted }),
      fine,
      700,
      { taints: undefined },
    ],
    [
      'silent after not ready: the eviction goes on under the other taint',
      node('a', 'Unknown', { taints: [taint('not-ready', 'NoExecute')] }),
      fine,
      700,
      { taints: evicted },
    ],
    [
      'silent as all others are: no eviction begins',
      node('a', 'Unknown'),
      down,
      0,
      { taints: cordoned, waitMs: 5000 },
    ],
    [
      'silent as all others are by now: the eviction ends',
      node('a', 'Unknown', { taints: evicted }),
      down,
      0,
      { taints: cordoned, waitMs: 5000 },
    ],
    [
      'most of a small zone is down: no eviction begins',
      node('a', 'Unknown'),
      [...down, node('d', 'Unknown'), node('e', 'True')],
      0,
      { taints: cordoned, waitMs: 5000 },
    ],
    [
      'most of a small zone is down: one that has begun goes on',
      node('a', 'Unknown', { taints: evicted }),
      [...down, node('d', 'Unknown'), node('e', 'True')],
      0,
      { taints: undefined },
    ],
    [
      'a node that does not count keeps nothing up',
      node('a', 'Unknown'),
      [...down, node('d', 'True', { labels: { 'node.kubernetes.io/exclude-disruption': '' } })],
      0,
      { taints: cordoned, waitMs: 5000 },
    ],
  ])('%s', (_name, one, others, turnWaitMs, plan) => {
    expect(planTaints(one, [one, ...others], turnWaitMs, flags, now)).toEqual(plan);
  });
});

test('a zone has one turn in the time of its rate', () => {
  const turns = new EvictionTurns();
  expect(turns.waitMs('a', 1000)).toBe(0);
  turns.take('a', 0.1, 1000);
  expect([turns.waitMs('a', 1000), turns.waitMs('b', 1000)]).toEqual([10_000, 0]);
  expect([turns.waitMs('a', 10_999), turns.waitMs('a', 11_000)]).toEqual([1, 0]);
});

describe('the pods of a silent node', () => {
  const pod = (name: string, ready: string, phase = 'Running'): Pod => ({
    metadata: { name },
    spec: { containers: [] },
    status: { phase, conditions: [{ type: 'Ready', status: ready }] },
  });
  const pods = [pod('up', 'True'), pod('down', 'False'), pod('over', 'True', 'Failed')];

  test.each([
    ['Unknown', ['up']],
    ['False', []],
    ['True', []],
    [undefined, []],
  ])('Ready is %s: %j are no longer ready', (ready, marked) => {
    expect(podsToMark(node('n', ready), pods).map(({ metadata }) => metadata.name)).toEqual(marked);
  });
});

test.each([
  ['a heartbeat', node('n', 'True'), node('n', 'True'), false],
  ['readiness', node('n', 'True'), node('n', 'False'), true],
  ['its zone', node('n', 'True'), node('n', 'True', { zone: 'b' }), true],
])('a change of %s concerns other nodes: %#', (_name, old, next, concerns) => {
  expect(concernsOthers(old, next)).toBe(concerns);
});
