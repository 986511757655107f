import type { ScorePlugin } from './types.js';

const megabyte = 1024 * 1024;
/** Below this size an image counts nothing (kube-scheduler imagelocality). */
const minBytes = 23 * megabyte;
const maxBytesPerContainer = 1000 * megabyte;

/**
 * Nodes that already have the pod's images, by size. An image counts the more the more nodes have it, so that the first
 * node that has a new image does not get all of its pods.
 */
export const imageLocality: ScorePlugin = {
  name: 'ImageLocality',
  weight: 1,
  local: false,
  normalize: 'none',
  prepare: ({ pod }, view) => {
    const images = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
      .map((container) => normalizedName(container.image ?? ''))
      .filter((name) => name !== '')
      .map((name) => ({ name, spread: view.nodesWithImage(name) / view.nodes.length }));
    if (images.every(({ spread }) => spread === 0)) return undefined;
    const maxBytes = maxBytesPerContainer * images.length;
    return (node) => {
      const present = images.reduce(
        (sum, { name, spread }) => sum + Math.floor((node.images.get(name) ?? 0) * spread),
        0,
      );
      const bytes = Math.min(Math.max(present, minBytes), maxBytes);
      return Math.floor((100 * (bytes - minBytes)) / (maxBytes - minBytes));
    };
  },
};

/** A name without a tag means `latest`. */
function normalizedName(name: string): string {
  return name !== '' && name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
