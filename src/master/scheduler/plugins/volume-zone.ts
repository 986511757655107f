import { isClaimBound } from '../../../api/facts/volume-match.js';
import type { FilterPlugin } from './types.js';
import { claimNames } from '../../../api/facts/pod-claims.js';

const topologyKeys = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];
const failure = {
  plugin: 'VolumeZone',
  reasons: ['node(s) had no available volume zone'],
  unresolvable: true,
};

/**
 * Volumes with labels of a zone or region are reachable from nodes with the same; `__` stands between several values.
 */
export const volumeZone: FilterPlugin = {
  name: 'VolumeZone',
  local: false,
  wakeOn: ['volume', 'node'],
  prepare: ({ pod }, view) => {
    const wanted = claimNames(pod).flatMap((name) => {
      const claim = view.claim(pod.metadata.namespace ?? '', name);
      if (claim === undefined || !isClaimBound(claim)) return [];
      const labels = view.volume(claim.spec.volumeName ?? '')?.metadata.labels ?? {};
      return topologyKeys.flatMap((key) => {
        const value = labels[key];
        return value === undefined ? [] : [{ key, values: value.split('__') }];
      });
    });
    if (wanted.length === 0) return undefined;
    return ({ labels }) => {
      // Nodes without any such label belong to a cluster of one zone.
      if (topologyKeys.every((key) => labels[key] === undefined)) return undefined;
      const reachable = wanted.every(({ key, values }) => values.includes(labels[key] ?? ''));
      return reachable ? undefined : failure;
    };
  },
};
