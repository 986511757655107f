import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
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

const tolerance = { up: 0.1, down: 0.1 };
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
    tolerance,
    nowMs,
  });
}

describe('the number of pods that a metric asks for', () => {
  test.each([
    ['twice the target doubles', [100, 100], 50, 4],
    ['half the target halves', [25, 25, 25, 25], 50, 2],
    ['within the tolerance nothing changes', [54, 54], 50, 2],
    ['nor at its edge', [55, 55], 50, 2],
    ['nor at its lower edge', [45, 45], 50, 2],
    ['beyond it', [56, 56], 50, 3],
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
      tolerance,
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
      tolerance,
      nowMs,
    };
    expect(() => replicasFor(question)).toThrow('missing request for cpu in container c of Pod p');
  });

  test('sidecars request too, other init containers do not', () => {
    const cpu = (name: string, request: string, restartPolicy?: string) => ({
      name,
      resources: { requests: { cpu: request } },
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
    });
    const one = pod('p', '100m');
    one.spec.initContainers = [cpu('setup', '1'), cpu('mesh', '300m', 'Always')];
    const question = {
      resource: 'cpu',
      target: { utilization: 50 },
      currentReplicas: 1,
      pods: [one],
      usage: new Map([['p', { milli: 400, timestampMs: nowMs, windowMs: 0 }]]),
      tolerance,
      nowMs,
    };
    expect(replicasFor(question)).toEqual({ replicas: 2, averageMilli: 400, utilization: 100 });
    expect(replicasFor({ ...question, container: 'mesh' }).utilization).toBe(133);
  });

  test.each([
    [{ up: 0.5, down: 0.1 }, 74, 2],
    [{ up: 0.5, down: 0.1 }, 76, 4],
    [{ up: 0.1, down: 0.5 }, 26, 2],
    [{ up: 0.1, down: 0 }, 24, 1],
  ])('a tolerance of %j at %d of 50', (own, milli, replicas) => {
    const pods = [pod('a', '100m'), pod('b', '100m')];
    const used = { milli, timestampMs: nowMs, windowMs: 0 };
    const usage = new Map([
      ['a', used],
      ['b', used],
    ]);
    const target = { utilization: 50 };
    const about = { resource: 'cpu', target, currentReplicas: 2, pods, usage, nowMs };
    expect(replicasFor({ ...about, tolerance: own }).replicas).toBe(replicas);
  });
});
