/**
 * Which pod goes first when a node runs out of something, and what is said of it. Pure.
 * @see kubelet eviction/helpers.go, `rankMemoryPressure`, `rankDiskPressureFunc`, `evictionMessage`
 */
import { podAmounts } from '../../api/facts/amounts.js';
import { parseQuantity, quantityOf } from '../../api/quantity.js';
import type { Pod } from '../../api/types/core.js';
import { containersByRole } from '../pod/state.js';
import type { Observations, StarvedResource } from './pressure.js';
import { starvedResource } from './pressure.js';
import type { Threshold } from './thresholds.js';
import { amountOfValue } from './thresholds.js';

/** What a pod uses of the resource that is short. */
export interface PodUse {
  readonly pod: Pod;
  /** All of it; undefined: not known, which makes it go first. */
  readonly total: number | undefined;
  /** Of each container, by its name, where that is known. */
  readonly containers: ReadonlyMap<string, number>;
}

const criticalPriority = 2_000_000_000;

/** Pods that are never evicted: the node, or the cluster, does not work without them. */
export function isCriticalPod({ metadata, spec }: Pod): boolean {
  const { annotations = {} } = metadata;
  const isStatic = (annotations['kubernetes.io/config.source'] ?? 'api') !== 'api';
  const isMirror = annotations['kubernetes.io/config.mirror'] !== undefined;
  return isStatic || isMirror || (spec.priority ?? 0) >= criticalPriority;
}

/** Sorts pods: those that use more than they asked for, then those of low priority, then those that use most. */
export function rankForEviction(uses: readonly PodUse[], resource: StarvedResource): PodUse[] {
  const excess = new Map(uses.map((use) => [use, excessOf(use, resource)]));
  const of = (use: PodUse): number => excess.get(use) ?? 0;
  const exceeds = (use: PodUse): number => (resource === 'pids' || of(use) <= 0 ? 1 : 0);
  const priority = ({ pod }: PodUse): number => pod.spec.priority ?? 0;
  return uses.toSorted(
    (a, b) => exceeds(a) - exceeds(b) || priority(a) - priority(b) || difference(of(b), of(a)),
  );
}

function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** How much more than its request a pod uses; nobody asks for inodes and processes. */
function excessOf({ pod, total }: PodUse, resource: StarvedResource): number {
  if (total === undefined) return Number.POSITIVE_INFINITY;
  return total - (podAmounts(pod.spec, 'requests').get(resource)?.value() ?? 0);
}

/** The message of an eviction. @param due the thresholds that are met, the one that is acted on first */
export function evictionMessage(
  { pod, containers }: PodUse,
  due: readonly Threshold[],
  observations: Observations,
): string {
  const [first] = due;
  if (first === undefined) return '';
  const resource = starvedResource(first);
  const parts = [`The node was low on resource: ${resource}. `];
  const shown = due.find(
    (threshold) => starvedResource(threshold) === resource && observations.has(threshold.signal),
  );
  const seen = shown === undefined ? undefined : observations.get(shown.signal);
  if (shown !== undefined && seen !== undefined) {
    const quantity = amountOfValue(shown.value, seen.capacity);
    parts.push(
      `Threshold quantity: ${quantity.toString()}, available: ${seen.available.toString()}. `,
    );
  }
  for (const { container, role } of containersByRole(pod)) {
    const used = containers.get(container.name);
    if (used === undefined || role === 'ephemeral') continue;
    const request = parseQuantity(container.resources?.requests?.[resource] ?? '0');
    if (request === undefined || used <= request.value()) continue;
    const usage = quantityOf(used, 'BinarySI').toString();
    parts.push(
      `Container ${container.name} was using ${usage}, request is ${request.toString()}, has larger consumption of ${resource}. `,
    );
  }
  return parts.join('');
}
