/**
 * Decides on one autoscaler: the number of replicas, the conditions, the events. Pure but for the history it is handed.
 * @see kubernetes pkg/controller/podautoscaler/horizontal.go reconcileAutoscaler
 */
import { cloneJson } from '../../../api/clone.js';
import { withCondition } from '../../../api/facts/conditions.js';
import type { HorizontalPodAutoscaler } from '../../../api/types/policy.js';
import type { History } from './behavior.js';
import { limit } from './behavior.js';
import type { Proposal } from './metrics.js';
import { MetricError } from './metrics.js';
import type { SelectionFailure } from './selection.js';

/** The status of a HorizontalPodAutoscaler, while it is made. */
export type Status = NonNullable<HorizontalPodAutoscaler['status']>;

/** An event about the autoscaler. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The size to set, and the reason for its event. */
export interface Rescale {
  readonly replicas: number;
  readonly reason: string;
}

/** The outcome of a reconcile: the autoscaler's status, its events, and the size to set, if another. */
export interface Plan {
  readonly status: Status;
  readonly notices: readonly Notice[];
  readonly rescale: Rescale | undefined;
}

/** The verdict by the size of the target alone: nothing to do, a size to set, or that metrics decide. */
export type SizeVerdict =
  | { readonly type: 'disabled' }
  | { readonly type: 'bound'; readonly rescale: Rescale }
  | { readonly type: 'measure' };

/** Compares the size of the target with the bounds of its autoscaler. */
export function judgeSize(
  { minReplicas: min = 1, maxReplicas: max }: HorizontalPodAutoscaler['spec'],
  current: number,
): SizeVerdict {
  if (current === 0 && min !== 0) return { type: 'disabled' };
  if (current > max) {
    const reason = 'Current number of replicas above Spec.MaxReplicas';
    return { type: 'bound', rescale: { replicas: max, reason } };
  }
  if (current < min) {
    const reason = 'Current number of replicas below Spec.MinReplicas';
    return { type: 'bound', rescale: { replicas: min, reason } };
  }
  return { type: 'measure' };
}

/** The state of an autoscaler's target and its metrics, and the time. */
export interface Situation {
  /** `spec.replicas` of the target's Scale. */
  readonly current: number;
  /** The proposal of each metric, or the reason why there are no pods to measure. Empty where none was asked for. */
  readonly readings: readonly (Proposal | MetricError)[] | SelectionFailure;
  readonly history: History;
  /** Monotonic. */
  readonly nowMs: number;
  /** RFC 3339. */
  readonly now: string;
}

/** Decides what becomes of an autoscaler whose target was found. */
export function planAutoscaler(autoscaler: HorizontalPodAutoscaler, situation: Situation): Plan {
  const { current } = situation;
  const draft = new Draft(autoscaler, situation.now);
  draft.set('AbleToScale', 'True', 'SucceededGetScale', text.gotScale);
  draft.status.currentReplicas = current;
  const verdict = judgeSize(autoscaler.spec, current);
  if (verdict.type === 'disabled') {
    draft.set('ScalingActive', 'False', 'ScalingDisabled', text.disabled);
    return draft.stay(current);
  }
  if (verdict.type === 'bound') return draft.rescale(verdict.rescale);
  const best = chooseProposal(situation, draft);
  if (best === undefined) return draft.unchanged();
  const answer = limit(
    {
      current,
      wanted: best.replicas,
      min: autoscaler.spec.minReplicas ?? 1,
      max: autoscaler.spec.maxReplicas,
      behavior: autoscaler.spec.behavior,
      nowMs: situation.nowMs,
    },
    situation.history,
  );
  const [reason, message] = answer.stabilized ?? ['ReadyForNewScale', text.ready];
  draft.set('AbleToScale', 'True', reason, message);
  const [isLimited, limitReason, limitMessage] = answer.limited;
  draft.set('ScalingLimited', isLimited ? 'True' : 'False', limitReason, limitMessage);
  if (answer.replicas === current) return draft.stay(current);
  const up = answer.replicas > current;
  const why = up ? `${best.name} above target` : 'All metrics below target';
  return draft.rescale({ replicas: answer.replicas, reason: why });
}

/**
 * Chooses the greatest of the proposals. With a metric missing, more pods may be right and fewer may not: undefined
 * where nothing can be trusted.
 */
