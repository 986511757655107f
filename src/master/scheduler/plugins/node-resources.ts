import type { FilterPlugin, ScorePlugin } from './types.js';

/** Requests of CPU, memory, storage, extended resources, and the number of pods fit into what is left of the node. */
export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  local: true,
  wakeOn: ['pod-deleted', 'pod-scaled-down', 'node'],
  prepare: ({ requests }) => {
    const wanted = Object.entries(requests).filter(([, amount]) => amount > 0);
    return (node) => {
      const reasons: string[] = [];
      const podLimit = node.allocatable['pods'] ?? 0;
      if (node.pods.size + 1 > podLimit) reasons.push('Too many pods');
      for (const [resource, amount] of wanted) {
        const total = node.allocatable[resource] ?? 0;
        if (amount <= total - (node.requested[resource] ?? 0)) continue;
        reasons.push(`Insufficient ${resource}`);
      }
      if (reasons.length === 0) return undefined;
      // Also of a node that is too small: kube-scheduler 1.33 finds that out by looking for victims.
      return { plugin: 'NodeResourcesFit', reasons, unresolvable: false };
    };
  },
};

/** The more is left, the better. */
export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  local: true,
  normalize: 'none',
  prepare:
    ({ scoring }) =>
    (node) => {
      const shares = [
        leftShare(node.allocatable['cpu'], node.scoring.cpu + scoring.cpu),
        leftShare(node.allocatable['memory'], node.scoring.memory + scoring.memory),
      ].filter((share) => share !== undefined);
      if (shares.length === 0) return 0;
      return Math.floor(shares.reduce((sum, share) => sum + share, 0) / shares.length);
    },
};

/** In hundredths; undefined for what the node does not have at all. */
function leftShare(total: number | undefined, used: number): number | undefined {
  if (total === undefined || total === 0) return undefined;
  return used > total ? 0 : Math.floor(((total - used) * 100) / total);
}

/** CPU and memory are used in about the same share. Pods that ask for neither unbalance no node. */
export const balancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  local: true,
  normalize: 'none',
  prepare: ({ requests }) => {
    const { cpu = 0, memory = 0 } = requests;
    if (cpu + memory === 0) return undefined;
    return (node) => {
      const cpuShare = share(node.allocatable['cpu'], (node.requested['cpu'] ?? 0) + cpu);
      const memoryShare = share(
        node.allocatable['memory'],
        (node.requested['memory'] ?? 0) + memory,
      );
      if (cpuShare === undefined || memoryShare === undefined) return 100;
      return Math.floor((1 - Math.abs(cpuShare - memoryShare) / 2) * 100);
    };
  },
};

function share(total: number | undefined, used: number): number | undefined {
  return total === undefined || total === 0 ? undefined : Math.min(1, used / total);
}
