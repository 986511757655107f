/**
 * Limits how fast an autoscaler follows its metrics: bounds, stabilisation and rates. Pure but for the history it is
 * handed.
 */

/** The rules for one direction of scaling, as `spec.behavior` of a HorizontalPodAutoscaler holds them. */
export interface ScalingRules {
  readonly policies?:
    | readonly {
        readonly type: string;
        readonly value: number;
        readonly periodSeconds: number;
      }[]
    | undefined;
  readonly selectPolicy?: string | undefined;
  readonly stabilizationWindowSeconds?: number | undefined;
}

/** The rules for both directions; one that is absent has the defaults of the API. */
export interface Behavior {
  readonly scaleUp?: ScalingRules | undefined;
  readonly scaleDown?: ScalingRules | undefined;
}

/** The recommendations and changes of one autoscaler, youngest last. */
export interface History {
  readonly recommendations: { readonly atMs: number; readonly replicas: number }[];
  /** Pods added (positive) or removed (negative). */
  readonly changes: { readonly atMs: number; readonly by: number }[];
}

/** The proposed number of replicas with the bounds, rules and time that limit it; numbers are counts of pods. */
export interface LimitQuestion {
  readonly current: number;
  readonly wanted: number;
  readonly min: number;
  readonly max: number;
  /** Undefined: no rules at all, which is not the same as rules by default. */
  readonly behavior: Behavior | undefined;
  readonly nowMs: number;
}

/** The number of replicas that the limits allow, and the conditions that explain it. */
export interface LimitAnswer {
  readonly replicas: number;
  /** Reason and message of the condition AbleToScale when an earlier recommendation won. */
  readonly stabilized?: readonly [reason: string, message: string];
  /** Reason and message of the condition ScalingLimited, and whether it is. */
  readonly limited: readonly [isLimited: boolean, reason: string, message: string];
}

const standardUp: Required<ScalingRules> = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const standardDown: Required<ScalingRules> = {
  stabilizationWindowSeconds: 300,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};
/** Longest window and period that the API allows. */
const keepMs = 3_600_000;

/** Without rules recommendations count for this long (`--horizontal-pod-autoscaler-downscale-stabilization`). */
const downscaleStabilizationMs = 300_000;

/** Remembers the size at which the autoscaler was first seen: what it scales down to is stabilised from then on. */
export function startHistory(replicas: number, nowMs: number): History {
  return { recommendations: [{ atMs: nowMs, replicas }], changes: [] };
}

/** Notes the recommendation and brings it within what is allowed now. */
export function limit(question: LimitQuestion, history: History): LimitAnswer {
  forget(history, question.nowMs);
  history.recommendations.push({ atMs: question.nowMs, replicas: question.wanted });
  const { behavior } = question;
  return behavior === undefined
    ? limitWithoutRules(question, history)
    : limitByRules(question, behavior, history);
}

function limitWithoutRules(
  { current, wanted, min, max, nowMs }: LimitQuestion,
  { recommendations }: History,
): LimitAnswer {
  const recent = recommendations.filter(({ atMs }) => nowMs - atMs < downscaleStabilizationMs);
  const stable = Math.max(wanted, ...recent.map(({ replicas }) => replicas));
  const stabilized = stable === wanted ? {} : { stabilized: downStabilized };
  const rate = Math.max(2 * current, 4);
  if (stable < min) return { replicas: min, ...stabilized, limited: tooFew };
  if (stable > Math.min(rate, max)) {
    const [replicas, limited] = max > rate ? [rate, tooFast('increase')] : [max, tooMany];
    return { replicas, ...stabilized, limited };
  }
  return { replicas: stable, ...stabilized, limited: within };
}

