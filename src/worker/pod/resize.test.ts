import { describe, expect, test } from '@jest/globals';
import type { Container, Pod } from '../../api/types/core.js';
import { decide } from './decide.js';
import * as record from './record.js';
import { resizeOf, roomProblem, shrinkProblem } from './resize.js';
import type { PodState, Resources, TrackedContainer } from './state.js';
import { newPodState } from './state.js';
import { podStatus } from './status.js';

const small: Resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m' } };
const large: Resources = { requests: { cpu: '0.2', memory: '64Mi' }, limits: { cpu: '400m' } };

function podOf(container: Partial<Container>, uid = 'u'): Pod {
  const containers = [{ name: 'main', image: 'i', ...container }];
  return { metadata: { name: 'p', namespace: 'ns', uid }, spec: { containers } };
}

/** A pod whose container runs with these resources. */
function running(resources: Resources | undefined): [PodState, TrackedContainer] {
  const state = newPodState(podOf({ ...(resources && { resources }) }), 0);
  for (const part of ['sandbox', 'volumes'] as const) {
    record.recordPartBegun(state, part);
    record.recordPartDone(state, part, { id: 's', ips: ['10.0.0.9'] });
  }
  const tracked = state.trackedContainers.get('main')!;
  const base = { image: 'i', imageId: 'i@sha256:0', logPath: '/l', restartCount: 0 };
  record.recordStarted(tracked, {
    ...base,
    id: 'c1',
    phase: 'running',
    createdAtMs: 0,
    startedAtMs: 0,
    ...(resources && { resources }),
  });
  tracked.probes = { startup: 'success', liveness: 'success', readiness: 'success' };
  return [state, tracked];
}

function change(state: PodState, container: Partial<Container>): void {
  record.recordPod(state, podOf(container), 0);
}

function shown(state: PodState) {
  const { conditions, containerStatuses } = podStatus(state, { hostIps: ['10.0.0.1'], nowMs: 0 });
  const [status] = containerStatuses ?? [];
  const resize = conditions?.filter(({ type }) => type.startsWith('PodResize'));
  return {
    resize: resize?.map(({ type, reason, message }) => [type, reason, message]),
    allocated: status?.allocatedResources?.['cpu'],
    actual: status?.resources?.requests?.['cpu'],
  };
}

test.each<[string, Resources | undefined, Partial<Container>, string | undefined]>([
  ['nothing', small, { resources: small }, undefined],
  ['the way of writing it', small, { resources: { ...small, limits: { cpu: '0.2' } } }, undefined],
  ['CPU', small, { resources: large }, 'inPlace'],
  [
    'memory',
    small,
    { resources: { ...small, requests: { cpu: '100m', memory: '1Gi' } } },
    'inPlace',
  ],
  ['a limit that was none', { requests: { cpu: '1' } }, { resources: small }, 'inPlace'],
  [
    'storage',
    small,
    { resources: { ...small, limits: { cpu: '200m', 'ephemeral-storage': '1' } } },
    undefined,
  ],
  [
    'CPU, where that takes a restart',
    small,
    {
      resources: large,
      resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
    },
    'restart',
  ],
  [
    'CPU, where memory takes a restart',
    small,
    {
      resources: large,
      resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
    },
    'inPlace',
  ],
  ['what an earlier agent did not write down', undefined, { resources: large }, undefined],
])('a change of %s', (_, before, container, expected) => {
  const [state, tracked] = running(before);
  change(state, container);
  expect(resizeOf(tracked, state.pod.spec.containers[0])).toBe(expected);
});

