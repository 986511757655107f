import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import type { History, LimitQuestion } from './behavior.js';
import { limit } from './behavior.js';
import { replicasFor } from './replicas.js';

function pod(name: string, request: string | undefined, ready = true): Pod {
  const requests = request === undefined ? {} : { requests: { cpu: request } };
  return {
    metadata: { name },
    spec: { containers: [{ name: 'c', resources: requests }] },
    status: {
      phase: 'Running',
      startTime: '2026-01-01T00:00:00Z',
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          lastTransitionTime: '2026-01-01T00:00:10Z',
        },
      ],
    },
  };
}

const nowMs = Date.parse('2026-01-01T01:00:00Z');

function ask(usedMilli: readonly (number | undefined)[], utilization: number) {
  const pods = usedMilli.map((_, index) => pod(`p${index}`, '100m'));
  const usage = new Map(
    usedMilli.flatMap((milli, index) =>
      milli === undefined
        ? []
        : [[`p${index}`, { milli, timestampMs: nowMs, windowMs: 30_000 }] as const],
    ),
  );
  return replicasFor({
    resource: 'cpu',
    target: { utilization },
    currentReplicas: pods.length,
    pods,
    usage,
    nowMs,
  });
}

describe('the number of pods that a metric asks for', () => {
  test.each([
    ['twice the target doubles', [100, 100], 50, 4],
    ['half the target halves', [25, 25, 25, 25], 50, 2],
    ['within the tolerance nothing changes', [54, 54], 50, 2],
    ['a missing pod holds back growth', [100, undefined], 60, 2],
    ['on the target missing pods change nothing', [50, 50, undefined, undefined], 50, 4],
    ['a missing pod counts as full when shrinking', [10, 10, undefined], 50, 3],
  ] as const)('%s', (_name, used, utilization, replicas) => {
    expect(ask(used, utilization).replicas).toBe(replicas);
  });

  const measured = { milli: 90, timestampMs: nowMs, windowMs: 30_000 };
  const averaged = (pods: readonly Pod[], names: readonly string[], resource = 'cpu') =>
    replicasFor({
      resource,
      target: { averageMilli: 30 },
      currentReplicas: pods.length,
      pods,
      usage: new Map(names.map((name) => [name, measured])),
      nowMs,
    });

  test('an average value needs no requests', () => {
    const pods = [pod('a', undefined), pod('b', undefined)];
    expect(averaged(pods, ['a', 'b'])).toEqual({ replicas: 6, averageMilli: 90 });
  });

  test('pods that are not ready hold back growth by CPU, not by memory', () => {
    const young = { ...pod('b', '1'), status: { phase: 'Running' } };
    expect(averaged([pod('a', '1'), young], ['a', 'b']).replicas).toBe(3);
    expect(averaged([pod('a', '1'), young], ['a', 'b'], 'memory').replicas).toBe(6);
  });

  test('failed pods and those being deleted do not count', () => {
    const failed = { ...pod('b', '1'), status: { phase: 'Failed' } };
    const going = pod('c', '1');
    going.metadata.deletionTimestamp = '2026-01-01T00:59:00Z';
    expect(averaged([pod('a', '1'), failed, going], ['a', 'b', 'c']).replicas).toBe(3);
  });

  test('without metrics nothing can be said', () => {
    expect(() => averaged([pod('a', '1')], [])).toThrow('did not receive metrics');
    expect(() => averaged([], [])).toThrow('no pods returned by selector');
  });

  test('without a request there is no percentage', () => {
    const question = {
      resource: 'cpu',
      target: { utilization: 50 },
      currentReplicas: 1,
      pods: [pod('p', undefined)],
      usage: new Map([['p', { milli: 5, timestampMs: nowMs, windowMs: 0 }]]),
      nowMs,
    };
    expect(() => replicasFor(question)).toThrow('missing request for cpu in container c of Pod p');
  });
});