function limitByRules(
  question: LimitQuestion,
  { scaleUp, scaleDown }: Behavior,
  history: History,
): LimitAnswer {
  const { current, wanted, min, max, nowMs } = question;
  const up = fill(scaleUp, standardUp);
  const down = fill(scaleDown, standardDown);
  const stable = stabilize({ current, wanted, nowMs, up, down }, history);
  const reason = wanted >= current ? upStabilized : downStabilized;
  const stabilized = stable === wanted ? {} : { stabilized: reason };
  if (stable > current) {
    const rate = rateLimit(current, up, history, nowMs, 1);
    const bound = Math.min(rate, max);
    if (stable <= bound) return { replicas: stable, ...stabilized, limited: within };
    return { replicas: bound, ...stabilized, limited: rate < max ? tooFast('increase') : tooMany };
  }
  if (stable < current) {
    const rate = rateLimit(current, down, history, nowMs, -1);
    const bound = Math.max(rate, min);
    if (stable >= bound) return { replicas: stable, ...stabilized, limited: within };
    return { replicas: bound, ...stabilized, limited: rate > min ? tooFast('decrease') : tooFew };
  }
  return { replicas: stable, ...stabilized, limited: within };
}

const upStabilized = [
  'ScaleUpStabilized',
  'recent recommendations were lower than current one, applying the lowest recent recommendation',
] as const;
const downStabilized = [
  'ScaleDownStabilized',
  'recent recommendations were higher than current one, applying the highest recent recommendation',
] as const;
const within = [
  false,
  'DesiredWithinRange',
  'the desired count is within the acceptable range',
] as const;
const tooMany = [
  true,
  'TooManyReplicas',
  'the desired replica count is more than the maximum replica count',
] as const;
const tooFew = [
  true,
  'TooFewReplicas',
  'the desired replica count is less than the minimum replica count',
] as const;

function tooFast(direction: 'increase' | 'decrease'): readonly [boolean, string, string] {
  const reason = direction === 'increase' ? 'ScaleUpLimit' : 'ScaleDownLimit';
  const text = direction === 'increase' ? 'increasing' : 'decreasing';
  return [true, reason, `the desired replica count is ${text} faster than the maximum scale rate`];
}

function fill(rules: ScalingRules | undefined, standard: Required<ScalingRules>) {
  return {
    stabilizationWindowSeconds:
      rules?.stabilizationWindowSeconds ?? standard.stabilizationWindowSeconds ?? 0,
    selectPolicy: rules?.selectPolicy ?? standard.selectPolicy,
    policies: rules?.policies ?? standard.policies ?? [],
  };
}

type Filled = ReturnType<typeof fill>;

function stabilize(
  about: { current: number; wanted: number; nowMs: number; up: Filled; down: Filled },
  { recommendations }: History,
): number {
  const { current, nowMs, up, down } = about;
  let lowest = about.wanted;
  let highest = about.wanted;
  for (const { atMs, replicas } of recommendations) {
    if (nowMs - atMs < up.stabilizationWindowSeconds * 1000) lowest = Math.min(lowest, replicas);
    if (nowMs - atMs < down.stabilizationWindowSeconds * 1000) {
      highest = Math.max(highest, replicas);
    }
  }
  // As few steps as the windows allow: up to the lowest, down to the highest recent recommendation.
  return Math.min(Math.max(current, lowest), highest);
}

/** The farthest number of pods that the policies allow now. @param sign 1 up, -1 down */
function rateLimit(
  current: number,
  { policies, selectPolicy }: Filled,
  { changes }: History,
  nowMs: number,
  sign: 1 | -1,
): number {
  if (selectPolicy === 'Disabled') return current;
  const bounds = policies.map(({ type, value, periodSeconds }) => {
    const recent = changes.filter(({ atMs }) => nowMs - atMs < periodSeconds * 1000);
    const start = current - recent.reduce((sum, { by }) => sum + by, 0);
    if (type === 'Pods') return start + sign * value;
    const factor = 1 + (sign * value) / 100;
    return sign > 0 ? Math.ceil(start * factor - 1e-9) : Math.floor(start * factor + 1e-9);
  });
  if (bounds.length === 0) return current;
  const widest = selectPolicy !== 'Min';
  const bound = sign > 0 === widest ? Math.max(...bounds) : Math.min(...bounds);
  return sign > 0 ? Math.max(current, bound) : Math.max(0, Math.min(current, bound));
}

function forget({ recommendations, changes }: History, nowMs: number): void {
  while (recommendations[0] !== undefined && nowMs - recommendations[0].atMs > keepMs) {
    recommendations.shift();
  }
  while (changes[0] !== undefined && nowMs - changes[0].atMs > keepMs) changes.shift();
}
