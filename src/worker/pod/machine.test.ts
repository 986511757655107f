import { describe, expect, test } from '@jest/globals';
import type { Container, Pod } from '../../api/types/core.js';
import { Prng } from '../../lib/prng.js';
import { formatDurationMs } from '../../lib/go-duration.js';
import { lengthened, waitUntil } from './back-off.js';
import type { PodAction } from './decide.js';
import { decide } from './decide.js';
import * as record from './record.js';
import type { PodState } from './state.js';
import { hasExited, isRunning, newPodState, willRestart } from './state.js';
import { podStatus } from './status.js';
import { podOf, started, wantedBy, perform, settle, exit } from '../testkit/pod-machine.js';

function statusOf(state: PodState, nowMs: number) {
  return podStatus(state, { hostIps: ['10.0.0.1'], nowMs });
}

describe('the state machine of a pod', () => {
  test('sandbox, volumes and images are asked for at once; containers when all are there', () => {
    const state = newPodState(podOf({}), 0);
    expect(decide(state, 0).actions.map(({ type }) => type)).toEqual([
      'makeVolumes',
      'makeSandbox',
      'getImage',
    ]);
    settle(state, 0);
    expect(statusOf(state, 0).phase).toBe('Running');
  });

  test('restarts at once, then after 10 s, 20 s, … and anew after ten minutes of running', () => {
    const state = newPodState(podOf({}), 0);
    settle(state, 0);
    let nowMs = 1000;
    for (const waitMs of [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      exit(state, 'main', 1, nowMs);
      settle(state, nowMs);
      if (waitMs > 0) {
        expect(isRunning(state.trackedContainers.get('main')!)).toBe(false);
        expect(statusOf(state, nowMs).containerStatuses?.[0]?.state?.waiting).toEqual({
          reason: 'CrashLoopBackOff',
          message: `back-off ${formatDurationMs(waitMs)} restarting failed container=main pod=p_ns(u)`,
        });
        expect(decide(state, nowMs).wakeAtMs).toBe(nowMs + waitMs);
      }
      nowMs += waitMs;
      settle(state, nowMs);
      expect(isRunning(state.trackedContainers.get('main')!)).toBe(true);
      nowMs += 10;
    }
    nowMs += 700_000;
    exit(state, 'main', 1, nowMs);
    settle(state, nowMs);
    expect(isRunning(state.trackedContainers.get('main')!)).toBe(true);
  });

  test.each([
    ['Always', 0, 'Running'],
    ['Always', 1, 'Running'],
    ['OnFailure', 0, 'Succeeded'],
    ['OnFailure', 1, 'Running'],
    ['Never', 0, 'Succeeded'],
    ['Never', 1, 'Failed'],
  ])('policy %s and exit code %i end in %s', (restartPolicy, code, phase) => {
    const state = newPodState(podOf({ restartPolicy }), 0);
    settle(state, 0);
    exit(state, 'main', code, 10);
    settle(state, 10);
    expect(statusOf(state, 10).phase).toBe(phase);
    expect(state.sandbox.phase).toBe(phase === 'Running' ? 'ready' : 'none');
  });

  test('an init container that fails for good fails the pod; nothing else runs', () => {
    const initContainers = [{ name: 'init', image: 'i' }];
    const state = newPodState(podOf({ restartPolicy: 'Never', initContainers }), 0);
    settle(state, 0);
    exit(state, 'init', 2, 10);
    const done = settle(state, 10);
    expect(done).not.toContain('startContainer main');
    const status = statusOf(state, 10);
    expect(status.phase).toBe('Failed');
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  });

  test('sidecars start before and end after the main containers, in reverse order', () => {
    const initContainers = ['s1', 's2'].map((name) => ({
      name,
      image: 'i',
      restartPolicy: 'Always',
    }));
    const state = newPodState(podOf({ initContainers }), 0);
    expect(settle(state, 0).filter((line) => line.startsWith('start'))).toEqual([
      'startContainer s1',
      'startContainer s2',
      'startContainer main',
    ]);
    const deleted = podOf({ initContainers });
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    deleted.metadata.deletionGracePeriodSeconds = 5;
    record.recordPod(state, deleted, 100);
    expect(settle(state, 100)).toEqual([
      'stopContainer main',
      'stopContainer s2',
      'stopContainer s1',
      'finish',
      'removeSandbox',
      'removeVolumes',
      'deleteObject',
    ]);
  });

  test('a failed liveness probe ends the container, which runs again even if it ends well', () => {
    const state = newPodState(podOf({ restartPolicy: 'OnFailure' }), 0);
    settle(state, 0);
    record.recordProbe(state.trackedContainers.get('main')!, 'liveness', 'failure');
    const [stop] = decide(state, 50).actions;
    expect(stop).toMatchObject({ type: 'stopContainer', cause: 'liveness', deadlineMs: 30_050 });
    record.recordStopBegun(state.trackedContainers.get('main')!, 'liveness', 30_050);
    exit(state, 'main', 0, 60);
    record.recordStopEnded(state.trackedContainers.get('main')!);
    settle(state, 60);
    expect(state.trackedContainers.get('main')!.current).toMatchObject({
      restartCount: 1,
      phase: 'running',
    });
  });

  test('the deadline fails the pod', () => {
    const state = newPodState(podOf({ activeDeadlineSeconds: 30 }), 0);
    settle(state, 0);
    expect(decide(state, 0).wakeAtMs).toBe(30_000);
    settle(state, 30_000);
    expect(statusOf(state, 30_000)).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
  });

  test('conditions say what is missing, in kubelet’s words', () => {
    const pod = podOf({
      initContainers: [{ name: 'init', image: 'i' }],
      readinessGates: [{ conditionType: 'x/y' }],
    });
    const state = newPodState(pod, 0);
    expect(statusOf(state, 0).conditions).toMatchObject([
      { type: 'PodReadyToStartContainers', status: 'False' },
      {
        type: 'Initialized',
        status: 'False',
        reason: 'ContainersNotInitialized',
        message: 'containers with incomplete status: [init]',
      },
      {
        type: 'Ready',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [main]',
      },
      { type: 'ContainersReady', status: 'False', reason: 'ContainersNotReady' },
      { type: 'PodScheduled', status: 'True' },
    ]);
    settle(state, 0);
    exit(state, 'init', 0, 1);
    settle(state, 1);
    expect(statusOf(state, 1).conditions?.[2]).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "x/y" does not exist.',
    });
  });

  test('a container that cannot be stopped is tried again after longer and longer waits', () => {
    const state = newPodState(podOf({}), 0);
    settle(state, 0);
    const deleted = podOf({});
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    record.recordPod(state, deleted, 0);
    const tracked = state.trackedContainers.get('main')!;
    const waits: number[] = [];
    for (let nowMs = 0; waits.length < 9; nowMs += waits.at(-1)!) {
      expect(decide(state, nowMs).actions).toMatchObject([{ type: 'stopContainer' }]);
      record.recordStopBegun(tracked, 'ending', nowMs);
      record.recordStopFailed(tracked, nowMs);
      const { actions, wakeAtMs } = decide(state, nowMs);
      expect(actions).toEqual([]);
      waits.push(wakeAtMs! - nowMs);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    exit(state, 'main', 0, 200_000);
    expect(tracked.stopFailure).toBeUndefined();
  });

  test('a container that is being stopped is ready as long as it runs and its probe says so', () => {
    const state = newPodState(podOf({}), 0);
    settle(state, 0);
    const tracked = state.trackedContainers.get('main')!;
    tracked.probes = { ...tracked.probes, startup: 'success', readiness: 'success' };
    const ready = (nowMs: number): string | undefined =>
      statusOf(state, nowMs).conditions?.find(({ type }) => type === 'Ready')?.status;
    const deleted = podOf({});
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    record.recordPod(state, deleted, 0);
    record.recordStopBegun(tracked, 'ending', 30_000);
    expect(ready(1000)).toBe('True');
    tracked.probes = { ...tracked.probes, readiness: 'failure' };
    expect(ready(2000)).toBe('False');
    tracked.probes = { ...tracked.probes, readiness: 'success' };
    exit(state, 'main', 0, 3000);
    expect(ready(3000)).toBe('False');
  });

  test('a shorter grace period takes over while a container is being stopped', () => {
    const state = newPodState(podOf({}), 0);
    settle(state, 0);
    const deleted = podOf({});
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    deleted.metadata.deletionGracePeriodSeconds = 30;
    record.recordPod(state, deleted, 0);
    const tracked = state.trackedContainers.get('main')!;
    record.recordStopBegun(tracked, 'ending', 30_000);
    expect(decide(state, 0).actions).toEqual([]);
    const sooner = structuredClone(deleted);
    sooner.metadata.deletionGracePeriodSeconds = 2;
    record.recordPod(state, sooner, 1000);
    expect(decide(state, 1000).actions).toMatchObject([
      { type: 'stopContainer', deadlineMs: 2000 },
    ]);
  });
});