describe('a resize in place', () => {
  test('is done once, and the status says what is and what is to be', () => {
    const [state, tracked] = running(small);
    expect(shown(state)).toEqual({ resize: [], allocated: '100m', actual: '100m' });
    change(state, { resources: large });
    expect(decide(state, 0).actions).toEqual([{ type: 'resizeContainer', container: 'main' }]);
    record.recordResizeBegun(tracked);
    expect(decide(state, 0).actions).toEqual([]);
    expect(shown(state)).toEqual({
      resize: [['PodResizeInProgress', undefined, undefined]],
      allocated: '0.2',
      actual: '100m',
    });
    record.recordResized(tracked, 'c1', large);
    expect(decide(state, 0).actions).toEqual([]);
    expect(shown(state)).toEqual({ resize: [], allocated: '0.2', actual: '0.2' });
  });

  test('that changes again while it is under way is done again', () => {
    const [state, tracked] = running(small);
    change(state, { resources: large });
    record.recordResizeBegun(tracked);
    change(state, { resources: small });
    record.recordResized(tracked, 'c1', large);
    expect(decide(state, 0).actions).toEqual([{ type: 'resizeContainer', container: 'main' }]);
  });

  test('that fails says so and is tried again', () => {
    const [state, tracked] = running(small);
    change(state, { resources: large });
    record.recordResizeBegun(tracked);
    record.recordResizeFailed(tracked, { message: 'device or resource busy', isFinal: false }, 0);
    expect(decide(state, 9999)).toEqual({ actions: [], wakeAtMs: 10_000 });
    expect(shown(state).resize).toEqual([
      ['PodResizeInProgress', 'Error', 'device or resource busy'],
    ]);
    expect(decide(state, 10_000).actions).toHaveLength(1);
  });

  test('that the runtime cannot do is refused, and nothing is confirmed', () => {
    const [state, tracked] = running(small);
    change(state, { resources: large });
    record.recordResizeBegun(tracked);
    record.recordResizeFailed(tracked, { message: 'no limits here', isFinal: true }, 0);
    expect(decide(state, 10_000).actions).toEqual([]);
    expect(shown(state)).toEqual({
      resize: [['PodResizePending', 'Infeasible', 'no limits here']],
      allocated: '100m',
      actual: '100m',
    });
  });

  test('for which there is no room waits, and nothing is confirmed', () => {
    const [state] = running(small);
    change(state, { resources: large });
    record.recordRoom(state, { reason: 'Deferred', message: 'full' });
    expect(decide(state, 0)).toEqual({ actions: [], wakeAtMs: 10_000 });
    expect(shown(state)).toEqual({
      resize: [['PodResizePending', 'Deferred', 'full']],
      allocated: '100m',
      actual: '100m',
    });
    record.recordRoom(state, undefined);
    expect(decide(state, 0).actions).toHaveLength(1);
  });

  test('that takes a restart ends the container, which then runs with what is wanted', () => {
    const [state, tracked] = running(small);
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    change(state, { resources: large, resizePolicy });
    expect(decide(state, 0).actions).toEqual([
      { type: 'stopContainer', container: 'main', cause: 'resized', deadlineMs: 30_000 },
    ]);
    record.recordStopBegun(tracked, 'resized', 30_000);
    record.recordExit(tracked, { exitCode: 0, reason: 'Completed', finishedAtMs: 1 });
    record.recordStopEnded(tracked);
    expect(decide(state, 1).actions).toContainEqual({ type: 'getImage', container: 'main' });
  });
});

test.each<[Resources, Resources, string, boolean]>([
  [{ limits: { memory: '2Gi' } }, { limits: { memory: '1Gi' } }, 'NotRequired', true],
  [{ limits: { memory: '2Gi' } }, { limits: { memory: '1Gi' } }, 'RestartContainer', false],
  [{ limits: { memory: '1Gi' } }, { limits: { memory: '2Gi' } }, 'NotRequired', false],
  [{ requests: { memory: '1Gi' } }, { limits: { memory: '1Gi' } }, 'NotRequired', true],
  [{ limits: { cpu: '2', memory: '1Gi' } }, { limits: { cpu: '1', memory: '1024Mi' } }, '', false],
])('from %j to %j, memory %s: refused is %s', (before, after, restartPolicy, expected) => {
  const [state] = running(before);
  change(state, { resources: after, resizePolicy: [{ resourceName: 'memory', restartPolicy }] });
  expect(shrinkProblem(state)?.reason).toBe(expected ? 'Infeasible' : undefined);
});

test('the room of a node: its own, and what others leave of it', () => {
  const allocatable = { cpu: '1', memory: '1Gi' };
  const asks = (cpu: string, memory = '64Mi', uid = 'u'): Pod =>
    podOf({ resources: { requests: { cpu, memory } } }, uid);
  const other = asks('600m', '512Mi', 'other');
  const over: Pod = { ...asks('600m', '512Mi', 'over'), status: { phase: 'Succeeded' } };
  const others = [asks('400m'), other, over];
  expect(roomProblem(asks('400m'), others, allocatable)).toBeUndefined();
  expect(roomProblem(asks('500m'), others, allocatable)).toEqual({
    reason: 'Deferred',
    message: "Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000",
  });
  expect(roomProblem(asks('2'), others, allocatable)).toEqual({
    reason: 'Infeasible',
    message: "Node didn't have enough capacity: cpu, requested: 2000, capacity: 1000",
  });
  expect(roomProblem(asks('2', '2Gi'), others, allocatable)).toEqual({
    reason: 'Infeasible',
    message:
      "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824",
  });
});
