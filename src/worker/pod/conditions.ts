/** The conditions of a pod as kubelet sets them. @see kubelet status/generate.go */
import type { ContainerStatus, PodCondition } from '../../api/types/core.js';
import { formatTime } from '../../api/facts/time.js';
import type { Phase } from './phase.js';
import { resizeCondition, resizeConditionTypes } from './resize.js';
import type { PodState } from './state.js';

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

/** The inputs of a pod's conditions. */
export interface ConditionInput {
  readonly state: PodState;
  readonly phase: Phase;
  readonly statuses: readonly ContainerStatus[];
  readonly initStatuses: readonly ContainerStatus[];
  readonly nowMs: number;
}

/** The conditions that nobody but the node of a pod sets, and the scheduler's, which the node takes over. */
export const ownConditions: ReadonlySet<string> = new Set([
  'PodScheduled',
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  ...resizeConditionTypes,
]);

/** The conditions of the node, the others' after them. A transition time changes with its status only. */
export function podConditions(input: ConditionInput): PodCondition[] {
  const { state, nowMs } = input;
  const before = state.pod.status?.conditions ?? [];
  const containersReady = containersReadyVerdict(input);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', truth(state.sandbox.phase === 'ready')],
    ['Initialized', initializedVerdict(input)],
    ['Ready', readyVerdict(input, containersReady)],
    ['ContainersReady', containersReady],
  ];
  const scheduled = before.find(({ type }) => type === 'PodScheduled');
  if (scheduled === undefined) verdicts.push(['PodScheduled', truth(true)]);
  if (state.failure?.isDisruption === true) {
    const { message } = state.failure;
    const verdict = { status: 'True', reason: 'TerminationByKubelet', message } as const;
    verdicts.push(['DisruptionTarget', verdict]);
  }
  const resize = resizeCondition(state);
  if (resize !== undefined) verdicts.push([resize.type, resize]);
  const own = verdicts.map(([type, verdict]) => {
    const old = before.find((condition) => condition.type === type);
    const same = old?.status === verdict.status && old.lastTransitionTime !== undefined;
    return {
      type,
      lastProbeTime: null,
      lastTransitionTime: same ? old.lastTransitionTime : formatTime(nowMs),
      ...verdict,
    };
  });
  return own;
}

function truth(value: boolean): Verdict {
  return { status: value ? 'True' : 'False' };
}

function initializedVerdict({ state, phase, initStatuses }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (state.initialized || initStatuses.length === 0) return truth(true);
  const waiting = initStatuses
    .filter(({ name, ready, started }) =>
      state.trackedContainers.get(name)?.role === 'sidecar' ? started !== true : !ready,
    )
    .map(({ name }) => name);
  if (waiting.length === 0) return truth(true);
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${waiting.join(' ')}]`,
  };
}

function containersReadyVerdict(input: ConditionInput): Verdict {
  const { state, phase, statuses, initStatuses } = input;
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const relevant = [
    ...initStatuses.filter(({ name }) => state.trackedContainers.get(name)?.role === 'sidecar'),
    ...statuses,
  ];
  const unready = relevant.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return truth(true);
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

function readyVerdict({ state }: ConditionInput, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady;
  const conditions = state.pod.status?.conditions ?? [];
  const missing: string[] = [];
  for (const { conditionType } of state.pod.spec.readinessGates ?? []) {
    const found = conditions.find(({ type }) => type === conditionType);
    if (found === undefined) {
      missing.push(
        `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
      );
    } else if (found.status !== 'True') {
      missing.push(
        `the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`,
      );
    }
  }
  if (missing.length === 0) return truth(true);
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}
