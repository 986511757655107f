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
    ['a missing pod counts as full when shrinking', [10, 10, undefined], 50, 3],
  ] as const)('%s', (_name, used, utilization, replicas) => {
    expect(ask(used, utilization).replicas).toBe(replicas);
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

  test('what was added lately counts against the rate', () => {
    const past = history();
    past.changes.push({ atMs: 999_000, by: 4 });
    expect(limit(question({ current: 8, wanted: 90 }), past).replicas).toBe(8);
  });
});