test('a wait lengthens to five minutes and is forgotten after ten', () => {
  let entry = lengthened(undefined, 0, 0);
  expect(entry.delayMs).toBe(10_000);
  for (let n = 0; n < 10; n++) entry = lengthened(entry, 0, 0);
  expect(entry.delayMs).toBe(300_000);
  expect(waitUntil(entry, 600_000)).toBe(900_000);
  expect(waitUntil(entry, 600_001)).toBeUndefined();
});

/** Pods of random shape, whose actions take random time and fail at random, must come to an end and keep the rules. */
describe('whatever happens', () => {
  test.each(Array.from({ length: 150 }, (_, seed) => seed))('seed %i', (seed) => {
    const prng = new Prng(seed);
    const pod = randomPod(prng);
    const state = newPodState(pod, 0);
    const underWay: { readonly action: PodAction; readonly endsAtMs: number }[] = [];
    let nowMs = 0;
    const deleteAtMs = prng.between(0, 120_000);
    const debugAtMs = prng.between(0, 60_000);
    for (let turn = 0; turn < 4000 && !isOver(state, underWay.length); turn++) {
      nowMs += prng.between(1, 500);
      if (nowMs >= deleteAtMs && pod.metadata.deletionTimestamp === undefined) {
        pod.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
        pod.metadata.deletionGracePeriodSeconds = prng.below(30);
        record.recordPod(state, pod, nowMs);
      }
      if (nowMs >= debugAtMs && pod.spec.ephemeralContainers === undefined) {
        pod.spec.ephemeralContainers = containersOf('e', prng.between(1, 3));
        record.recordPod(state, pod, nowMs);
      }
      if (prng.chance({ numerator: 1, denominator: 50 })) {
        const { resources } = prng.pick(pod.spec.containers);
        if (resources !== undefined) resources.requests = { cpu: `${prng.between(1, 9)}m` };
        record.recordPod(state, pod, nowMs);
      }
      crashSome(prng, state, nowMs);
      for (const action of decide(state, nowMs).actions) {
        checkAction(state, action);
        begin(state, action, nowMs);
        underWay.push({ action, endsAtMs: nowMs + prng.below(2000) });
      }
      for (const item of underWay.splice(0)) {
        if (item.endsAtMs > nowMs) underWay.push(item);
        else end(prng, state, item.action, nowMs);
      }
      statusOf(state, nowMs);
    }
    expect(isOver(state, underWay.length)).toBe(true);
    expect([...state.trackedContainers.values()].some(isRunning)).toBe(false);
  });
});

