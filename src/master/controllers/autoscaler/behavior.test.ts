import { describe, expect, test } from '@jest/globals';
import type { History, LimitQuestion } from './behavior.js';
import { limit, startHistory } from './behavior.js';

describe('limits', () => {
  const history = (): History => ({ recommendations: [], changes: [] });
  const question = (part: Partial<LimitQuestion>): LimitQuestion => ({
    current: 4,
    wanted: 4,
    min: 1,
    max: 100,
    behavior: {},
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
    const behavior = { [direction]: { ...rules, stabilizationWindowSeconds: 0 } };
    expect(limit(question({ current, wanted, behavior }), history()).replicas).toBe(replicas);
  });

  test('stabilizationWindowSeconds on the way up: the lowest recent recommendation', () => {
    const past = history();
    const behavior = { scaleUp: { stabilizationWindowSeconds: 60 } };
    limit(question({ wanted: 5, behavior, nowMs: 0 }), past);
    const soon = limit(question({ wanted: 8, behavior, nowMs: 59_000 }), past);
    expect([soon.replicas, soon.stabilized?.[0]]).toEqual([5, 'ScaleUpStabilized']);
    expect(limit(question({ wanted: 8, behavior, nowMs: 61_000 }), past).replicas).toBe(8);
  });

  test('what was added lately counts against the rate', () => {
    const past = history();
    past.changes.push({ atMs: 999_000, by: 4 });
    expect(limit(question({ current: 8, wanted: 90 }), past).replicas).toBe(8);
  });

  test('a stabilised recommendation tells which way the new one would go', () => {
    const past: History = { recommendations: [{ atMs: 999_000, replicas: 9 }], changes: [] };
    const answer = limit(question({ current: 12, wanted: 4 }), past);
    expect([answer.replicas, answer.stabilized?.[0]]).toEqual([9, 'ScaleDownStabilized']);
  });

  test('from the first look on, the size that was found there counts as a recommendation', () => {
    const past = startHistory(10, 0);
    expect(limit(question({ current: 10, wanted: 2, nowMs: 15_000 }), past).replicas).toBe(10);
    expect(limit(question({ current: 10, wanted: 2, nowMs: 300_000 }), past).replicas).toBe(2);
  });

  test('what is older than an hour is forgotten', () => {
    const past = startHistory(10, 0);
    past.changes.push({ atMs: 0, by: 3 });
    limit(question({ nowMs: 3_600_001 }), past);
    expect(past).toEqual({ recommendations: [{ atMs: 3_600_001, replicas: 4 }], changes: [] });
  });
});

describe('limits without rules', () => {
  const ask = (
    part: Partial<LimitQuestion>,
    past: History = { recommendations: [], changes: [] },
  ) =>
    limit(
      { current: 4, wanted: 4, min: 1, max: 100, behavior: undefined, nowMs: 1_000_000, ...part },
      past,
    );

  test.each([
    ['at most double', { current: 10, wanted: 90 }, 20, 'ScaleUpLimit'],
    ['or four', { current: 1, wanted: 90 }, 4, 'ScaleUpLimit'],
    ['no more than the maximum', { wanted: 90, max: 8 }, 8, 'TooManyReplicas'],
    ['no fewer than the minimum', { wanted: 0, min: 2 }, 2, 'TooFewReplicas'],
    ['in between', { wanted: 6 }, 6, 'DesiredWithinRange'],
  ] as const)('%s', (_name, part, replicas, reason) => {
    const answer = ask(part);
    expect([answer.replicas, answer.limited[1]]).toEqual([replicas, reason]);
  });

  test('the highest recommendation of five minutes counts, even above the present size', () => {
    const past = startHistory(9, 0);
    const answer = ask({ current: 6, wanted: 3, nowMs: 299_000 }, past);
    expect([answer.replicas, answer.stabilized?.[0]]).toEqual([9, 'ScaleDownStabilized']);
    expect(ask({ current: 6, wanted: 3, nowMs: 300_000 }, past).replicas).toBe(3);
  });

  test('what was added lately does not count', () => {
    const past: History = { recommendations: [], changes: [{ atMs: 999_000, by: 4 }] };
    expect(ask({ current: 8, wanted: 90 }, past).replicas).toBe(16);
  });
});
