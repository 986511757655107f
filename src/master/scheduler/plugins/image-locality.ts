import type { ScorePlugin } from './types.js';

const megabyte = 1024 * 1024;
/** Below this size an image counts nothing (kube-scheduler imagelocality). */
const minBytes = 23 * megabyte;
const maxBytesPerContainer = 1000 * megabyte;

/** Nodes that already have the pod's images, by size. */
export const imageLocality: ScorePlugin = {
  name: 'ImageLocality',
  weight: 1,
  local: true,
  normalize: 'none',
  prepare: ({ pod }) => {
    const images = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
      .map((container) => normalizedName(container.image ?? ''))
      .filter((name) => name !== '');
    const maxBytes = maxBytesPerContainer * images.length;
    return (node) => {
      const present = images.reduce((sum, name) => sum + (node.images.get(name) ?? 0), 0);
      const bytes = Math.min(Math.max(present, minBytes), maxBytes);
      if (maxBytes <= minBytes) return 0;
      return Math.floor((100 * (bytes - minBytes)) / (maxBytes - minBytes));
    };
  },
};

/** A name without a tag means `latest`. */
function normalizedName(name: string): string {
  return name !== '' && name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
