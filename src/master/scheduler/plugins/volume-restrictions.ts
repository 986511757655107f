import type { FilterPlugin } from './types.js';
import { claimNames } from '../../../api/facts/pod-claims.js';

const failure = {
  plugin: 'VolumeRestrictions',
  reasons: [
    'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
  ],
  unresolvable: false,
};

/** A claim with the access mode ReadWriteOncePod is used by one pod at a time (KEP-2485). */
export const volumeRestrictions: FilterPlugin = {
  name: 'VolumeRestrictions',
  local: false,
  wakeOn: ['pod-deleted', 'volume', 'node'],
  prepare: ({ pod }, view) => {
    const { namespace = '' } = pod.metadata;
    const exclusive = claimNames(pod).filter(
      (name) =>
        view.claim(namespace, name)?.spec.accessModes?.includes('ReadWriteOncePod') === true,
    );
    if (exclusive.length === 0) return undefined;
    const taken = view.nodes.some((node) =>
      [...node.pods.values()].some(
        ({ pod: other }) =>
          other.metadata.namespace === namespace &&
          claimNames(other).some((name) => exclusive.includes(name)),
      ),
    );
    return taken ? () => failure : undefined;
  },
};
