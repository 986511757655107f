/** Decides how fast failing nodes lose their pods, zone by zone. Pure. @see kubernetes pkg/controller/nodelifecycle */
import { isConditionTrue } from '../../../api/facts/conditions.js';
import type { Node } from '../../../api/types/core.js';
import type { ControllerFlags } from '../flags.js';

type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

/** The flags that bound evictions. */
export type EvictionFlags = Pick<
  ControllerFlags,
  | 'nodeEvictionRate'
  | 'secondaryNodeEvictionRate'
  | 'unhealthyZoneThreshold'
  | 'largeClusterSizeThreshold'
>;

/** @param ready for each node of the zone, whether it is Ready */
export function zoneState(ready: readonly boolean[], threshold: number): ZoneState {
  const unhealthy = ready.filter((value) => !value).length;
  if (ready.length > 0 && unhealthy === ready.length) return 'FullDisruption';
  if (unhealthy > 2 && unhealthy / ready.length >= threshold) return 'PartialDisruption';
  return 'Normal';
}

/** Returns the key `region:zone` of a node; each part is empty where its label is absent. */
export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? '';
  return `${region}:${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** Nodes with this label do not count when the state of their zone is judged. */
const excludedLabel = 'node.kubernetes.io/exclude-disruption';

/**
 * Nodes a second that may be evicted in the zone of `node`: less in a zone with much trouble. `stopped` when everything
 * seems to be down: it is rather this controller that is cut off.
 * @param node which is in trouble, whatever its conditions still say
 */
export function evictionRate(
  node: Node,
  nodes: readonly Node[],
  flags: EvictionFlags,
): number | 'stopped' {
  const zones = new Map<string, boolean[]>();
  for (const other of nodes) {
    if (other.metadata.labels?.[excludedLabel] !== undefined) continue;
    const zone = zones.get(zoneOf(other)) ?? [];
    zone.push(isReady(other) && other.metadata.name !== node.metadata.name);
    zones.set(zoneOf(other), zone);
  }
  const states = new Map(
    [...zones].map(([zone, ready]) => [zone, zoneState(ready, flags.unhealthyZoneThreshold)]),
  );
  if ([...states.values()].every((state) => state === 'FullDisruption')) return 'stopped';
  const zone = zoneOf(node);
  if (states.get(zone) !== 'PartialDisruption') return flags.nodeEvictionRate;
  const size = zones.get(zone)?.length ?? 0;
  return size > flags.largeClusterSizeThreshold ? flags.secondaryNodeEvictionRate : 0;
}

function isReady(node: Node): boolean {
  return isConditionTrue(node.status?.conditions, 'Ready');
}