function chooseProposal({ readings, current }: Situation, draft: Draft): Proposal | undefined {
  if (!isReadings(readings)) {
    const { reason, condition, message } = readings;
    draft.warn(reason, message);
    draft.set('ScalingActive', 'False', condition.reason, condition.message);
    draft.warn('FailedComputeMetricsReplicas', message);
    return undefined;
  }
  const proposals = readings.flatMap((reading) => (isFailure(reading) ? [] : [reading]));
  const failures = readings.filter(isFailure);
  for (const failure of failures) draft.warn(failure.reason, failure.message);
  draft.status.currentMetrics = proposals.map(({ status }) => status);
  const best = proposals.toSorted((a, b) => b.replicas - a.replicas)[0];
  const [failure] = failures;
  if (failure !== undefined && (best === undefined || best.replicas < current)) {
    const message = `the HPA was unable to compute the replica count: ${failure.message}`;
    draft.set('ScalingActive', 'False', failure.reason, message);
    const count = `${failures.length} invalid out of ${readings.length}`;
    const first = `failed to get ${failure.metric} metric value: ${failure.message}`;
    draft.warn(
      'FailedComputeMetricsReplicas',
      `invalid metrics (${count}), first error is: ${first}`,
    );
    return undefined;
  }
  if (best !== undefined) {
    const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
    draft.set('ScalingActive', 'True', 'ValidMetricFound', message);
  }
  return best;
}

function isReadings(
  readings: Situation['readings'],
): readings is readonly (Proposal | MetricError)[] {
  return Array.isArray(readings);
}

function isFailure(reading: Proposal | MetricError): reading is MetricError {
  return reading instanceof MetricError;
}

/** Decides what becomes of an autoscaler whose target's size cannot be read. */
export function planWithoutTarget(
  autoscaler: HorizontalPodAutoscaler,
  failure: string,
  now: string,
): Plan {
  const draft = new Draft(autoscaler, now);
  draft.set('AbleToScale', 'False', 'FailedGetScale', `${text.noScale}: ${failure}`);
  draft.warn('FailedGetScale', failure);
  return draft.unchanged();
}

/** The plan after the new size was written; `failure`: after it was refused. */
export function afterRescale(
  { status, rescale }: Plan,
  failure: string | undefined,
  now: string,
): Omit<Plan, 'rescale'> {
  const { replicas = 0, reason: why = '' } = rescale ?? {};
  const condition = (state: string, reason: string, message: string) =>
    withCondition(status.conditions, { type: 'AbleToScale', status: state, reason, message }, now);
  if (failure !== undefined) {
    const message = `New size: ${replicas}; reason: ${why}; error: ${failure}`;
    const conditions = condition('False', 'FailedUpdateScale', `${text.notScaled}: ${failure}`);
    return {
      status: { ...status, conditions },
      notices: [{ type: 'Warning', reason: 'FailedRescale', message }],
    };
  }
  const message = `New size: ${replicas}; reason: ${why}`;
  const conditions = condition('True', 'SucceededRescale', `${text.scaled} ${replicas}`);
  return {
    status: { ...status, conditions, desiredReplicas: replicas, lastScaleTime: now },
    notices: [{ type: 'Normal', reason: 'SuccessfulRescale', message }],
  };
}

const text = {
  gotScale: "the HPA controller was able to get the target's current scale",
  noScale: "the HPA controller was unable to get the target's current scale",
  scaled: 'the HPA controller was able to update the target scale to',
  notScaled: 'the HPA controller was unable to update the target scale',
  disabled: 'scaling is disabled since the replica count of the target is zero',
  ready: 'recommended size matches current size',
};

/** The plan while it is made. */
class Draft {
  readonly status: Status;
  readonly #notices: Notice[] = [];
  readonly #now: string;

  constructor({ status }: HorizontalPodAutoscaler, now: string) {
    this.#now = now;
    this.status = cloneJson(status ?? { desiredReplicas: 0 });
  }

  set(type: string, status: string, reason: string, message: string): void {
    const { conditions } = this.status;
    const next = { type, status, reason, message };
    this.status.conditions = withCondition(conditions, next, this.#now);
  }

  warn(reason: string, message: string): void {
    this.#notices.push({ type: 'Warning', reason, message });
  }

  /** Nothing is known: `desiredReplicas` stays what it was. */
  unchanged(): Plan {
    return { status: this.status, notices: this.#notices, rescale: undefined };
  }

  /** The size is right. */
  stay(current: number): Plan {
    this.status.desiredReplicas = current;
    return this.unchanged();
  }

  /** Another size is to be set; `desiredReplicas` follows once it is. */
  rescale(rescale: Rescale): Plan {
    return { ...this.unchanged(), rescale };
  }
}
