/**
 * The choice of pods of lower priority to evict so that a pod fits. Pure.
 * @see kubernetes pkg/scheduler/framework/preemption
 */
import type { PodDisruptionBudget } from '../../api/types/policy.js';
import { compileSelector, isEmptySelector } from '../../api/facts/selectors.js';
import { findCondition } from '../../api/facts/conditions.js';
import type { SchedulerCache } from './cache.js';
import type { NodeInfo } from './node-info.js';
import { checkNode } from './place.js';
import type { Failure } from './plugins/types.js';
import type { PodInfo } from './pod-info.js';
import { preemptionMessage } from './messages.js';

/** The pods to evict from one node so that another fits. */
export interface Victims {
  readonly node: NodeInfo;
  /** In the order of their importance, most important first. */
  readonly pods: readonly PodInfo[];
  /** The number of victims that a disruption budget protects. */
  readonly violations: number;
}

/** Nodes that are tried at most: enough for a good choice, few enough for a short stop. */
const maxCandidates = 100;

/** The outcome of a preemption: pods to evict, a wait for earlier victims, or none with its cause. */
export type Preemption =
  | { readonly type: 'victims'; readonly victims: Victims }
  /** Victims of an earlier preemption are still ending where the pod is nominated. */
  | { readonly type: 'waiting'; readonly message: string }
  | { readonly type: 'none'; readonly message: string };

/**
 * Chooses the node on which evicting does the least harm.
 * @param failures why each node does not take the pod
 */
export function planPreemption(
  pod: PodInfo,
  failures: ReadonlyMap<string, Failure>,
  situation: {
    readonly cache: SchedulerCache;
    readonly budgets: readonly PodDisruptionBudget[];
    /** The node on which an earlier preemption made room for the pod. */
    readonly nominatedNode: NodeInfo | undefined;
  },
): Preemption {
  const { cache, budgets, nominatedNode } = situation;
  if (pod.pod.spec.preemptionPolicy === 'Never') {
    return { type: 'none', message: 'preemption: not eligible due to preemptionPolicy=Never.' };
  }
  if (nominatedNode !== undefined && failures.get(nominatedNode.name)?.unresolvable !== true) {
    const ending = [...nominatedNode.pods.values()].some(
      (other) => other.priority < pod.priority && isBeingPreempted(other),
    );
    const message = 'preemption: not eligible due to a terminating pod on the nominated node.';
    if (ending) return { type: 'waiting', message };
  }
  const reasons: string[] = [];
  const candidates: Victims[] = [];
  for (const [name, failure] of failures) {
    const node = cache.node(name);
    if (failure.unresolvable || node === undefined) {
      reasons.push('Preemption is not helpful for scheduling');
      continue;
    }
    if (candidates.length >= maxCandidates) break;
    const trial = selectVictims(pod, node, cache, budgets);
    if ('reasons' in trial) reasons.push(...trial.reasons);
    else candidates.push(trial);
  }
  const best = candidates.toSorted(compareVictims)[0];
  if (best !== undefined) return { type: 'victims', victims: best };
  return { type: 'none', message: preemptionMessage(failures.size, reasons) };
}

function isBeingPreempted({ pod }: PodInfo): boolean {
  if (pod.metadata.deletionTimestamp === undefined) return false;
  const condition = findCondition(pod.status?.conditions, 'DisruptionTarget');
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
}

/** The fewest, least important pods of one node; the reasons why not when even all together do not make room. */
function selectVictims(
  pod: PodInfo,
  node: NodeInfo,
  cache: SchedulerCache,
  budgets: readonly PodDisruptionBudget[],
): Victims | Pick<Failure, 'reasons'> {
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return { reasons: ['No preemption victims found for incoming pod'] };
  const trial = node.clone();
  const view = cache.withNode(trial);
  for (const other of lower) trial.removePod(other.key, node.generation);
  const failure = checkNode(pod, trial, view);
  if (failure !== undefined) return failure;
  const { violating, others } = splitByBudgets(lower.toSorted(byImportance), budgets);
  const victims: PodInfo[] = [];
  let violations = 0;
  const reprieve = (other: PodInfo): boolean => {
    trial.addPod(other, node.generation);
    if (checkNode(pod, trial, view) === undefined) return true;
    trial.removePod(other.key, node.generation);
    victims.push(other);
    return false;
  };
  for (const other of violating) if (!reprieve(other)) violations++;
  for (const other of others) reprieve(other);
  return { node, pods: victims.toSorted(byImportance), violations };
}

/** Most important first: higher priority, then older. */
function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0;
}

function startOf({ pod }: PodInfo): string {
  return pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '';
}

/**
 * Each pod uses up budgets that select it; a pod beyond what is allowed violates one. An empty selector selects none.
 */
function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const left = budgets
    .filter((budget) => !isEmptySelector(budget.spec.selector))
    .map((budget) => ({
      namespace: budget.metadata.namespace,
      matches: compileSelector(budget.spec.selector),
      /** Pods whose eviction the budget has granted and counted already. */
      disrupted: budget.status?.disruptedPods ?? {},
      allowed: budget.status?.disruptionsAllowed ?? 0,
    }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { namespace, labels, name } = info.pod.metadata;
    let violates = false;
    for (const budget of left) {
      if (budget.namespace !== namespace || !budget.matches(labels)) continue;
      if (budget.disrupted[name] !== undefined) continue;
      if (--budget.allowed < 0) violates = true;
    }
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/** Fewest budget violations, lowest top priority, lowest sum, fewest pods, latest start. */
function compareVictims(a: Victims, b: Victims): number {
  if (a.violations !== b.violations) return a.violations - b.violations;
  const top = topPriority(a) - topPriority(b);
  if (top !== 0) return top;
  const sum = prioritySum(a) - prioritySum(b);
  if (sum !== 0) return sum;
  if (a.pods.length !== b.pods.length) return a.pods.length - b.pods.length;
  const left = earliestStart(a);
  const right = earliestStart(b);
  return left === right ? 0 : left > right ? -1 : 1;
}

function topPriority({ pods }: Victims): number {
  return Math.max(...pods.map((pod) => pod.priority), Number.MIN_SAFE_INTEGER);
}

/** Shifted so that negative priorities add up too. */
function prioritySum({ pods }: Victims): number {
  return pods.reduce((sum, pod) => sum + pod.priority + 2 ** 31, 0);
}

function earliestStart(victims: Victims): string {
  const top = topPriority(victims);
  const starts = victims.pods.filter((pod) => pod.priority === top).map(startOf);
  return starts.toSorted()[0] ?? '';
}
