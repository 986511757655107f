/** A pod's state machine driven by hand: what it decides is done at once, or by the test. */
import type { Pod, PodSpec } from '../../api/types/core.js';
import type { PodAction } from '../pod/decide.js';
import { decide } from '../pod/decide.js';
import * as record from '../pod/record.js';
import type { PodState, Resources, TrackedContainer } from '../pod/state.js';

export function podOf(spec: Partial<PodSpec>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { containers: [{ name: 'main', image: 'i' }], ...spec },
  };
}

let ids = 0;

export function started(state: PodState, tracked: TrackedContainer, nowMs: number): void {
  const restartCount = tracked.current === undefined ? 0 : tracked.current.restartCount + 1;
  const base = { image: 'i', imageId: 'i@sha256:0', logPath: '/l', createdAtMs: nowMs };
  record.recordStarted(tracked, {
    ...base,
    id: `c${ids++}`,
    restartCount,
    phase: 'running',
    startedAtMs: nowMs,
    resources: wantedBy(state, tracked),
  });
  tracked.probes = { startup: 'success', liveness: 'success', readiness: 'success' };
}

export function wantedBy({ pod }: PodState, { name }: TrackedContainer): Resources {
  const { containers, initContainers = [] } = pod.spec;
  return [...containers, ...initContainers].find((item) => item.name === name)?.resources ?? {};
}

function trackedOf(state: PodState, name: string): TrackedContainer {
  const found = state.trackedContainers.get(name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

/** Does an action at once and well. */
export function perform(state: PodState, action: PodAction, nowMs: number): void {
  const tracked = (): TrackedContainer =>
    trackedOf(state, 'container' in action ? action.container : '');
  switch (action.type) {
    case 'makeSandbox':
      record.recordPartBegun(state, 'sandbox');
      return record.recordPartDone(state, 'sandbox', { id: `s${ids++}`, ips: ['10.0.0.9'] });
    case 'makeVolumes':
    case 'removeVolumes':
      record.recordPartBegun(state, 'volumes');
      return record.recordPartDone(state, 'volumes');
    case 'removeSandbox':
      record.recordPartBegun(state, 'sandbox');
      return record.recordPartDone(state, 'sandbox');
    case 'fail':
      return record.recordFailure(state, action, nowMs);
    case 'finish':
      return record.recordFinished(state);
    case 'deleteObject':
      record.recordDeletion(state, 'done', nowMs);
      return record.recordGone(state, nowMs);
    case 'getImage':
      return record.recordImageReady(tracked());
    case 'startContainer':
      record.recordStartBegun(state, tracked(), nowMs);
      return started(state, tracked(), nowMs);
    case 'stopContainer':
      record.recordStopBegun(tracked(), action.cause, action.deadlineMs);
      record.recordExit(tracked(), { exitCode: 143, reason: 'Error', finishedAtMs: nowMs });
      return record.recordStopEnded(tracked());
    case 'resizeContainer':
      record.recordResizeBegun(tracked());
      return record.recordResized(
        tracked(),
        tracked().current?.id ?? '',
        wantedBy(state, tracked()),
      );
    case 'backOff':
      return record.recordBackOff(tracked(), action);
    case 'removeDeadContainer':
      return record.recordDeadContainerRemoved(tracked(), action.id);
  }
}

/** Performs until nothing is left to do now. */
export function settle(state: PodState, nowMs: number): string[] {
  const done: string[] = [];
  for (let turn = 0; turn < 50; turn++) {
    const { actions } = decide(state, nowMs);
    if (actions.length === 0) return done;
    for (const action of actions) {
      done.push('container' in action ? `${action.type} ${action.container}` : action.type);
      perform(state, action, nowMs);
    }
  }
  throw new Error(`does not come to rest: ${done.slice(-5).join(', ')}`);
}

export function exit(state: PodState, name: string, exitCode: number, nowMs: number): void {
  const reason = record.exitReason(exitCode, false);
  record.recordExit(trackedOf(state, name), { exitCode, reason, finishedAtMs: nowMs });
}