describe('limits', () => {
  const history = (): History => ({ recommendations: [], changes: [] });
  const question = (part: Partial<LimitQuestion>): LimitQuestion => ({
    current: 4,
    wanted: 4,
    min: 1,
    max: 100,
    nowMs: 1_000_000,
    ...part,
  });

  test.each([
    ['at most double or four more', { current: 10, wanted: 90 }, 20, 'ScaleUpLimit'],
    ['four more when that is more', { current: 1, wanted: 90 }, 5, 'ScaleUpLimit'],
    ['no more than the maximum', { wanted: 90, max: 6 }, 6, 'TooManyReplicas'],
    ['no fewer than the minimum', { wanted: 0, min: 2 }, 2, 'TooFewReplicas'],
  ] as const)('%s', (_name, part, replicas, reason) => {
    const answer = limit(question(part), history());
    expect(answer.replicas).toBe(replicas);
    expect(answer.limited[1]).toBe(reason);
  });

  test('the highest recommendation of the last five minutes counts on the way down', () => {
    const past = history();
    limit(question({ wanted: 4, nowMs: 0 }), past);
    const soon = limit(question({ wanted: 1, nowMs: 299_000 }), past);
    expect([soon.replicas, soon.stabilized?.[0]]).toEqual([4, 'ScaleDownStabilized']);
    expect(limit(question({ wanted: 1, nowMs: 301_000 }), past).replicas).toBe(1);
  });

  test('what was removed lately may come back beside what the rate allows', () => {
    const past = history();
    past.changes.push({ atMs: 999_000, by: -6 });
    expect(limit(question({ current: 4, wanted: 90 }), past).replicas).toBe(20);
  });

  const minute = { periodSeconds: 60 };
  const pods = (value: number) => ({ ...minute, type: 'Pods', value });
  const percent = (value: number) => ({ ...minute, type: 'Percent', value });
  test.each([
    ['the policy that allows more', 'scaleUp', { policies: [pods(3), percent(10)] }, 20, 40, 23],
    [
      'Min: the one that allows less',
      'scaleUp',
      { policies: [pods(3), percent(10)], selectPolicy: 'Min' },
      20,
      40,
      22,
    ],
    ['Disabled', 'scaleUp', { policies: [pods(3)], selectPolicy: 'Disabled' }, 20, 40, 20],
    ['a share is rounded up', 'scaleUp', { policies: [percent(10)] }, 5, 40, 6],
    [
      'down: the policy that allows more',
      'scaleDown',
      { policies: [pods(3), percent(10)] },
      20,
      5,
      17,
    ],
    [
      'down, Min',
      'scaleDown',
      { policies: [pods(3), percent(10)], selectPolicy: 'Min' },
      20,
      5,
      18,
    ],
    ['down, Disabled', 'scaleDown', { policies: [pods(3)], selectPolicy: 'Disabled' }, 20, 5, 20],
    ['down, a share leaves a whole number', 'scaleDown', { policies: [percent(10)] }, 5, 1, 4],
  ] as const)('behavior: %s', (_name, direction, rules, current, wanted, replicas) => {
    const part = { current, wanted, [direction]: { ...rules, stabilizationWindowSeconds: 0 } };
    expect(limit(question(part), history()).replicas).toBe(replicas);
  });

  test('stabilizationWindowSeconds on the way up: the lowest recent recommendation', () => {
    const past = history();
    const scaleUp = { stabilizationWindowSeconds: 60 };
    limit(question({ wanted: 5, scaleUp, nowMs: 0 }), past);
    const soon = limit(question({ wanted: 8, scaleUp, nowMs: 59_000 }), past);
    expect([soon.replicas, soon.stabilized?.[0]]).toEqual([5, 'ScaleUpStabilized']);
    expect(limit(question({ wanted: 8, scaleUp, nowMs: 61_000 }), past).replicas).toBe(8);
  });

  test('what was added lately counts against the rate', () => {
    const past = history();
    past.changes.push({ atMs: 999_000, by: 4 });
    expect(limit(question({ current: 8, wanted: 90 }), past).replicas).toBe(8);
  });
});