function containersOf(prefix: string, count: number): Container[] {
  return Array.from({ length: count }, (_, n) => ({ name: `${prefix}${n}`, image: 'i' }));
}

function randomPod(prng: Prng): Pod {
  const initContainers = containersOf('i', prng.below(4)).map((container) =>
    prng.chance({ numerator: 1, denominator: 3 })
      ? { ...container, restartPolicy: 'Always' }
      : container,
  );
  return podOf({
    restartPolicy: prng.pick(['Always', 'OnFailure', 'Never']),
    initContainers,
    containers: containersOf('m', prng.between(1, 3)).map((container) => ({
      ...container,
      resources: { requests: { cpu: '5m' } },
    })),
    ...(prng.chance({ numerator: 1, denominator: 4 }) ? { activeDeadlineSeconds: 20 } : {}),
  });
}

function isOver(state: PodState, underWay: number): boolean {
  return state.gone && underWay === 0 && state.sandbox.phase === 'none';
}

function crashSome(prng: Prng, state: PodState, nowMs: number): void {
  for (const tracked of state.trackedContainers.values()) {
    if (!isRunning(tracked) || !prng.chance({ numerator: 1, denominator: 30 })) continue;
    exit(state, tracked.name, prng.pick([0, 0, 1, 137]), nowMs);
  }
}

