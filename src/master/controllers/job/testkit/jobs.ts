/** Jobs and pods for tables of cases: what is usual is left out. */
import type { Pod } from '../../../../api/types/core.js';
import type { Job, JobSpec, JobStatus } from '../../../../api/types/workloads.js';
import { formatTime } from '../../../../api/facts/time.js';
import { trackingFinalizer } from '../pods.js';

/** The present, in all cases. */
export const nowMs = Date.UTC(2026, 0, 1, 12);

/** The time that lies so many seconds before the present. */
export function ago(seconds: number): string {
  return formatTime(nowMs - seconds * 1000);
}

/** A job with the API's defaults. */
export function jobWith(spec: Partial<JobSpec>, status: Partial<JobStatus> = {}): Job {
  const { completions, parallelism = 1, ...rest } = spec;
  const queue = completions === undefined && spec.parallelism !== undefined;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'sum', namespace: 'default', uid: 'uid-sum' },
    spec: {
      parallelism,
      ...(queue ? {} : { completions: completions ?? 1 }),
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      template: { spec: { containers: [{ name: 'c', image: 'c' }], restartPolicy: 'Never' } },
      ...rest,
    },
    status: { startTime: ago(60), ...status },
  };
}

interface PodState {
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly index?: number;
  /** The earlier failures of its index. */
  readonly failures?: number;
  readonly exitCode?: number;
  /** Seconds since it ended. */
  readonly ended?: number;
  readonly deleted?: boolean;
  /** Without the finalizer: it is counted. */
  readonly released?: boolean;
  readonly restarts?: number;
  readonly ready?: boolean;
  readonly condition?: string;
}

/** A pod of that job; it runs unless said otherwise. */
export function podIn(name: string, state: PodState = {}): Pod {
  const { phase = 'Running', index, exitCode, ended, restarts = 0, condition } = state;
  const finished = ended === undefined ? {} : { finishedAt: ago(ended) };
  const terminated = { exitCode: exitCode ?? (phase === 'Failed' ? 1 : 0), ...finished };
  const over = phase === 'Failed' || phase === 'Succeeded';
  const conditions = [
    ...(state.ready === true ? [{ type: 'Ready', status: 'True' }] : []),
    ...(condition === undefined ? [] : [{ type: condition, status: 'True' }]),
  ];
  const annotations = {
    ...(index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(index) }),
    ...(state.failures === undefined
      ? {}
      : { 'batch.kubernetes.io/job-index-failure-count': String(state.failures) }),
  };
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      annotations,
      ...(state.released === true ? {} : { finalizers: [trackingFinalizer] }),
      ...(state.deleted === true ? { deletionTimestamp: ago(1) } : {}),
    },
    spec: { containers: [], nodeName: 'n' },
    status: {
      phase,
      conditions,
      containerStatuses: [
        {
          name: 'c',
          image: 'c',
          imageID: '',
          ready: false,
          restartCount: restarts,
          state: over ? { terminated } : { running: {} },
        },
      ],
    },
  };
}
