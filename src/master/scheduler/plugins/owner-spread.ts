import { zoneLabel } from '../../../api/facts/well-known.js';
import type { ScorePlugin } from './types.js';

/** Pods of one controller go apart: over nodes first, and over zones (kube's default spread constraints). */
export const ownerSpread: ScorePlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  local: false,
  normalize: 'reverse',
  prepare: ({ ownerUid, pod }, view) => {
    if (ownerUid === undefined || (pod.spec.topologySpreadConstraints ?? []).length > 0) {
      return undefined;
    }
    const zones = new Map<string, number>();
    for (const node of view.nodes) {
      const zone = node.labels[zoneLabel];
      const count = node.ownerCounts.get(ownerUid);
      if (zone !== undefined && count !== undefined)
        zones.set(zone, (zones.get(zone) ?? 0) + count);
    }
    return (node) => {
      const zone = node.labels[zoneLabel];
      const inZone = zone === undefined ? 0 : (zones.get(zone) ?? 0);
      return (node.ownerCounts.get(ownerUid) ?? 0) * 2 + inZone;
    };
  },
};
