/**
 * Decides on nodes by their heartbeats: when one is Unknown, when its pods may be evicted, and its taints. Pure.
 * @see kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go
 */
import { findCondition } from '../../../api/facts/conditions.js';
import { jsonEqual } from '../../../api/equal.js';
import { isPodReady, isPodTerminal } from '../../../api/facts/pods.js';
import type { Node, NodeCondition, Pod, Taint } from '../../../api/types/core.js';
import type { ControllerFlags } from '../flags.js';
import { isEvicting, unknownConditions, wantedTaints } from './taints.js';
import type { EvictionFlags } from './zones.js';
import { evictionRate, zoneOf } from './zones.js';

/** The signs of life of nodes, by the monotonic clock: a change of the lease or of the status is one. */
export class Heartbeats {
  readonly #nodes = new Map<string, { seenMs: number; readonly last: Map<string, string> }>();

  /** Notes the time that a node wrote into its lease or its status; only another one than before is a sign of life. */
  note(name: string, source: 'lease' | 'status', time: string | undefined, nowMs: number): void {
    const node = this.#of(name, nowMs);
    if (time === undefined || node.last.get(source) === time) return;
    node.last.set(source, time);
    node.seenMs = nowMs;
  }

  /** Milliseconds since the last sign of life; for a node that nobody knew, from now on. */
  silentMs(name: string, nowMs: number): number {
    return nowMs - this.#of(name, nowMs).seenMs;
  }

  forget(name: string): void {
    this.#nodes.delete(name);
  }

  #of(name: string, nowMs: number) {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { seenMs: nowMs, last: new Map() };
      this.#nodes.set(name, node);
    }
    return node;
  }
}

/** The flags that say how long a node may be silent. */
export type HealthFlags = Pick<
  ControllerFlags,
  'nodeStartupGracePeriodMs' | 'nodeMonitorGracePeriodMs' | 'nodeMonitorPeriodMs'
>;

/** The consequences of a node's silence. */
export interface HealthPlan {
  /** Its conditions, where it is to become Unknown. */
  readonly conditions: NodeCondition[] | undefined;
  /** It was Ready until now. */
  readonly wasReady: boolean;
  /** Until it is to be looked at again. */
  readonly nextMs: number;
}

/** Decides whether a node has been silent for too long; one that never reported gets the time of a start. */
export function planHealth(
  node: Node,
  silentMs: number,
  flags: HealthFlags,
  now: string,
): HealthPlan {
  const ready = readyOf(node);
  const graceMs =
    ready === undefined ? flags.nodeStartupGracePeriodMs : flags.nodeMonitorGracePeriodMs;
  const wasReady = ready === 'True';
  if (silentMs <= graceMs) {
    return { conditions: undefined, wasReady, nextMs: graceMs - silentMs + 1 };
  }
  const conditions = ready === 'Unknown' ? undefined : unknownConditions(node, now);
  return { conditions, wasReady, nextMs: flags.nodeMonitorPeriodMs };
}

/** The turns of the zones: when the next of their nodes may be evicted, on the monotonic clock. */
export class EvictionTurns {
  readonly #nextMs = new Map<string, number>();

  waitMs(zone: string, nowMs: number): number {
    return Math.max(0, (this.#nextMs.get(zone) ?? 0) - nowMs);
  }

  /** @param rate nodes a second */
  take(zone: string, rate: number, nowMs: number): void {
    this.#nextMs.set(zone, nowMs + 1000 / rate);
  }
}

/** The taints of a node, and when to look again. */
export interface TaintPlan {
  /** Undefined: they are right. */
  readonly taints: Taint[] | undefined;
  /** The eviction of its pods begins now, at this rate: the turn of its zone is taken. */
  readonly beginsAtRate?: number;
  /** Milliseconds until an eviction that has to wait may begin. */
  readonly waitMs?: number;
}

/** Decides on the taints of a node. @param turnWaitMs until the zone of the node has its next turn */
export function planTaints(
  node: Node,
  nodes: readonly Node[],
  turnWaitMs: number,
  flags: EvictionFlags & Pick<HealthFlags, 'nodeMonitorPeriodMs'>,
  now: string,
): TaintPlan {
  const ready = readyOf(node);
  const inTrouble = ready === 'False' || ready === 'Unknown';
  const rate = inTrouble ? evictionRate(node, nodes, flags) : 0;
  const present = node.spec.taints ?? [];
  const plan = (taints: Taint[], rest: Omit<TaintPlan, 'taints'>): TaintPlan => ({
    taints: jsonEqual(taints, present) ? undefined : taints,
    ...rest,
  });
  const waits = { waitMs: flags.nodeMonitorPeriodMs };
  if (rate === 'stopped') return plan(wantedTaints(node, 'stop', now), waits);
  const kept = wantedTaints(node, 'keep', now);
  if (!inTrouble || present.some(isEvicting)) return plan(kept, {});
  if (rate <= 0) return plan(kept, waits);
  if (turnWaitMs > 0) return plan(kept, { waitMs: turnWaitMs });
  return plan(wantedTaints(node, 'begin', now), { beginsAtRate: rate });
}

/**
 * Picks the pods that are no longer ready because nothing is heard of their node. A node that reports, and says that it
 * is not ready, tells of its pods itself.
 */
export function podsToMark(node: Node, pods: readonly Pod[]): Pod[] {
  if (readyOf(node) !== 'Unknown') return [];
  return pods.filter((pod) => !isPodTerminal(pod) && isPodReady(pod));
}

/** Tells whether a change of a node changes what the other nodes' zones are in. */
export function concernsOthers(old: Node, next: Node): boolean {
  return readyOf(old) !== readyOf(next) || zoneOf(old) !== zoneOf(next);
}

function readyOf(node: Node): string | undefined {
  return findCondition(node.status?.conditions, 'Ready')?.status;
}