function checkAction(state: PodState, action: PodAction): void {
  if (action.type === 'startContainer') {
    const tracked = state.trackedContainers.get(action.container)!;
    expect(tracked.work).toBe('none');
    expect(isRunning(tracked)).toBe(false);
    expect(state.sandbox.phase).toBe('ready');
    if (hasExited(tracked)) expect(willRestart(state, tracked)).toBe(true);
    if (tracked.role === 'main' && !state.initialized) {
      for (const other of state.trackedContainers.values()) {
        if (other.role === 'init') expect(other.current).toMatchObject({ exitCode: 0 });
        if (other.role === 'sidecar') expect(isRunning(other)).toBe(true);
      }
    }
  }
  if (action.type === 'resizeContainer') {
    const tracked = state.trackedContainers.get(action.container)!;
    expect([tracked.work, isRunning(tracked)]).toEqual(['none', true]);
  }
  if (action.type === 'removeSandbox') {
    expect([...state.trackedContainers.values()].some(isRunning)).toBe(false);
  }
}

function begin(state: PodState, action: PodAction, nowMs: number): void {
  const tracked =
    'container' in action ? state.trackedContainers.get(action.container)! : undefined;
  if (action.type === 'makeSandbox' || action.type === 'removeSandbox') {
    record.recordPartBegun(state, 'sandbox');
  } else if (action.type === 'makeVolumes' || action.type === 'removeVolumes') {
    record.recordPartBegun(state, 'volumes');
  } else if (action.type === 'getImage') record.recordImageBegun(tracked!);
  else if (action.type === 'startContainer') record.recordStartBegun(state, tracked!, nowMs);
  else if (action.type === 'stopContainer') {
    record.recordStopBegun(tracked!, action.cause, action.deadlineMs);
  } else if (action.type === 'resizeContainer') record.recordResizeBegun(tracked!);
  else if (action.type === 'deleteObject') record.recordDeletion(state, 'asked', nowMs);
  else perform(state, action, nowMs);
}

function end(prng: Prng, state: PodState, action: PodAction, nowMs: number): void {
  const fails = prng.chance({ numerator: 1, denominator: 5 });
  const tracked =
    'container' in action ? state.trackedContainers.get(action.container)! : undefined;
  const failure = { reason: 'Bad', message: 'luck' };
  switch (action.type) {
    case 'makeSandbox':
      if (fails) return record.recordPartFailed(state, 'sandbox', nowMs);
      return record.recordPartDone(state, 'sandbox', { id: `s${nowMs}`, ips: [] });
    case 'removeSandbox':
      if (fails) return record.recordPartFailed(state, 'sandbox', nowMs);
      return record.recordPartDone(state, 'sandbox');
    case 'makeVolumes':
    case 'removeVolumes':
      if (fails) return record.recordPartFailed(state, 'volumes', nowMs);
      return record.recordPartDone(state, 'volumes');
    case 'getImage':
      if (fails) return record.recordImageFailed(tracked!, failure, nowMs);
      return record.recordImageReady(tracked!);
    case 'startContainer':
      if (fails && prng.chance({ numerator: 1, denominator: 2 })) {
        return record.recordStartFailed(tracked!, failure, nowMs);
      }
      started(state, tracked!, nowMs);
      if (!fails) return;
      exit(state, tracked!.name, 128, nowMs);
      return record.recordNeverRan(tracked!, failure.message, nowMs);
    case 'stopContainer':
      if (isRunning(tracked!)) exit(state, tracked!.name, 143, nowMs);
      return record.recordStopEnded(tracked!);
    case 'resizeContainer':
      if (fails) return record.recordResizeFailed(tracked!, { ...failure, isFinal: false }, nowMs);
      return record.recordResized(tracked!, tracked!.current!.id, wantedBy(state, tracked!));
    case 'deleteObject':
      if (fails) return record.recordDeletion(state, 'failed', nowMs);
      record.recordDeletion(state, 'done', nowMs);
      return record.recordGone(state, nowMs);
    case 'fail':
    case 'finish':
    case 'backOff':
    case 'removeDeadContainer':
  }
}
