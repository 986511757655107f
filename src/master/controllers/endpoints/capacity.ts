/** The limit on the addresses of an Endpoints object. Pure. @see kubernetes pkg/controller/endpoint */
import type { EndpointAddress, EndpointSubset } from '../../../api/types/core.js';

/** Most addresses in an Endpoints object. */
const maxAddresses = 1000;

/** The annotation of an Endpoints object that does not hold all addresses; its value is `truncated`. */
export const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';

/**
 * Cuts subsets down to 1000 addresses, each by its share: ready addresses come first, and what room they leave is
 * shared by the others.
 * @returns undefined when all have room
 */
export function truncated(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const readyCount = sum(subsets.map(({ addresses = [] }) => addresses.length));
  const otherCount = sum(subsets.map(({ notReadyAddresses = [] }) => notReadyAddresses.length));
  if (readyCount + otherCount <= maxAddresses) return undefined;
  const cutsReady = readyCount > maxAddresses;
  const room = cutsReady ? maxAddresses : maxAddresses - readyCount;
  const count = cutsReady ? readyCount : otherCount;
  let left = room;
  return subsets.map(({ addresses = [], notReadyAddresses = [], ...rest }) => {
    const all = cutsReady ? addresses : notReadyAddresses;
    const share = Math.min(left, Math.ceil((all.length / count) * room));
    left -= share;
    const shown = all.slice(0, share);
    return {
      ...(cutsReady ? listed({ addresses: shown }) : listed({ addresses })),
      ...(cutsReady ? {} : listed({ notReadyAddresses: shown })),
      ...rest,
    };
  });
}

/** Leaves an empty list out. */
function listed<T extends Readonly<Record<string, readonly EndpointAddress[]>>>(
  lists: T,
): Partial<T> {
  return Object.values(lists).every((list) => list.length === 0) ? {} : lists;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
