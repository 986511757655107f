/**
 * Computes the pods that a metric asks for. Pure.
 * @see kubernetes pkg/controller/podautoscaler replica_calculator.go
 */
import { parseQuantity } from '../../../api/quantity.js';
import type { Pod } from '../../../api/types/core.js';
import { longRunningContainers } from '../../../api/facts/pods.js';
import { parseTime } from '../../../api/facts/time.js';
import { findCondition } from '../../../api/facts/conditions.js';

/** The usage of one pod, in thousandths, and the time of its measurement. */
export interface PodUsage {
  readonly milli: number;
  readonly timestampMs: number;
  readonly windowMs: number;
}

/** The usage of a resource and its target, from which the number of replicas follows. */
export interface ReplicaQuestion {
  /** "cpu", "memory", … */
  readonly resource: string;
  /** Only this container, else the whole pod. */
  readonly container?: string;
  /** Percent of requests, or thousandths a pod. */
  readonly target: { readonly utilization: number } | { readonly averageMilli: number };
  readonly currentReplicas: number;
  readonly pods: readonly Pod[];
  readonly usage: ReadonlyMap<string, PodUsage>;
  /** The share of the target by which the usage may miss it before anything is done. */
  readonly tolerance: { readonly up: number; readonly down: number };
  readonly nowMs: number;
}

/** The number of replicas that one metric calls for, and the usage measured: `averageMilli` in thousandths a pod. */
export interface ReplicaAnswer {
  readonly replicas: number;
  /** Percent of the requests, for a target in percent. */
  readonly utilization?: number;
  readonly averageMilli: number;
}

/** Within this distance of the target nothing is done (`--horizontal-pod-autoscaler-tolerance`). */
export const defaultTolerance = 0.1;
/** A pod's CPU counts little while it starts (`--horizontal-pod-autoscaler-cpu-initialization-period`). */
const cpuInitializationMs = 300_000;
/** (`--horizontal-pod-autoscaler-initial-readiness-delay`) */
const initialReadinessMs = 30_000;

/** Thrown when the metric does not say anything; its message goes into the status. */
export class NoMetricError extends Error {
  override readonly name = 'NoMetricError';
  readonly code = 'NO_METRIC';
}

/** @throws NoMetricError */
export function replicasFor(question: ReplicaQuestion): ReplicaAnswer {
  const { pods, currentReplicas, target, tolerance } = question;
  const isSteady = (ratio: number): boolean =>
    ratio >= 1 - tolerance.down && ratio <= 1 + tolerance.up;
  if (pods.length === 0) {
    throw new NoMetricError('no pods returned by selector while calculating replica count');
  }
  const groups = groupPods(question);
  const requests = 'utilization' in target ? requestsOf(question) : undefined;
  if (groups.usage.size === 0) {
    throw new NoMetricError('did not receive metrics for targeted pods (pods might be unready)');
  }
  const first = ratioOf(groups.usage, requests, target);
  const answer = {
    averageMilli: first.averageMilli,
    ...(first.utilization === undefined ? {} : { utilization: first.utilization }),
  };
  const unreadyCounts = groups.unready.length > 0 && first.ratio > 1;
  if (!unreadyCounts && groups.missing.length === 0) {
    const replicas = isSteady(first.ratio)
      ? currentReplicas
      : ceil(first.ratio * groups.readyCount);
    return { replicas, ...answer };
  }
  const assumed = assume(question, groups, first.ratio, requests);
  const { ratio } = ratioOf(assumed, requests, target);
  const turned = (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1);
  if (isSteady(ratio) || turned) return { replicas: currentReplicas, ...answer };
  const replicas = ceil(ratio * assumed.size);
  const wrongWay =
    (ratio < 1 && replicas > currentReplicas) || (ratio > 1 && replicas < currentReplicas);
  return { replicas: wrongWay ? currentReplicas : replicas, ...answer };
}

interface Groups {
  readonly usage: ReadonlyMap<string, number>;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
  readonly readyCount: number;
}

function groupPods({ pods, usage, resource, nowMs }: ReplicaQuestion): Groups {
  const counted = new Map<string, number>();
  const unready: string[] = [];
  const missing: string[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    const used = usage.get(name);
    if (pod.status?.phase === 'Pending') unready.push(name);
    else if (used === undefined) missing.push(name);
    else if (resource === 'cpu' && isStarting(pod, used, nowMs)) unready.push(name);
    else counted.set(name, used.milli);
  }
  return { usage: counted, unready, missing, readyCount: counted.size };
}

function isStarting(pod: Pod, used: PodUsage, nowMs: number): boolean {
  const ready = findCondition(pod.status?.conditions, 'Ready');
  const startMs = parseTime(pod.status?.startTime);
  if (ready === undefined || startMs === undefined) return true;
  const changedMs = parseTime(ready.lastTransitionTime) ?? startMs;
  if (startMs + cpuInitializationMs > nowMs) {
    return ready.status === 'False' || used.timestampMs < changedMs + used.windowMs;
  }
  return ready.status === 'False' && startMs + initialReadinessMs > changedMs;
}

/** Requests of each pod in thousandths: those of its containers and sidecars. */
function requestsOf({ pods, resource, container }: ReplicaQuestion): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    let milli = 0;
    for (const { name, resources } of longRunningContainers(pod.spec)) {
      if (container !== undefined && name !== container) continue;
      const text = resources?.requests?.[resource];
      if (text === undefined) {
        throw new NoMetricError(
          `missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`,
        );
      }
      milli += milliOf(text);
    }
    requests.set(pod.metadata.name, milli);
  }
  return requests;
}

function ratioOf(
  usage: ReadonlyMap<string, number>,
  requests: ReadonlyMap<string, number> | undefined,
  target: ReplicaQuestion['target'],
): { ratio: number; averageMilli: number; utilization?: number } {
  let total = 0;
  let requested = 0;
  for (const [name, milli] of usage) {
    total += milli;
    requested += requests?.get(name) ?? 0;
  }
  const averageMilli = usage.size === 0 ? 0 : Math.floor(total / usage.size);
  if ('averageMilli' in target) return { ratio: averageMilli / target.averageMilli, averageMilli };
  if (requested === 0) throw new NoMetricError('no metrics returned matched known pods');
  const utilization = Math.floor((total * 100) / requested);
  return { ratio: utilization / target.utilization, averageMilli, utilization };
}

/** Assumes the usage of pods without metrics such that it holds back a change. */
function assume(
  { target }: ReplicaQuestion,
  groups: Groups,
  ratio: number,
  requests: ReadonlyMap<string, number> | undefined,
): Map<string, number> {
  const usage = new Map(groups.usage);
  // On the target the known pods say nothing about which way to go.
  for (const name of ratio === 1 ? [] : groups.missing) {
    const full =
      'averageMilli' in target
        ? target.averageMilli
        : Math.floor(((requests?.get(name) ?? 0) * Math.max(100, target.utilization)) / 100);
    usage.set(name, ratio < 1 ? full : 0);
  }
  if (ratio > 1) for (const name of groups.unready) usage.set(name, 0);
  return usage;
}

/** Rounds up, but not for what floating point added. */
function ceil(value: number): number {
  return Math.ceil(value - 1e-9);
}

/** Thousandths of a quantity, rounded up. */
export function milliOf(text: string): number {
  return parseQuantity(text)?.milliValue() ?? 0;
}
